"""
Asks a server everything that a decision needs, at one moment of its own clock, and returns it as data.

Six small requests: the clock, the newest and the recent samples of every metric of the contract, the firing alerts,
the targets and the rules. A question without an answer is kept as such; it never becomes a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from l4gate.base import ApiBadAnswer, ApiError, RuleError
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.verdict.look import Measurement, WriterReport
from l4gate.verdict.pages import UP, Expectation, loaded_rules, targets_of
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.series import (
    name_of,
    newest_samples,
    reading_of,
    series_key,
    source_of,
    strays,
    unbroken_evaluations,
)

_PUSH_TIME: Final = "push_time_seconds"
_PUSH_FAILURE_TIME: Final = "push_failure_time_seconds"
_TEXTFILE_ERROR: Final = "node_textfile_scrape_error"
_OF_PROGRAMS: Final = (UP, _PUSH_TIME, _PUSH_FAILURE_TIME, _TEXTFILE_ERROR)
# timestamp() tells how old the newest sample is, which an instant query of ALERTS itself hides.
_ALERTS: Final = 'timestamp(ALERTS{alertstate="firing"})'


def measure(
    api: PrometheusApi,
    rules_api: PrometheusApi,
    expectation: Expectation,
    realm: str,
    writer: Callable[[], WriterReport | None] = lambda: None,
) -> Measurement:
    """One look at one realm. Raises nothing: what got no answer stands in `errors`."""
    pace = expectation.pace
    contract = pace.contract
    asked = _selector(contract)
    try:
        now = api.now()
        present = api.query(asked, now)
        recent = api.query(f"{asked}[{_window(pace)}]", now)
        alerts = api.query(_ALERTS, now)
    except ApiError as error:
        kind = "bad-answer" if isinstance(error, ApiBadAnswer) else "unreachable"
        return Measurement(
            realm,
            0.0,
            errors={kind: Unreachable(api.base_url, error.message, error.next_step)},
            writer=writer(),
        )
    errors: dict[str, Unreachable] = {}
    warnings = present.warnings + recent.warnings + alerts.warnings
    newest = newest_samples(recent)
    visible = {series_key(series.labels): series for series in present.series}
    readings = {
        name: reading_of(name, realm, visible.values(), newest, now=now, pace=pace, warnings=warnings)
        for name in contract.read_by_the_gate
    }
    sources = [
        source_of(series, visible, newest, contract.heartbeat.sequence)
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
    details: list[dict[str, Any]] = []
    try:
        details = api.targets()
    except ApiError as error:
        errors["targets"] = Unreachable("/api/v1/targets", error.message, error.next_step)
    rules = None
    try:
        rules = loaded_rules(rules_api.rules(), expectation, realm, now)
    except (ApiError, RuleError) as error:
        errors["rules"] = Unreachable("/api/v1/rules", error.message, error.next_step)
    firing = {
        series.labels.get("alertname", "")
        for series in alerts.series
        if series.labels.get(contract.realm.label, realm) == realm
        and now - series.last.value <= pace.max_sample_age
    }
    return Measurement(
        realm=realm,
        at=now,
        readings=readings,
        strays={name: strays(name, realm, present.series, contract) for name in contract.decisive},
        evaluations=unbroken_evaluations(realm, visible.values(), newest, pace),
        targets=targets_of(realm, present, newest, details, contract),
        sources=tuple(own),
        foreign_sources=tuple(source for source in sources if source not in own),
        rules=rules,
        push_time=push.get(_PUSH_TIME),
        push_failure_time=push.get(_PUSH_FAILURE_TIME),
        textfile_error=any(
            name_of(series) == _TEXTFILE_ERROR and series.last.value != 0 for series in present.series
        ),
        # An alert counts as firing when either place says so: some servers answer only one of the two.
        abort_firing=frozenset(firing & contract.abort.alerts)
        | (rules.abort_firing if rules else frozenset()),
        firing_warnings=tuple(sorted(name for name in firing - contract.abort.alerts if name)),
        writer=writer(),
        errors=errors,
    )


def _selector(contract: Contract) -> str:
    """Everything that is read, in one question."""
    heartbeat = contract.heartbeat
    names = dict.fromkeys((*contract.read_by_the_gate, heartbeat.time, heartbeat.sequence, *_OF_PROGRAMS))
    return "{__name__=~" + f'"{"|".join(names)}"' + "}"


def _window(pace: Pace) -> str:
    return f"{round(pace.changes_window * 1000)}ms"
