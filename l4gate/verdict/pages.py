"""What a server's own pages say, of rules and configuration, held against what is expected of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from l4gate.base import ApiBadAnswer
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import rfc3339
from l4gate.rules import (
    Recording,
    RuleGroup,
    all_rules,
    diff_rules,
    groups_from_api,
    recordings,
    rules_hash,
    sources,
)
from l4gate.scraping import config_difference
from l4gate.verdict.look import LoadedRules, RuleFault
from l4gate.verdict.targets import text as _text


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
    """
    What the server is held against: the pace, and this repository's rules and prometheus.yml as loaded there.

    `fleet` has the realms that the rules are rendered for; none: those that are judged. `ours` are those that may be on
    the same server beside them, as other shards have them.
    """

    pace: Pace
    groups: tuple[RuleGroup, ...]
    config: Mapping[str, Any]
    only_of: Contract | None = None  # leaves out rule groups of others, see `diff_rules`
    fleet: tuple[str, ...] = ()
    ours: frozenset[str] = frozenset()

    _chains: dict[str, Chain] = field(default_factory=dict, compare=False, repr=False)

    def chain(self, realm: str) -> Chain:
        """The recording rules of a realm; they are the same at every look, and in a fleet for every realm."""
        label = self.pace.contract.realm.label
        of = realm if self._says_realm else ""
        if of not in self._chains:
            # The roster is made from nothing, and no value of it makes a realm look better than it is: who is on it
            # has to be judged. So nobody asks for it again; its rules are held against the repository's.
            roster = self.pace.contract.realm.roster
            found = tuple(each for each in recordings(self.groups, label, realm) if each.rule.name != roster)
            made_from = {name: sources(found, name) for name in self.pace.contract.recorded}
            self._chains[of] = Chain(found, made_from)
        return self._chains[of]

    @cached_property
    def _says_realm(self) -> bool:
        label = self.pace.contract.realm.label
        return any(label in rule.labels for rule in all_rules(self.groups) if rule.kind == "record")

    @cached_property
    def hash(self) -> str:
        """The hash of the expected rules; of a fleet's it takes a while."""
        return rules_hash(self.groups)


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


@dataclass(frozen=True)
class Compared:
    """Loaded rules beside the expected ones, kept from look to look: parsing those of a fleet takes a while."""

    loaded: tuple[RuleGroup, ...]
    hash: str
    diff: str


def compared(loaded: tuple[RuleGroup, ...], expectation: Expectation, before: Compared | None) -> Compared:
    """How loaded rules differ from the expected ones; those that were compared before are not compared again."""
    if before is not None and before.loaded == loaded:
        return before
    return Compared(
        loaded, rules_hash(loaded), diff_rules(expectation.groups, loaded, only_of=expectation.only_of)
    )


class RulesPage:
    """
    The rules as loaded: how they differ from the expected ones, which abort rules are evaluated, which fire in a realm.

    `latest` is when the page was read at the latest: no evaluation can be later.

    Raises:
        ApiBadAnswer: if it is not of the API's shape, or an alert does not say plainly whether it fires.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        expectation: Expectation,
        now: float,
        *,
        latest: float,
        before: Compared | None = None,
    ) -> None:
        self.compared = compared(groups_from_api(data), expectation, before)
        self._expectation, self._now, self._latest = expectation, now, latest
        # By the realm that a rule says it is of; "" for one that is for every realm.
        self._rules: dict[str, list[Mapping[str, Any]]] = {}
        for group in data["groups"]:
            for rule in group["rules"]:
                own = (rule.get("labels") or {}).get(self._label, "")
                self._rules.setdefault(own, []).append(rule)
        self._for_all = self._of(self._rules.get("", ()))
        self._firing = self._firing_in_realms()

    @property
    def _label(self) -> str:
        return self._expectation.pace.contract.realm.label

    def of(self, realm: str) -> LoadedRules:
        """The rules that are for a realm."""
        own = self._rules.get(realm)
        firing = self._firing.get(realm, frozenset()) | self._firing.get("", frozenset())
        if own is None and not firing:
            return self._for_all
        found = self._of([*self._rules.get("", ()), *own]) if own else self._for_all
        return replace(found, abort_firing=found.abort_armed & firing)

    def _of(self, rules: Iterable[Mapping[str, Any]]) -> LoadedRules:
        faults, evaluated, armed, ahead = [], [], set(), ""
        pace = self._expectation.pace
        for rule in rules:
            name, at = rule["name"], unix_time(rule.get("lastEvaluation"))
            evaluated.append(at)
            if at > self._latest:
                seconds = at - self._now
                ahead = ahead or f"rule {name} evaluated {seconds:.1f} s ahead of the server's clock"
            if rule.get("health") == "err":
                faults.append(RuleFault(name, _text(rule.get("lastError"))))
            if rule.get("type") != "alerting" or name not in pace.contract.abort.alerts:
                continue
            recent = self._now - at <= pace.max_sample_age and at <= self._latest
            if rule.get("health") == "ok" and recent:
                armed.add(name)
        return LoadedRules(
            expected_hash=self._expectation.hash,
            loaded_hash=self.compared.hash,
            diff=self.compared.diff,
            count=sum(len(group.rules) for group in self.compared.loaded),
            faults=tuple(faults),
            abort_armed=frozenset(armed),
            oldest_evaluation=min(evaluated, default=None),
            ahead=ahead,
        )

    def _firing_in_realms(self) -> Mapping[str, set[str]]:
        """By realm, the abort alerts that the page says are firing; a rule of a fleet has an alert for each realm."""
        firing: dict[str, set[str]] = {}
        for own, rules in self._rules.items():
            for rule in rules:
                is_abort = rule["name"] in self._expectation.pace.contract.abort.alerts
                if rule.get("type") != "alerting" or not is_abort or _state(rule) != "firing":
                    continue
                for realm in (own,) if own else self._realms_of(rule):
                    firing.setdefault(realm, set()).add(rule["name"])
        return firing

    def _realms_of(self, rule: Mapping[str, Any]) -> Iterator[str]:
        """The realms whose alert fires; "" for all of them, where it does not say."""
        for alert in rule["alerts"]:
            if alert["state"] == "firing":
                labels = alert.get("labels")
                realm = labels.get(self._label) if isinstance(labels, dict) else None
                yield realm if isinstance(realm, str) else ""


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
