"""Yes or no is 0 or 1, and a number is a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate import promql
from l4gate.lint.facts import Facts
from l4gate.lint.flow import can_be_empty, filters
from l4gate.lint.labels import is_scalar
from l4gate.lint.model import check
from l4gate.lint.places import Problem

_MOTION: Final = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets", "predict_linear"}
)
_SENSIBLE_LIMITS: Final = frozenset(
    {("==", 0), ("==", 1), ("!=", 0), ("!=", 1), (">", 0), ("<", 1), (">=", 1), ("<=", 0)}
)
_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@check(
    "value/bool-missing",
    title="a recorded comparison uses bool",
    why="Without `bool` a comparison is a filter: true records the compared value (0.5 for an age of 0.5 s),"
    " false records"
    " nothing.",
    mend="Write `bool` after the operator, and `*` in place of `and` between two yes-or-no sides.",
)
def bool_missing(facts: Facts) -> Iterator[Problem]:
    """Finds filters whose value becomes the recorded value."""
    for each in facts.repository.recording:
        for node, use in filters(each.tree, "result"):
            if use == "result":
                yield Problem(
                    f"{each.rule.name} records the result of `{node.op}` without bool", each.at(node)
                )


@check(
    "value/comparison-as-value",
    title="nothing is computed from a comparison without bool",
    why="A filter passes on the compared value or nothing at all, never 0 or 1, so sums, averages and"
    " products of it are of"
    " something else.",
    mend="Write `bool` after the operator, or `count` what the filter leaves.",
)
def comparison_as_value(facts: Facts) -> Iterator[Problem]:
    """Finds filters whose value goes into arithmetic, another comparison, an aggregation or a function."""
    for each in facts.rules:
        for node, use in filters(each.tree, "result" if each.is_recording else "presence"):
            if use == "value":
                yield Problem(
                    f"{each.rule.name}: the result of `{node.op}` without bool is used as a value",
                    each.at(node),
                )


@check(
    "value/boolean-as-number",
    title="a yes-or-no metric is not used as a number",
    why="A metric that is 0 or 1 has no age, no rate and no other threshold: `ok > 0.5` hides a mistake,"
    " `time() - fresh` is"
    " the time of day.",
    mend="Compare it with `== 1` or `== 0`, multiply by it, subtract it from 1, or average it over time.",
)
def boolean_as_number(facts: Facts) -> Iterator[Problem]:
    """Looks at every comparison, operation and function that gets a yes-or-no operand."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            what = ""
            if isinstance(node, promql.Binary):
                what = _misused(facts, node)
            elif (
                isinstance(node, promql.Call) and node.func in _MOTION and facts.values.is_truth(node.args[0])
            ):
                what = f"{node.func}() of a value that is 0 or 1"
            if what:
                yield Problem(f"{each.rule.name}: {what}", each.at(node))


def _misused(facts: Facts, node: promql.Binary) -> str:
    truths = [facts.values.is_truth(side) for side in (node.lhs, node.rhs)]
    if not any(truths) or node.op in promql.SET_OPERATORS or node.op == "*":
        return ""
    if node.op in promql.COMPARISONS:
        return _odd_limit(facts, node, left=truths[0])
    one_minus = node.op == "-" and node.lhs == promql.Number(1.0)
    masked = node.op == "/" and truths[1] and not truths[0]
    if one_minus or masked or (node.op in "+-" and all(truths)):
        return ""
    return f"`{node.op}` on a value that is 0 or 1"


def _odd_limit(facts: Facts, node: promql.Binary, *, left: bool) -> str:
    other = node.rhs if left else node.lhs
    if not isinstance(other, promql.Number):
        return (
            ""
            if facts.values.is_boolean(other)
            else f"a value that is 0 or 1 is compared (`{node.op}`) with a number"
        )
    op = node.op if left else _MIRRORED[node.op]
    return (
        ""
        if (op, other.value) in _SENSIBLE_LIMITS
        else f"a value that is 0 or 1 is compared with `{op} {other.value:g}`"
    )


@check(
    "value/set-operator-as-logic",
    title="and, or, unless get series that are there or not, not 0 or 1",
    why="Set operators look at presence: a series with the value 0 counts as much as one with 1, so `fresh"
    " and ok` is true"
    " when ok is 0.",
    mend="Multiply yes-or-no values for AND, take `max` or `1 - (1-a)*(1-b)` for OR, or compare with `== 1` first.",
)
def set_operator_as_logic(facts: Facts) -> Iterator[Problem]:
    """Finds set operators whose right side is always there and says yes or no by its value."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            if isinstance(node, promql.Binary) and node.op in promql.SET_OPERATORS and _is_logic(facts, node):
                yield Problem(f"{each.rule.name}: `{node.op}` between values that are 0 or 1", each.at(node))


def _is_logic(facts: Facts, node: promql.Binary) -> bool:
    def says_by_value(side: promql.Node) -> bool:
        return facts.values.is_truth(side) and not can_be_empty(side)

    if node.op == "or":
        lhs, rhs = facts.labels(node.lhs), facts.labels(node.rhs)
        alike = lhs == rhs and node.lhs != node.rhs
        return alike and says_by_value(node.lhs) and says_by_value(node.rhs)
    return says_by_value(node.rhs)


@check(
    "value/kind",
    title="a metric of the contract is what the contract says",
    why="The gate takes a yes-or-no metric for a measurement only when it is exactly 0 or 1, and needs the"
    " number of a number.",
    mend="Make a yes-or-no metric from `bool` comparisons and products of them; record a number as it is.",
    needs_all_rules=True,
)
def kind(facts: Facts) -> Iterator[Problem]:
    """Compares what each expression can give with the contract's kind of metric."""
    for each, contract in facts.contract_rules():
        if contract.kind == "boolean" and not facts.values.is_boolean(each.tree):
            yield Problem(
                f"{each.rule.name} must be 0 or 1, but its expression can be something else", each.at()
            )
        if contract.kind == "number" and facts.values.is_truth(each.tree):
            yield Problem(f"{each.rule.name} must be a number, but its expression is only 0 or 1", each.at())


@check(
    "value/always-the-same",
    title="no operation has the same result whatever was measured",
    why="`ok >= 0`, `x * 0` or `x == x` look like a condition and are a constant.",
    mend="Compare with the limit that was meant.",
)
def always_the_same(facts: Facts) -> Iterator[Problem]:
    """Finds operations that are decided before anything is measured."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            if isinstance(node, promql.Binary) and not (is_scalar(node.lhs) and is_scalar(node.rhs)):
                reason = facts.values.tautology(node)
                if reason:
                    yield Problem(
                        f"{each.rule.name}: `{node.op}` always gives the same: {reason}", each.at(node)
                    )
