"""What a server's own pages say, /api/v1/targets and /api/v1/rules, held against what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from l4gate.base import ApiBadAnswer, UsageError, parse_duration
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import QueryAnswer, SampleSeries, rfc3339
from l4gate.rules import (
    Recording,
    RuleGroup,
    diff_rules,
    groups_from_api,
    recordings,
    rules_hash,
    sources,
)
from l4gate.scraping import config_difference
from l4gate.verdict.keys import Key, name_of, series_key
from l4gate.verdict.look import LoadedRules, RuleFault, TargetState

UP: Final = "up"


@dataclass(frozen=True)
class Chain:
    """
    The recording rules of one realm, in order.

    `made_from`: by the name of each recorded metric of the contract, those that it is made from, itself included.
    """

    recordings: tuple[Recording, ...]
    made_from: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Expectation:
    """What the server is held against: the pace, and this repository's rules and prometheus.yml as loaded there."""

    pace: Pace
    groups: tuple[RuleGroup, ...]
    config: Mapping[str, Any]
    only_of: Contract | None = None  # leaves out rule groups of others, see `diff_rules`

    _chains: dict[str, Chain] = field(default_factory=dict, compare=False, repr=False)

    def chain(self, realm: str) -> Chain:
        """The recording rules of a realm; they are the same at every look."""
        if realm not in self._chains:
            contract = self.pace.contract
            found = recordings(self.groups, contract.realm.label, realm)
            made_from = {name: sources(found, name) for name in contract.recorded}
            self._chains[realm] = Chain(found, made_from)
        return self._chains[realm]


def targets_of(
    realm: str,
    present: QueryAnswer,
    newest: Mapping[Key, SampleSeries],
    details: list[dict[str, Any]] | None,
    contract: Contract,
) -> tuple[TargetState, ...]:
    """
    The targets of the contract's jobs, by their `up` and by the server's page (`details`; None if it gave none).

    The two are held together by all their labels: anybody can push an `up`, and a target without one is not scraped.
    A job without a target of the realm is shown by its targets of other realms.
    """
    listed: dict[Key, list[dict[str, Any]]] = {}
    for each in details or ():
        labels = each.get("labels")
        if isinstance(labels, dict):
            listed.setdefault(frozenset((key, _text(value)) for key, value in labels.items()), []).append(
                each
            )
    ups: dict[Key, SampleSeries] = {}
    for series in present.series:
        if name_of(series) == UP:
            ups[series_key(series.labels) - {("__name__", UP)}] = series
    targets = []
    for job in (*contract.required_jobs, *contract.advisory_jobs):
        found = [key for key in dict.fromkeys((*ups, *listed)) if ("job", job) in key]
        mine = [key for key in found if (contract.realm.label, realm) in key]
        for key in mine or found:
            targets += [
                _target(job, key, ups.get(key), detail, newest, asked=details is not None)
                for detail in listed.get(key) or [{}]
            ]
    return tuple(targets)


def _target(
    job: str,
    key: Key,
    up: SampleSeries | None,
    detail: Mapping[str, Any],
    newest: Mapping[Key, SampleSeries],
    *,
    asked: bool,
) -> TargetState:
    """One target by its `up`, by its entry on the page, or by both: then both must say that it is up."""
    raw = None if up is None else newest.get(series_key(up.labels))
    health = detail.get("health")
    # Without an `up` that a query still sees, the page tells why at most: it proves no scrape.
    alive = health != "down" if up is None else up.last.value == 1.0 and (not detail or health == "up")
    return TargetState(
        job=job,
        instance=dict(key).get("instance", ""),
        up=alive,
        sampled_at=raw.last.at if raw is not None else float("-inf"),
        listed=bool(detail) or not asked,
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


def config_diff(
    text: str, expectation: Expectation, realms: tuple[str, ...], untold: frozenset[str] = frozenset()
) -> str:
    """
    How the configuration that the server prints differs from the expected one; "" if it does not.

    `untold` is what it never prints, see `config_difference`.

    Raises:
        ApiBadAnswer: if it is none.
    """
    return config_difference(
        expectation.config,
        text,
        contract=expectation.pace.contract,
        realms=realms,
        foreign_allowed=expectation.only_of is not None,
        how_reached=False,
        untold=untold,
    )


def loaded_rules(
    data: dict[str, Any], expectation: Expectation, realm: str, now: float, *, latest: float
) -> LoadedRules:
    """
    The rules as loaded: how they differ from the expected ones, which abort rules are evaluated, which fire.

    `latest` is when the page was read at the latest: no evaluation can be later.

    Raises:
        ApiBadAnswer: if it is not of the API's shape, or an alert does not say plainly whether it fires.
    """
    loaded = groups_from_api(data)
    faults, evaluated, armed, firing, ahead = [], [], set(), set(), ""
    contract, limit = expectation.pace.contract, expectation.pace.max_sample_age
    for group in data["groups"]:
        for rule in group["rules"]:
            name = rule["name"]
            if (rule.get("labels") or {}).get(contract.realm.label, realm) != realm:
                continue
            at = unix_time(rule.get("lastEvaluation"))
            evaluated.append(at)
            if at > latest:
                ahead = ahead or f"rule {name} evaluated {at - now:.1f} s ahead of the server's clock"
            if rule.get("health") == "err":
                faults.append(RuleFault(name, _text(rule.get("lastError"))))
            if rule.get("type") != "alerting" or name not in contract.abort.alerts:
                continue
            if rule.get("health") == "ok" and now - at <= limit and at <= latest:
                armed.add(name)
                if _state(rule) == "firing":
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
        ahead=ahead,
    )


_ASK_THE_SERVER: Final = (
    "read that page on the server itself: no server says this, so something in between does."
)
_STATES: Final = ("inactive", "pending", "firing")  # from the least to the most


def _state(rule: Mapping[str, Any]) -> str:
    """
    The state of an alerting rule, which is the state of the worst of its alerts.

    Raises:
        ApiBadAnswer: if either is not one of the states, or they contradict each other.
    """
    said, alerts = rule.get("state"), rule.get("alerts")
    listed = alerts if isinstance(alerts, list) else [None]
    states = [each.get("state") if isinstance(each, dict) else None for each in listed]
    if said not in _STATES or any(state not in _STATES for state in states):
        shown = f"state {said!r:.40} with alerts {alerts!r:.80}"
        message = f"alert {rule['name']} has {shown}; every state is one of {', '.join(_STATES)}, in a list."
        raise ApiBadAnswer(message, next_step=_ASK_THE_SERVER)
    worst = max(states, key=_STATES.index, default=_STATES[0])
    if worst != said:
        message = f"alert {rule['name']} is said to be {said}, and the worst of its alerts is {worst}."
        raise ApiBadAnswer(message, next_step=_ASK_THE_SERVER)
    return worst


def unix_time(text: Any) -> float:
    """Unix seconds of a time on a page; minus infinity for none, and for what is no time: it proves no evaluation."""
    try:
        return rfc3339(text)
    except ValueError:
        return float("-inf")
