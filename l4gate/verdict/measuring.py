"""
Asks a server everything that a decision needs, at one moment of its own clock, and returns it as data.

Six small requests: the clock, the newest and the recent samples of every metric of the contract, the firing alerts,
the targets and the rules. A question without an answer is kept as such; it never becomes a value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from l4gate.base import ApiBadAnswer, ApiError, RuleError, UsageError, parse_duration
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import PrometheusApi, QueryAnswer, SampleSeries
from l4gate.rules import RuleGroup, diff_rules, groups_from_api, rules_hash
from l4gate.settings import Foreign
from l4gate.verdict.decision import Evaluation
from l4gate.verdict.look import LoadedRules, Measurement, RuleFault, Source, Target, WriterReport
from l4gate.verdict.readings import Reading, Unreachable, read

_UP: Final = "up"
_PUSH_TIME: Final = "push_time_seconds"
_PUSH_FAILURE_TIME: Final = "push_failure_time_seconds"
_TEXTFILE_ERROR: Final = "node_textfile_scrape_error"
_OF_PROGRAMS: Final = (_UP, _PUSH_TIME, _PUSH_FAILURE_TIME, _TEXTFILE_ERROR)
# timestamp() tells how old the newest sample is, which an instant query of ALERTS itself hides.
_ALERTS: Final = 'timestamp(ALERTS{alertstate="firing"})'
# Rule evaluations of one group start an interval apart; half of one more is room for a busy machine.
_GAP_RULE_INTERVALS: Final = 1.5


@dataclass(frozen=True)
class Expectation:
    """What the server is held against: the pace, and this repository's rules as they should be loaded there."""

    pace: Pace
    groups: tuple[RuleGroup, ...]
    foreign: Foreign = "differ"


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
    newest = _newest(recent)
    visible = {_key(series.labels): series for series in present.series}
    readings = {
        name: _reading(name, realm, visible.values(), newest, now=now, pace=pace, warnings=warnings)
        for name in contract.read_by_the_gate
    }
    sources = [
        _source(series, visible, newest, contract.heartbeat.sequence)
        for series in present.series
        if _name(series) == contract.heartbeat.time
    ]
    own = [source for source in sources if source.labels.get(contract.realm.label) == realm]
    push = {
        _name(series): series.last.value
        for series in present.series
        if series.labels.get("job") == contract.heartbeat.job
        and _name(series) in (_PUSH_TIME, _PUSH_FAILURE_TIME)
    }
    details: list[dict[str, Any]] = []
    try:
        details = api.targets()
    except ApiError as error:
        errors["targets"] = Unreachable("/api/v1/targets", error.message, error.next_step)
    rules = None
    try:
        rules = _rules(rules_api.rules(), expectation, realm, now)
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
        strays={name: _strays(name, realm, present.series, contract) for name in contract.decisive},
        evaluations=_evaluations(realm, visible.values(), newest, pace),
        targets=_targets(realm, present, newest, details, contract),
        sources=tuple(own),
        foreign_sources=tuple(source for source in sources if source not in own),
        rules=rules,
        push_time=push.get(_PUSH_TIME),
        push_failure_time=push.get(_PUSH_FAILURE_TIME),
        textfile_error=any(
            _name(series) == _TEXTFILE_ERROR and series.last.value != 0 for series in present.series
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


def _name(series: SampleSeries) -> str:
    return series.labels.get("__name__", "")


def _key(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _newest(recent: QueryAnswer) -> dict[frozenset[tuple[str, str]], SampleSeries]:
    return {_key(series.labels): series for series in recent.series}


def _reading(
    name: str,
    realm: str,
    visible: Iterable[SampleSeries],
    newest: Mapping[frozenset[tuple[str, str]], SampleSeries],
    *,
    now: float,
    pace: Pace,
    warnings: tuple[str, ...],
) -> Reading:
    """A reading of the series visible now, with the true time of its sample (an instant query hides it)."""
    contract = pace.contract
    found = []
    for series in visible:
        if _name(series) == name and series.labels.get(contract.realm.label) == realm:
            raw = newest.get(_key(series.labels))
            at = raw.last.at if raw is not None else float("-inf")
            found.append((series.labels, at, series.last.value))
    return read(
        contract.selector(name, realm),
        found,
        now=now,
        max_age_seconds=pace.max_sample_age,
        boolean=name in contract.decisive,
        warnings=warnings,
    )


def _strays(
    name: str, realm: str, present: Iterable[SampleSeries], contract: Contract
) -> tuple[Mapping[str, str], ...]:
    return tuple(
        series.labels
        for series in present
        if _name(series) == name and series.labels.get(contract.realm.label) != realm
    )


def _evaluations(
    realm: str,
    visible: Iterable[SampleSeries],
    newest: Mapping[frozenset[tuple[str, str]], SampleSeries],
    pace: Pace,
) -> tuple[Evaluation, ...]:
    """
    The newest rule evaluations without a gap between them, oldest first.

    Of the series that are visible now only: one that ended minutes ago is still in the recent samples.
    """
    contract = pace.contract
    by_name: dict[str, list[SampleSeries]] = {name: [] for name in contract.decisive}
    for series in visible:
        raw = newest.get(_key(series.labels))
        if _name(series) in by_name and series.labels.get(contract.realm.label) == realm and raw is not None:
            by_name[_name(series)].append(raw)
    if any(len(found) != 1 for found in by_name.values()):
        return ()
    ok, fresh = ({s.at: s.value for s in by_name[name][0].samples} for name in contract.decisive)
    chain: list[Evaluation] = []
    for at in sorted(ok.keys() | fresh.keys(), reverse=True):
        if chain and chain[-1].at - at > _GAP_RULE_INTERVALS * pace.rule_interval:
            break
        chain.append(Evaluation(at, ok.get(at), fresh.get(at)))
    return tuple(reversed(chain))


def _source(
    series: SampleSeries,
    visible: Mapping[frozenset[tuple[str, str]], SampleSeries],
    newest: Mapping[frozenset[tuple[str, str]], SampleSeries],
    sequence: str,
) -> Source:
    twin = _key({**series.labels, "__name__": sequence})
    seq, history = visible.get(twin), newest.get(twin)
    raw = newest.get(_key(series.labels))
    return Source(
        labels={key: value for key, value in series.labels.items() if key != "__name__"},
        ts=series.last.value,
        seq=None if seq is None else seq.last.value,
        seq_changed=history is not None and len({sample.value for sample in history.samples}) > 1,
        sampled_at=raw.last.at if raw is not None else series.last.at,
    )


def _targets(
    realm: str,
    present: QueryAnswer,
    newest: Mapping[frozenset[tuple[str, str]], SampleSeries],
    details: list[dict[str, Any]],
    contract: Contract,
) -> tuple[Target, ...]:
    by_identity: dict[tuple[str, str], dict[str, Any]] = {}
    for each in details:
        labels = each.get("labels")
        if isinstance(labels, dict):
            by_identity[_text(labels.get("job")), _text(labels.get("instance"))] = each
    ups = [series for series in present.series if _name(series) == _UP]
    targets = []
    for job in (*contract.required_jobs, *contract.advisory_jobs):
        found = [series for series in ups if series.labels.get("job") == job]
        mine = [series for series in found if series.labels.get(contract.realm.label) == realm]
        for series in mine or found:
            instance = series.labels.get("instance", "")
            detail = by_identity.get((job, instance), {})
            raw = newest.get(_key(series.labels))
            targets.append(
                Target(
                    job=job,
                    instance=instance,
                    up=series.last.value == 1.0,
                    sampled_at=raw.last.at if raw is not None else float("-inf"),
                    last_error=_text(detail.get("lastError")),
                    scrape_timeout=_seconds(detail.get("scrapeTimeout")),
                )
            )
        if not found:
            targets += [_unscraped(job, each) for (owner, _), each in by_identity.items() if owner == job]
    return tuple(targets)


def _unscraped(job: str, detail: Mapping[str, Any]) -> Target:
    """A target that is on the server's page, whose `up` is older than a query looks back: the page proves no scrape."""
    return Target(
        job=job,
        instance=_text(detail["labels"].get("instance")),
        up=detail.get("health") != "down",
        sampled_at=float("-inf"),
        last_error=_text(detail.get("lastError")),
        scrape_timeout=_seconds(detail.get("scrapeTimeout")),
    )


def _text(value: Any) -> str:
    """A text of the server, or an empty one where it has none or something else."""
    return value if isinstance(value, str) else ""


def _seconds(duration: Any) -> float | None:
    try:
        return parse_duration(_text(duration))
    except (UsageError, ValueError):  # more digits than Python takes for a number
        return None


def _rules(data: dict[str, Any], expectation: Expectation, realm: str, now: float) -> LoadedRules:
    loaded = groups_from_api(data)
    faults, evaluated, armed, firing = [], [], set(), set()
    contract, limit = expectation.pace.contract, expectation.pace.max_sample_age
    for group in data["groups"]:
        for rule in group["rules"]:
            name = rule["name"]
            if (rule.get("labels") or {}).get(contract.realm.label, realm) != realm:
                continue
            at = unix_time(rule.get("lastEvaluation"))
            evaluated.append(at)
            if rule.get("health") == "err":
                faults.append(RuleFault(name, _text(rule.get("lastError"))))
            if rule.get("type") != "alerting" or name not in contract.abort.alerts:
                continue
            if rule.get("health") == "ok" and now - at <= limit:
                armed.add(name)
                alerts = rule.get("alerts")
                if isinstance(alerts, list) and any(
                    isinstance(alert, dict) and alert.get("state") == "firing" for alert in alerts
                ):
                    firing.add(name)
    return LoadedRules(
        expected_hash=rules_hash(expectation.groups),
        loaded_hash=rules_hash(loaded),
        diff=diff_rules(expectation.groups, loaded, foreign=expectation.foreign, contract=contract),
        count=sum(len(group.rules) for group in loaded),
        faults=tuple(faults),
        abort_armed=frozenset(armed),
        abort_firing=frozenset(firing),
        oldest_evaluation=min(evaluated, default=None),
    )


def unix_time(text: Any) -> float:
    """Unix seconds of an RFC 3339 time with up to nanoseconds; minus infinity for none ("0001-01-01...")."""
    try:
        parsed = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None or parsed.year == 1:
        return float("-inf")
    return parsed.timestamp()
