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
        through = judged.rule.name in self.contract.never_missing
        return self._inputs_of(judged.tree, frozenset(), through=through)

    def _inputs_of(self, node: promql.Node, above: frozenset[str], *, through: bool) -> frozenset[str]:
        found: set[str] = set()
        for name in {each.name for each in promql.selectors(node) if each.name} - above:
            if name in self.contract.never_missing or name not in self.trees:
                found.add(self.input_name(name))
            if name in self.trees and (through or name not in self.contract.never_missing):
                for tree in self.trees[name]:
                    found |= self._inputs_of(tree, above | {name}, through=through)
        return frozenset(found)

    def without(self, name: str, missing: frozenset[str] | None = None) -> AbstractSample:
        """
        What a metric is when inputs are missing: these, or all of them.

        The heartbeat's own metrics answer 0 without a heartbeat, by design. For what is made from them the question is
        what happens when they are missing themselves, so they are inputs like any other then.
        """
        trees = self.trees
        if name not in self.contract.never_missing:
            trees = {
                metric: nodes for metric, nodes in trees.items() if metric not in self.contract.never_missing
            }
        return AbsenceEvaluator(
            trees, lambda each: missing is None or self.input_name(each) in missing
        ).of_metric(name)

    # Rules put into one another

    def expanded(self, node: promql.Node, depth: int = 0) -> promql.Node:
        """The expression with each recorded metric replaced by the expression that records it, if there is one."""

        def expand(each: promql.Node) -> promql.Node:
            if isinstance(each, promql.Selector) and each.range_seconds is None and depth < _DEEPEST_CHAIN:
                trees = self.trees.get(each.name or "", [])
                return self.expanded(trees[0], depth + 1) if len(trees) == 1 else each
            return each

        return promql.transform(node, expand)


def _histogram_part(name: str) -> tuple[str, str]:
    """The histogram that a series would be a part of, and which part; both empty if it cannot be one."""
    return next(
        ((name.removesuffix(part), part) for part in _HISTOGRAM_PARTS if name.endswith(part)), ("", "")
    )
