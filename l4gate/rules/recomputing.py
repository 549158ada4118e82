"""
Rules asked again: one question for what many of them gave at the time of their evaluation.

What a rule records is no evidence by itself: whoever can write into the server can write it. The same expression over
the same samples is. Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from l4gate import promql
from l4gate.base import ApiBadAnswer
from l4gate.rules.fleet import every_realm, realm_pattern
from l4gate.rules.model import Rule, RuleGroup

# By this label of the answer one knows whose series it is; no metric of ours has it, lint sees to that.
_MARK: Final = "l4gate_asked"

Labels = frozenset[tuple[str, str]]
Vector = Mapping[Labels, float]


@dataclass(frozen=True)
class Recording:
    """A recording rule with what its place in the group means: `later` is recorded after it, at the same time."""

    rule: Rule
    group: str
    later: frozenset[str]

    @cached_property
    def tree(self) -> promql.Node:
        """The expression's syntax tree."""
        return self.rule.tree

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names of the metrics that it reads."""
        return frozenset(each.name for each in promql.selectors(self.tree) if each.name)

    def of_realms(self, label: str, realms: Collection[str]) -> Recording:
        """The rule of a fleet for some of its realms alone: it reads no others."""
        every, only = every_realm(label), promql.Matcher(label, "=~", realm_pattern(realms))

        def change(node: promql.Node) -> promql.Node:
            if isinstance(node, promql.Selector) and every in node.matchers:
                return replace(node, matchers=(*(each for each in node.matchers if each != every), only))
            return node

        tree = promql.transform(promql.normalise(self.tree), change)
        return replace(self, rule=replace(self.rule, expr=promql.to_text(tree)))

    def labelled(self, labels: Mapping[str, str]) -> Labels:
        """The labels of a series of its expression as it is recorded: without the name, with the rule's own."""
        merged = {**labels, **self.rule.labels}
        return frozenset(
            (key, value) for key, value in merged.items() if value and key not in ("__name__", _MARK)
        )


@dataclass(frozen=True)
class Asked:
    """One rule at the time of one evaluation, with or without its newest samples; see `promql.pinned`."""

    recording: Recording
    at: float
    without_newest: float = 0.0

    @property
    def tree(self) -> promql.Node:
        """What is asked."""
        rule = self.recording
        return promql.pinned(rule.tree, self.at, later=rule.later, without_newest=self.without_newest)

    def labelled(self, labels: Mapping[str, str]) -> Labels:
        """The labels of a series of the answer, as they are recorded."""
        return self.recording.labelled(labels)


@dataclass(frozen=True)
class Expression:
    """Anything else that is asked beside them, at one time; its series keep their labels, but for the name."""

    tree: promql.Node
    at: float

    def labelled(self, labels: Mapping[str, str]) -> Labels:
        """The labels of a series of the answer."""
        return frozenset((key, value) for key, value in labels.items() if key not in ("__name__", _MARK))


def recordings(groups: Iterable[RuleGroup], label: str, realm: str) -> tuple[Recording, ...]:
    """The recording rules of one realm, in order: those that do not say they are another one's."""
    found = []
    for group in groups:
        names = [rule.name for rule in group.rules if rule.kind == "record"]
        for number, rule in enumerate(rule for rule in group.rules if rule.kind == "record"):
            if rule.labels.get(label, realm) == realm:
                found.append(Recording(rule, group.name, frozenset(names[number:])))
    return tuple(found)


def sources(found: Iterable[Recording], metric: str) -> frozenset[str]:
    """The recorded metrics that one is made from, itself included, over any number of rules."""
    by_name = {each.rule.name: each for each in found}
    seen: set[str] = set()
    waiting = [metric]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            waiting += by_name[name].reads
    return frozenset(seen)


@dataclass(frozen=True)
class Question:
    """
    One expression for all that is asked, and the one who reads its answer.

    No two questions are the same, so that nobody can answer one with what was kept of another.
    """

    asked: tuple[Asked | Expression, ...]
    id: str = field(default_factory=lambda: f"{time.time_ns():x}")

    @property
    def text(self) -> str:
        """The PromQL."""
        return " or ".join(self._one(number, each) for number, each in enumerate(self.asked))

    def _one(self, number: int, asked: Asked | Expression) -> str:
        tree = asked.tree
        text = promql.to_text(tree)
        vector = f"vector({text})" if promql.is_scalar(tree) else text
        return f'label_replace({vector}, "{_MARK}", "{self._mark(number)}", "", "")'

    def _mark(self, number: int) -> str:
        return f"{self.id}.{number}"

    def answers(self, series: Iterable[tuple[Mapping[str, str], float]]) -> tuple[Vector, ...]:
        """
        What each of them gave, in their order: values by the labels of the recorded series.

        Raises:
            ApiBadAnswer: for a series that belongs to none of them, or twice to the same.
        """
        numbers = {self._mark(number): number for number in range(len(self.asked))}
        found: tuple[dict[Labels, float], ...] = tuple({} for _ in self.asked)
        for labels, value in series:
            number = numbers.get(labels.get(_MARK, ""))
            key = None if number is None else self.asked[number].labelled(labels)
            if number is None or key is None or key in found[number]:
                message = (
                    f"expected the series of {len(self.asked)} rules, each once, found {dict(labels)!r:.200}: "
                    "this is the answer to another question."
                )
                raise ApiBadAnswer(message, next_step="look for a cache between here and the server.")
            found[number][key] = value
        return found
