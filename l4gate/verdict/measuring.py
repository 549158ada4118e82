"""
Asks a server everything that a decision needs, at one moment of its own clock, and returns it as data.

A fixed number of requests, however many rules there are: the clock, the newest and the recent samples of everything
that is read or recorded, the lookback, the targets, the rules, and what the rules' expressions give when they are asked
again. A question without an answer is kept as such; it never becomes a value.

This is the close look, with every sample of some minutes. Of many realms the wide look (`surveying`) comes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from l4gate.base import ApiBadAnswer, ApiError, RuleError
from l4gate.prometheus_api import PrometheusApi
from l4gate.verdict.clock import ClockReading
from l4gate.verdict.conditions import history_seconds
from l4gate.verdict.look import LoadedRules, Measurement, WriterReport
from l4gate.verdict.lookback import lookback_difference
from l4gate.verdict.pages import Expectation, RulesPage, config_diff
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.recomputed import Disagreement, records
from l4gate.verdict.recomputing import narrowed, recompute
from l4gate.verdict.seen import OF_PROGRAMS, PUSH_FAILURE_TIME, PUSH_TIME, Sighting, selector
from l4gate.verdict.series import evaluations_of, reading_of, recorded_samples
from l4gate.verdict.targets import UP, TargetsSeen
from l4gate.verdict.tenants import nothing_of
from l4gate.verdict.witness import Memory

_Page = TypeVar("_Page")
QUERY_PATH: Final = "/api/v1/query"


@dataclass(frozen=True)
class Parties:
    """Whom a look asks, and what it holds the answers against."""

    api: PrometheusApi
    rules_api: PrometheusApi
    expectation: Expectation
    memory: Memory


@dataclass
class Pages:
    """What one look learns of the server itself, the same for every realm; `errors` has what got no answer."""

    clock: ClockReading
    strayed: float
    errors: dict[str, Unreachable] = field(default_factory=dict)
    targets: list[dict[str, Any]] | None = None
    rules: RulesPage | None = None
    config_diff: str | None = None
    lookback: str = ""


def measure(
    asked: Parties,
    realms: tuple[str, ...],
    *,
    writer: Callable[[], WriterReport | None] = lambda: None,
    pages: Pages | None = None,
) -> tuple[Measurement, ...]:
    """
    One close look at each realm. Raises nothing: what got no answer stands in `errors`.

    With `pages` the server itself has been asked already, in the same look.
    """
    pace = asked.expectation.pace
    contract, label = pace.contract, pace.contract.realm.label
    fleet = asked.expectation.fleet or realms
    only = realms if len(fleet) > len(realms) else ()
    found = asked.expectation.chain(realms[0]).recordings
    heartbeat = (contract.heartbeat.time, contract.heartbeat.sequence)
    names = (*contract.read_by_the_gate, *(each.rule.name for each in found), *heartbeat, *OF_PROGRAMS)
    back = max(pace.changes_window, history_seconds(pace))
    # What targets say of themselves carries the realm that the configuration gives them.
    shown = (*only, fleet[0]) if only else ()
    try:
        given = pages or _asked_the_clock(asked)
        now = given.clock.server
        present = asked.api.query(selector((*names, *contract.of_known_jobs), label, shown), now)
        recent = asked.api.query(f"{selector(names, label, shown)}[{milliseconds(back)}ms]", now)
    except ApiError as error:
        return without_answer(asked.api, error, realms, writer())
    seen = Sighting(
        now, present.series, recent.series, pace, frozenset(fleet), present.warnings + recent.warnings
    )
    if pages is None:
        ask_pages(asked, given, seen, realms)
    disagreements: Mapping[str, tuple[Disagreement, ...]] | None = None
    try:
        if seen.warnings:
            raise partial(seen.warnings)
        made = {realm: records(found, seen.of(realm), now=now, pace=pace) for realm in realms}
        disagreements = recompute(asked.api, narrowed(found, label, only), made, asked.memory, pace)
    except ApiError as error:
        given.errors["recomputed"] = Unreachable(QUERY_PATH, error.message, error.next_step)
    targets = TargetsSeen(seen.ups, seen.newest, given.targets, contract)
    said = writer()
    return tuple(
        of_realm(
            asked,
            seen,
            given,
            targets,
            realm,
            disagreements=None if disagreements is None else disagreements[realm],
            writer=said,
        )
        for realm in realms
    )


def _asked_the_clock(asked: Parties) -> Pages:
    clock = asked.memory.read_clock(asked.api)
    return Pages(clock, asked.memory.clock_strayed(clock, asked.expectation.pace))


def ask_pages(asked: Parties, pages: Pages, seen: Sighting, realms: tuple[str, ...]) -> None:
    """Asks the server for what it says of itself."""
    errors = pages.errors
    try:
        if not seen.warnings:
            pages.lookback = lookback_difference(asked.api, UP, seen.recent, seen.now, seen.pace)
    except ApiError as error:
        errors["recomputed"] = Unreachable(QUERY_PATH, error.message, error.next_step)
    pages.targets = _page(errors, "targets", "/api/v1/targets", asked.api.targets)
    pages.rules = _page(errors, "rules", "/api/v1/rules", lambda: _rules(asked, pages.clock))
    pages.config_diff = _page(errors, "config", "/api/v1/status/config", lambda: _config(asked, realms))


def of_realm(
    asked: Parties,
    seen: Sighting,
    pages: Pages,
    targets: TargetsSeen,
    realm: str,
    *,
    disagreements: tuple[Disagreement, ...] | None,
    writer: WriterReport | None,
) -> Measurement:
    """What a look has brought back of one realm."""
    pace, mine = seen.pace, seen.of(realm)
    contract = pace.contract
    evaluations = evaluations_of(mine, pace)
    firing = seen.firing(realm)
    newest = evaluations.chain[-1].at if evaluations.chain else None
    rules: LoadedRules | None = pages.rules.of(realm) if pages.rules else None
    return Measurement(
        realm=realm,
        at=seen.now,
        clock=pages.clock,
        lookback=pages.lookback,
        clock_strayed=pages.strayed,
        witnessed=asked.memory.saw_new_evaluation(newest, realm),
        readings={
            name: reading_of(name, realm, mine, now=seen.now, pace=pace, warnings=seen.warnings)
            for name in contract.read_by_the_gate
        },
        histories={each.metric: recorded_samples(each.metric, mine) for each in contract.abort.conditions},
        disagreements=disagreements,
        made_from=asked.expectation.chain(realm).made_from,
        strays=seen.strays,
        evaluations=evaluations.chain,
        too_close=evaluations.too_close,
        targets=targets.of(realm),
        sources=seen.sources(realm),
        scraped_as_pushed=seen.scraped_as_pushed,
        stray_inputs=seen.stray_inputs(realm),
        foreign_sources=seen.foreign_sources,
        rules=rules,
        config_diff=pages.config_diff,
        push_time=seen.pushed(PUSH_TIME, realm),
        push_failure_time=seen.pushed(PUSH_FAILURE_TIME, realm),
        textfile_error=seen.textfile_error,
        reload_failed=seen.reload_failed,
        alerts_firing=firing & contract.abort.alerts,
        firing_warnings=tuple(
            sorted(name for name in firing - contract.abort.alerts if name and name != contract.watchdog)
        ),
        writer=writer,
        errors={**pages.errors, **nothing_of(realm, asked.api, seen)},
    )


def without_answer(
    api: PrometheusApi, error: ApiError, realms: tuple[str, ...], writer: WriterReport | None
) -> tuple[Measurement, ...]:
    """What is known of each realm when the server gave no answer: nothing, and why."""
    kind = "bad-answer" if isinstance(error, ApiBadAnswer) else "unreachable"
    errors = {kind: Unreachable(api.base_url, error.message, error.next_step)}
    return tuple(Measurement(realm, 0.0, errors=errors, writer=writer) for realm in realms)


def partial(warnings: tuple[str, ...]) -> ApiBadAnswer:
    """The error for an answer that lacks something."""
    return ApiBadAnswer(f"a partial answer: {'; '.join(warnings)}")


def _page(errors: dict[str, Unreachable], what: str, path: str, ask: Callable[[], _Page]) -> _Page | None:
    """What a page of the server says; None if it has no answer, and then `errors` says why."""
    try:
        return ask()
    except (ApiError, RuleError) as error:
        errors[what] = Unreachable(path, error.message, error.next_step)
        return None


def _rules(asked: Parties, clock: ClockReading) -> RulesPage:
    """
    The loaded rules; none can have been evaluated later than now.

    Raises:
        ApiError, RuleError: if there is no answer, or it is none.
    """
    answer = asked.rules_api.rules()
    since = max(time.monotonic() - clock.steady[0], 0.0)
    latest = clock.server + since + asked.expectation.pace.rule_interval
    page = RulesPage(answer, asked.expectation, clock.server, latest=latest, before=asked.memory.rules)
    asked.memory.rules = page.compared
    return page


def _config(asked: Parties, realms: tuple[str, ...]) -> str:
    """
    How the loaded configuration differs; a printout that was compared before is not compared again.

    Raises:
        ApiError: if nobody prints one: neither the server nor, where that is another, the one that has the rules.
    """
    api, rules_api, memory = asked.api, asked.rules_api, asked.memory
    try:
        text, untold = api.configuration(), api.untold
    except ApiBadAnswer:
        if rules_api is api:
            raise
        text, untold = rules_api.configuration(), rules_api.untold
    if memory.config is None or memory.config[0] != text:
        memory.config = text, config_diff(text, asked.expectation, realms, untold)
    return memory.config[1]


def milliseconds(seconds: float) -> int:
    """A duration in the unit that PromQL takes in whole numbers."""
    return round(seconds * 1000)
