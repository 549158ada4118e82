"""What the checks know about the rules of a repository: who records what, from which inputs, with which labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from l4gate import promql
from l4gate.contract import Contract, Recorded
from l4gate.lint.absence import AbsenceEvaluator, AbstractSample
from l4gate.lint.labels import Labels, labels_of
from l4gate.lint.repository import Judged, Repository
from l4gate.lint.values import Values
from l4gate.programs import Promtool

_HISTOGRAM_PARTS: Final = ("_bucket", "_count", "_sum")
_DEEPEST_CHAIN: Final = 20  # rules that read rules; more is a circle, which has a check of its own
_MOST_PUT_IN: Final = 200  # rules put into one expression; ours need 12


class Facts:
    """One repository with everything worked out once; without a promtool, `why_no_promtool` says why."""

    def __init__(
        self,
        repository: Repository,
        contract: Contract,
        promtool: Promtool | None = None,
        why_no_promtool: str = "",
    ) -> None:
        self.repository = repository
        self.contract = contract
        self.promtool = promtool
        self.why_no_promtool = why_no_promtool
        self._labels: dict[int, Labels] = {}
        self._evaluators: dict[tuple[bool, frozenset[str] | None], AbsenceEvaluator] = {}

    @property
    def rules(self) -> list[Judged]:
        """Every rule that could be read."""
        return self.repository.rules

    @cached_property
    def trees(self) -> dict[str, list[promql.Node]]:
        """The expressions that record each metric."""
        return {name: [each.tree for each in rules] for name, rules in self.repository.recorded.items()}

    @cached_property
    def values(self) -> Values:
        """What is 0 or 1, and what is measured."""
        return Values(
            self.trees,
            frozenset(name for name, each in self.contract.inputs.items() if each.kind == "boolean"),
        )

    def contract_rules(self) -> list[tuple[Judged, Recorded]]:
        """The rules that record a metric of the contract."""
        return [
            (each, self.contract.recorded[each.rule.name])
            for each in self.repository.recording
            if each.rule.name in self.contract.recorded
        ]

    # Labels

    def labels(self, node: promql.Node) -> Labels:
        """The labels of an expression's result."""
        return labels_of(node, self._resolve)

    def labels_of_rule(self, judged: Judged) -> Labels:
        """The labels of what a rule records or of the alerts it makes, its own labels included."""
        if id(judged) not in self._labels:
            self._labels[id(judged)] = Labels(frozenset(), exact=False)  # for a rule that reads itself
            self._labels[id(judged)] = self.labels(judged.tree).plus(*judged.rule.labels)
        return self._labels[id(judged)]

    def _resolve(self, selector: promql.Selector) -> Sequence[Labels] | None:
        rules = self.repository.recorded.get(selector.name or "")
        return None if rules is None else [self.labels_of_rule(each) for each in rules]

    # Inputs

    def input_type(self, name: str) -> str:
        """The declared type of an input, parts of a histogram included; empty if the metric is no input."""
        inputs = self.contract.inputs
        if name in inputs:
            return inputs[name].kind
        base, part = _histogram_part(name)
        return "counter" if part and base in inputs and inputs[base].kind == "histogram" else ""

    def input_name(self, name: str) -> str:
        """The declared input that a metric is, or is a part of; the name itself otherwise."""
        return (
            _histogram_part(name)[0] if name not in self.contract.inputs and self.input_type(name) else name
        )

    def inputs(self, judged: Judged) -> frozenset[str]:
        """
        The inputs that a rule is made from, through other rules.

        For what is made from the heartbeat's metrics, these count as inputs, as they are never missing.
        """
        never_missing = self.contract.never_missing
        through = judged.rule.name in never_missing
        found: set[str] = set()
        seen: set[str] = set()
        waiting = [judged.tree]
        while waiting:
            for name in {each.name for each in promql.selectors(waiting.pop()) if each.name} - seen:
                seen.add(name)
                if name in never_missing or name not in self.trees:
                    found.add(self.input_name(name))
                if through or name not in never_missing:
                    waiting += self.trees.get(name, ())
        return frozenset(found)

    def without(self, name: str, missing: frozenset[str] | None = None) -> AbstractSample:
        """
        What a metric is when inputs are missing: these, or all of them.

        The heartbeat's own metrics answer 0 without a heartbeat, by design. For what is made from them the question is
        what happens when they are missing themselves, so they are inputs like any other then.
        """
        key = name in self.contract.never_missing, missing
        if key not in self._evaluators:
            trees = self.trees if key[0] else self._trees_of_others
            self._evaluators[key] = AbsenceEvaluator(
                trees, lambda each: missing is None or self.input_name(each) in missing
            )
        return self._evaluators[key].of_metric(name)

    @cached_property
    def _trees_of_others(self) -> dict[str, list[promql.Node]]:
        never_missing = self.contract.never_missing
        return {metric: nodes for metric, nodes in self.trees.items() if metric not in never_missing}

    # Rules put into one another

    def expanded(self, node: promql.Node) -> promql.Node:
        """
        The expression with each recorded metric replaced by the expression that records it, if there is one.

        Rules that read two others each, over many levels, would grow without end: beyond a size names stay names.
        """
        left = _MOST_PUT_IN

        def expand(each: promql.Node, depth: int) -> promql.Node:
            nonlocal left
            if isinstance(each, promql.Selector) and each.range_seconds is None and depth < _DEEPEST_CHAIN:
                trees = self.trees.get(each.name or "", [])
                if len(trees) == 1 and left > 0:
                    left -= 1
                    return promql.transform(trees[0], lambda inner: expand(inner, depth + 1))
            return each

        return promql.transform(node, lambda each: expand(each, 0))


def _histogram_part(name: str) -> tuple[str, str]:
    """The histogram that a series would be a part of, and which part; both empty if it cannot be one."""
    return next(
        ((name.removesuffix(part), part) for part in _HISTOGRAM_PARTS if name.endswith(part)), ("", "")
    )
