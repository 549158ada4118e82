"""
One rule set for many realms, made from the rules of one by their syntax trees; and the way back.

A rule of one realm selects it by name and gives its name to what it records. In a fleet each rule takes every realm at
once and lets each series keep its own, so the number of rules does not grow with the realms. Which realms there are is
recorded too, as the roster: a series for each, made from nothing. Who is not on it is recorded as nothing, and who is
on it and sends no heartbeat still has its 0: what one realm falls back to becomes a value for each of the roster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from l4gate import promql
from l4gate.base import RuleError
from l4gate.contract import Contract
from l4gate.promql import Aggregate, Binary, Call, Matcher, Matching, Node, Number, Selector, String
from l4gate.rules.model import Rule, RuleGroup

ROSTER_GROUP: Final = "realms"
ROSTER_FILE: Final = "realms.rules.yml"
# With 64 characters for each realm a rule has 8 kB: VictoriaMetrics takes 16 kB for an expression, and our own parser
# 500 operators.
_REALMS_PER_RULE: Final = 60
_ANY: Final = ".+"


def every_realm(label: str) -> Matcher:
    """The matcher by which a rule of a fleet takes every realm."""
    return Matcher(label, "=~", _ANY)


def realm_pattern(realms: Iterable[str]) -> str:
    """A regular expression for these realms; of what their names may hold, a point alone means something there."""
    return "|".join(realm.replace(".", "[.]") for realm in realms)


class Fleet:
    """
    Rules of several realms, as seen from the rules of the contract's own.

    Args:
        contract: names the label, the roster and the realm that the given rules are of.
        recorded: what those rules record.
        first: the realm that targets carry, and with them what is not pushed.
    """

    def __init__(self, contract: Contract, recorded: frozenset[str], first: str) -> None:
        self._contract = contract
        self._label = contract.realm.label
        self._roster = Selector(name=contract.realm.roster, matchers=(every_realm(self._label),))
        self._recorded = recorded | {contract.realm.roster}
        self._first = first

    def groups(self, given: tuple[RuleGroup, ...]) -> tuple[RuleGroup, ...]:
        """
        The given groups for every realm of the roster.

        Raises:
            RuleError: naming file and line of a rule that would mix realms.
        """
        return tuple(replace(group, rules=tuple(map(self._rule, group.rules))) for group in given)

    def roster(self, realms: tuple[str, ...], interval: float) -> RuleGroup:
        """The group that records which realms there are, every `interval` seconds."""
        chunks = [realms[at : at + _REALMS_PER_RULE] for at in range(0, len(realms), _REALMS_PER_RULE)]
        rules = [
            Rule("record", self._contract.realm.roster, promql.to_text(self._listed(chunk)), {})
            for chunk in chunks
        ]
        return RuleGroup(ROSTER_GROUP, interval, tuple(rules))

    def _listed(self, realms: tuple[str, ...]) -> Node:
        """A series of 1 for each realm; halved again and again, as a long chain would be deep."""
        if len(realms) == 1:
            name, empty = String(realms[0]), String("")
            one = Call("vector", (Number(1.0),))
            return Call("label_replace", (one, String(self._label), name, empty, empty))
        half = len(realms) // 2
        return Binary("or", self._listed(realms[:half]), self._listed(realms[half:]))

    def _rule(self, rule: Rule) -> Rule:
        tree = promql.transform(promql.normalise(rule.tree), lambda node: self._node(node, rule))
        if self._reads_own(tree):
            tree = Binary("and", tree, self._roster, matching=self._by_realm())
        labels = dict(rule.labels)
        if self._keeps_realm(tree):
            labels.pop(self._label, None)
        elif self._reads_own(tree):
            raise self._mixes(rule, "its result has no label that says of which realm it is")
        elif labels.get(self._label) == self._contract.realm.default:
            labels[self._label] = self._first
        return replace(rule, expr=promql.to_text(tree), labels=labels)

    def _node(self, node: Node, rule: Rule) -> Node:
        """A node for all realms; its children are already."""
        match node:
            case Selector(name=name, matchers=matchers):
                wanted = (
                    every_realm(self._label) if self._is_own(name) else Matcher(self._label, "=", self._first)
                )
                return replace(node, matchers=tuple(self._matcher(each, wanted, rule) for each in matchers))
            case Call(func="absent", args=(inner,)) if self._keeps_own_realm(inner):
                return Binary("unless", self._roster, inner, matching=self._by_realm())
            case Binary(op="or", lhs=lhs, rhs=Call(func="vector", args=(Number(value=value),))) if (
                self._keeps_realm(lhs)
            ):
                return replace(node, rhs=self._value(value), matching=self._by_realm())
            case Call(func="label_replace", args=(_, String(value=label), *_)) if label == self._label:
                raise self._mixes(rule, f"it writes {self._label} itself")
            case _:
                return node

    def _matcher(self, matcher: Matcher, wanted: Matcher, rule: Rule) -> Matcher:
        if matcher.label != self._label:
            return matcher
        if (matcher.op, matcher.value) != ("=", self._contract.realm.default):
            raise self._mixes(rule, f'it selects {matcher.label}{matcher.op}"{matcher.value}"')
        return wanted

    def _value(self, value: float) -> Node:
        """The number for each realm of the roster."""
        nothing = Binary("*", Number(0.0), self._roster)
        return Binary("+", Number(value), nothing) if value else nothing

    def _by_realm(self) -> Matching:
        return Matching(on=True, labels=(self._label,))

    def _is_own(self, name: str | None) -> bool:
        """Whether a metric has a series for each realm: what is recorded or pushed, and not what targets say."""
        return name is None or name in self._recorded or self._contract.is_ours(name)

    def _keeps_own_realm(self, node: Node) -> bool:
        return self._keeps_realm(node) and self._reads_own(node)

    def _reads_own(self, node: Node) -> bool:
        return any(self._is_own(each.name) for each in promql.selectors(node))

    def _keeps_realm(self, node: Node) -> bool:
        """Whether what the expression gives says of which realm it is."""
        match node:
            case Selector(name=name, matchers=matchers):
                return name == self._roster.name or any(each.label == self._label for each in matchers)
            case Aggregate(expr=expr, grouping=grouping, without=without):
                return self._keeps_realm(expr) and (self._label in grouping) is not without
            case Binary(op="or", lhs=lhs, rhs=rhs):
                return self._keeps_realm(lhs) and self._keeps_realm(rhs)
            case Binary(op="and" | "unless", lhs=lhs):
                return self._keeps_realm(lhs)
            case Binary(lhs=lhs, rhs=rhs, matching=matching):
                given = matching is None or (self._label in matching.labels) is matching.on
                return given and (self._keeps_realm(lhs) or self._keeps_realm(rhs))
            case _:
                return any(map(self._keeps_realm, promql.children(node)))

    def _mixes(self, rule: Rule, why: str) -> RuleError:
        where = f"{rule.file}:{rule.line}: " if rule.file else ""
        message = f"{where}rule {rule.name} cannot be rendered for several realms: {why}."
        return RuleError(message, next_step=f'select {self._label}="{self._contract.realm.default}" by name.')


def realms_listed(groups: Iterable[RuleGroup], contract: Contract) -> tuple[str, ...]:
    """The realms that a rule set records, in the order of its roster; without one, those that its rules name."""
    rules = [rule for group in groups for rule in group.rules]
    roster = [rule for rule in rules if rule.name == contract.realm.roster]
    if roster:
        return tuple(dict.fromkeys(name for rule in roster for name in _named(rule, contract)))
    named = (rule.labels.get(contract.realm.label) for rule in rules)
    return tuple(dict.fromkeys(name for name in named if name))


def _named(rule: Rule, contract: Contract) -> Iterator[str]:
    for node in promql.walk(rule.tree):
        match node:
            case Call(func="label_replace", args=(_, String(value=label), String(value=name), *_)):
                if label == contract.realm.label:
                    yield name
            case _:
                continue


def of_one(groups: Iterable[RuleGroup], contract: Contract) -> tuple[RuleGroup, ...]:
    """The rules of one realm, the contract's own, that the rule set of a fleet was made from."""
    label, own, roster = contract.realm.label, contract.realm.default, contract.realm.roster

    def change(node: Node) -> Node:
        match node:
            case Selector(matchers=matchers):
                named = tuple(Matcher(label, "=", own) if each.label == label else each for each in matchers)
                return replace(node, matchers=named)
            case Binary(op="unless", lhs=Selector(name=name), rhs=inner) if name == roster:
                return Call("absent", (inner,))
            case Binary(op="and", lhs=lhs, rhs=Selector(name=name)) if name == roster:
                return lhs
            case Binary(op="or", rhs=rhs) if (value := _fallback(rhs, roster)) is not None:
                return replace(node, rhs=Call("vector", (Number(value),)), matching=Matching(on=True))
            case _:
                return node

    def single(rule: Rule) -> Rule:
        tree = promql.transform(promql.normalise(rule.tree), change)
        return replace(rule, expr=promql.to_text(tree), labels={**rule.labels, label: own})

    return tuple(
        replace(group, rules=tuple(map(single, group.rules)))
        for group in groups
        if group.name != ROSTER_GROUP
    )


def _fallback(node: Node, roster: str) -> float | None:
    """The number that each realm of the roster falls back to, if the expression is one."""
    match node:
        case Binary(op="*", lhs=Number(value=0), rhs=Selector(name=name)) if name == roster:
            return 0.0
        case Binary(op="+", lhs=Number(value=value), rhs=rhs) if _fallback(rhs, roster) == 0:
            return value
        case _:
            return None
