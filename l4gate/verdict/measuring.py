"""
Asks a server everything that a decision needs, at one moment of its own clock, and returns it as data.

A fixed number of requests, however many rules there are: the clock, the newest and the recent samples of everything
that is read or recorded, the lookback, the targets, the rules, and what the rules' expressions give when they are asked
again. A question without an answer is kept as such; it never becomes a value.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from l4gate.base import ApiBadAnswer, ApiError, RuleError
from l4gate.contract import Contract
from l4gate.prometheus_api import PrometheusApi, QueryAnswer, SampleSeries
from l4gate.rules import Recording
from l4gate.verdict.conditions import history_seconds
from l4gate.verdict.keys import Key, name_of, newest_samples, of_realm, series_key
from l4gate.verdict.look import LoadedRules, Measurement, WriterReport
from l4gate.verdict.lookback import lookback_difference
from l4gate.verdict.pages import UP, Expectation, config_diff, loaded_rules, targets_of
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.recomputed import records
from l4gate.verdict.recomputing import recompute
from l4gate.verdict.series import (
    evaluations_of,
    reading_of,
    recorded_samples,
    scrape_times,
    source_of,
    stray_inputs,
    strays,
)
from l4gate.verdict.witness import ClockReading, Memory

_Page = TypeVar("_Page")
_PUSH_TIME: Final = "push_time_seconds"
_PUSH_FAILURE_TIME: Final = "push_failure_time_seconds"
_TEXTFILE_ERROR: Final = "node_textfile_scrape_error"
_ALERTS: Final = "ALERTS"
_RELOADED: Final = "prometheus_config_last_reload_successful"
_OF_PROGRAMS: Final = (UP, _PUSH_TIME, _PUSH_FAILURE_TIME, _TEXTFILE_ERROR, _ALERTS, _RELOADED)


def measure(
    api: PrometheusApi,
    rules_api: PrometheusApi,
    expectation: Expectation,
    realm: str,
    *,
    memory: Memory,
    writer: Callable[[], WriterReport | None] = lambda: None,
) -> Measurement:
    """One look at one realm. Raises nothing: what got no answer stands in `errors`."""
    pace = expectation.pace
    contract = pace.contract
    chain = expectation.chain(realm)
    found = chain.recordings
    asked = _selector(contract, found)
    try:
        clock = memory.read_clock(api)
        now = clock.server
        present = api.query(_selector(contract, found, contract.of_known_jobs), now)
        recent = api.query(
            f"{asked}[{_milliseconds(max(pace.changes_window, history_seconds(pace)))}ms]", now
        )
    except ApiError as error:
        kind = "bad-answer" if isinstance(error, ApiBadAnswer) else "unreachable"
        return Measurement(
            realm,
            0.0,
            errors={kind: Unreachable(api.base_url, error.message, error.next_step)},
            writer=writer(),
        )
    errors: dict[str, Unreachable] = {}
    warnings = present.warnings + recent.warnings
    newest = newest_samples(recent)
    visible = {series_key(series.labels): series for series in present.series}
    mine = of_realm(present.series, newest, contract.realm.label, realm)
    readings = {
        name: reading_of(name, realm, mine, now=now, pace=pace, warnings=warnings)
        for name in contract.read_by_the_gate
    }
    scrapes = scrape_times(recent, UP)
    sources = [
        source_of(series, visible, newest, scrapes, contract, since=now - pace.changes_window)
        for series in present.series
        if name_of(series) == contract.heartbeat.time
    ]
    own = [source for source in sources if source.labels.get(contract.realm.label) == realm]
    push = {
        name_of(series): series.last.value
        for series in present.series
        if series.labels.get("job") == contract.heartbeat.job
        and name_of(series) in (_PUSH_TIME, _PUSH_FAILURE_TIME)
    }
    evaluations = evaluations_of(mine, pace)
    lookback, disagreements = "", None
    try:
        if warnings:
            raise ApiBadAnswer(f"a partial answer: {'; '.join(warnings)}")
        lookback = lookback_difference(api, UP, recent.series, now, pace)
        made = records(found, mine, now=now, pace=pace)
        disagreements = recompute(api, found, made, memory, pace)
    except ApiError as error:
        errors["recomputed"] = Unreachable("/api/v1/query", error.message, error.next_step)
    details = _page(errors, "targets", "/api/v1/targets", api.targets)
    rules = _page(errors, "rules", "/api/v1/rules", lambda: _rules(rules_api, expectation, realm, clock))
    difference = _page(
        errors,
        "config",
        "/api/v1/status/config",
        lambda: _config(api, rules_api, expectation, realm, memory),
    )
    firing = _firing(present, newest, expectation, realm, now)
    return Measurement(
        realm=realm,
        at=now,
        clock=clock,
        lookback=lookback,
        clock_strayed=memory.clock_strayed(clock, pace),
        witnessed=memory.saw_new_evaluation(evaluations.chain[-1].at if evaluations.chain else None),
        readings=readings,
        histories={each.metric: recorded_samples(each.metric, mine) for each in contract.abort.conditions},
        disagreements=disagreements,
        made_from=chain.made_from,
        strays={name: strays(name, realm, present.series, contract) for name in contract.decisive},
        evaluations=evaluations.chain,
        too_close=evaluations.too_close,
        targets=targets_of(realm, present, newest, details, contract),
        sources=tuple(own),
        scraped_as_pushed=any(
            name_of(series) == UP and series.labels.get("job") == contract.heartbeat.job
            for series in present.series
        ),
        stray_inputs=stray_inputs(realm, present.series, contract),
        foreign_sources=tuple(source for source in sources if source not in own),
        rules=rules,
        config_diff=difference,
        push_time=push.get(_PUSH_TIME),
        push_failure_time=push.get(_PUSH_FAILURE_TIME),
        textfile_error=any(
            name_of(series) == _TEXTFILE_ERROR and series.last.value != 0 for series in present.series
        ),
        reload_failed=any(
            name_of(series) == _RELOADED
            and series.labels.get("job") == contract.targets.prometheus.job
            and series.last.value == 0
            for series in present.series
        ),
        alerts_firing=frozenset(firing & contract.abort.alerts),
        firing_warnings=tuple(
            sorted(name for name in firing - contract.abort.alerts if name and name != contract.watchdog)
        ),
        writer=writer(),
        errors=errors,
    )


def _page(errors: dict[str, Unreachable], what: str, path: str, ask: Callable[[], _Page]) -> _Page | None:
    """What a page of the server says; None if it has no answer, and then `errors` says why."""
    try:
        return ask()
    except (ApiError, RuleError) as error:
        errors[what] = Unreachable(path, error.message, error.next_step)
        return None


def _rules(api: PrometheusApi, expectation: Expectation, realm: str, clock: ClockReading) -> LoadedRules:
    """
    The loaded rules; none can have been evaluated later than now.

    Raises:
        ApiError, RuleError: if there is no answer, or it is none.
    """
    answer = api.rules()
    since = max(time.monotonic() - clock.steady[0], 0.0)
    latest = clock.server + since + expectation.pace.rule_interval
    return loaded_rules(answer, expectation, realm, clock.server, latest=latest)


def _config(
    api: PrometheusApi, rules_api: PrometheusApi, expectation: Expectation, realm: str, memory: Memory
) -> str:
    """
    How the loaded configuration differs; a printout that was compared before is not compared again.

    Raises:
        ApiError: if nobody prints one: neither the server nor, where that is another, the one that has the rules.
    """
    try:
        text, untold = api.configuration(), api.untold
    except ApiBadAnswer:
        if rules_api is api:
            raise
        text, untold = rules_api.configuration(), rules_api.untold
    if memory.config is None or memory.config[0] != text:
        memory.config = text, config_diff(text, expectation, (realm,), untold)
    return memory.config[1]


def _firing(
    present: QueryAnswer,
    newest: Mapping[Key, SampleSeries],
    expectation: Expectation,
    realm: str,
    now: float,
) -> set[str]:
    """The alerts that `ALERTS` says are firing now: an instant query alone shows those of minutes ago too."""
    pace = expectation.pace
    names = set()
    for series in present.series:
        raw = newest.get(series_key(series.labels))
        if (
            name_of(series) == _ALERTS
            and series.labels.get("alertstate") == "firing"
            and series.labels.get(pace.contract.realm.label, realm) == realm
            and raw is not None
            and now - raw.last.at <= pace.max_sample_age
        ):
            names.add(series.labels.get("alertname", ""))
    return names


def _selector(contract: Contract, found: tuple[Recording, ...], more: Iterable[str] = ()) -> str:
    """Everything that is read, in one question."""
    heartbeat = contract.heartbeat
    recorded = (each.rule.name for each in found)
    names = dict.fromkeys(
        (*contract.read_by_the_gate, *recorded, heartbeat.time, heartbeat.sequence, *more, *_OF_PROGRAMS)
    )
    return "{__name__=~" + f'"{"|".join(names)}"' + "}"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
