"""What a server's own pages say, /api/v1/targets and /api/v1/rules, held against what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from l4gate.base import UsageError, parse_duration
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import QueryAnswer, SampleSeries, rfc3339
from l4gate.rules import RuleGroup, diff_rules, groups_from_api, rules_hash
from l4gate.verdict.look import LoadedRules, RuleFault, TargetState
from l4gate.verdict.series import Key, name_of, series_key

UP: Final = "up"


@dataclass(frozen=True)
class Expectation:
    """What the server is held against: the pace, and this repository's rules as they should be loaded there."""

    pace: Pace
    groups: tuple[RuleGroup, ...]
    only_of: Contract | None = None  # leaves out rule groups of others, see `diff_rules`


def targets_of(
    realm: str,
    present: QueryAnswer,
    newest: Mapping[Key, SampleSeries],
    details: list[dict[str, Any]],
    contract: Contract,
) -> tuple[TargetState, ...]:
    """
    The targets of the contract's jobs: `up` is from the series, the reason why not from the page (`details`).

    A job without a series of the realm is shown by its targets of other realms, then by those of the page alone.
    """
    by_identity: dict[tuple[str, str], dict[str, Any]] = {}
    for each in details:
        labels = each.get("labels")
        if isinstance(labels, dict):
            by_identity[_text(labels.get("job")), _text(labels.get("instance"))] = each
    ups = [series for series in present.series if name_of(series) == UP]
    targets = []
    for job in (*contract.required_jobs, *contract.advisory_jobs):
        found = [series for series in ups if series.labels.get("job") == job]
        mine = [series for series in found if series.labels.get(contract.realm.label) == realm]
        for series in mine or found:
            instance = series.labels.get("instance", "")
            detail = by_identity.get((job, instance), {})
            raw = newest.get(series_key(series.labels))
            targets.append(
                TargetState(
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


def _unscraped(job: str, detail: Mapping[str, Any]) -> TargetState:
    """A target that is on the server's page, whose `up` is older than a query looks back: the page proves no scrape."""
    return TargetState(
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


def loaded_rules(data: dict[str, Any], expectation: Expectation, realm: str, now: float) -> LoadedRules:
    """The rules as loaded: how they differ from the expected ones, which abort rules are evaluated, which fire."""
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
        diff=diff_rules(expectation.groups, loaded, only_of=expectation.only_of),
        count=sum(len(group.rules) for group in loaded),
        faults=tuple(faults),
        abort_armed=frozenset(armed),
        abort_firing=frozenset(firing),
        oldest_evaluation=min(evaluated, default=None),
    )


def unix_time(text: Any) -> float:
    """Unix seconds of a time on a page; minus infinity for none, and for what is no time: it proves no evaluation."""
    try:
        return rfc3339(text)
    except ValueError:
        return float("-inf")
