"""
Asks a server everything that a decision needs, at one moment of its own clock, and returns it as data.

A fixed number of requests, however many rules there are: the clock, the newest and the recent samples of everything
that is read or recorded, the lookback, the targets, the rules, and what the rules' expressions give when they are asked
again. A question without an answer is kept as such; it never becomes a value.

This is the close look, with every sample of some minutes. Of many realms the wide look (`surveying`) comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from l4gate.base import ApiBadAnswer, ApiError
from l4gate.prometheus_api import PrometheusApi
from l4gate.verdict.conditions import history_seconds
from l4gate.verdict.look import LoadedRules, Measurement, WriterReport
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.recomputed import Disagreement, records
from l4gate.verdict.recomputing import narrowed, recompute
from l4gate.verdict.seen import OF_PROGRAMS, PUSH_FAILURE_TIME, PUSH_TIME, Sighting, selector
from l4gate.verdict.series import evaluations_of, reading_of, recorded_samples
from l4gate.verdict.server_pages import QUERY_PATH, Pages, Parties, ask_pages
from l4gate.verdict.targets import TargetsSeen
from l4gate.verdict.tenants import nothing_of


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
        now, present.series, recent.series, pace, asked.ours(realms), present.warnings + recent.warnings
    )
    if pages is None:
        ask_pages(asked, given, seen, realms)
    disagreements: Mapping[str, tuple[Disagreement, ...]] | None = None
    try:
        if seen.warnings:
            raise partial(seen.warnings)
        made = {realm: records(found, seen.of(realm), now=now, pace=pace) for realm in realms}
        disagreements = recompute(asked.evaluator, narrowed(found, label, only), made, asked.memory, pace)
    except ApiError as error:
        given.errors["recomputed"] = Unreachable(QUERY_PATH, error.message, error.next_step)
    targets = TargetsSeen(seen.ups, seen.newest, given.targets, contract, fleet)
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


def milliseconds(seconds: float) -> int:
    """A duration in the unit that PromQL takes in whole numbers."""
    return round(seconds * 1000)
