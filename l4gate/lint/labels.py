"""Which labels the result of an expression can have, as far as the text decides it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from l4gate import promql


@dataclass(frozen=True)
class Labels:
    """`names` are the labels known of; when `exact`, the result has no others."""

    names: frozenset[str]
    exact: bool

    def without(self, *names: str) -> Labels:
        """The labels but these."""
        return Labels(self.names - set(names), self.exact)

    def plus(self, *names: str) -> Labels:
        """The labels and these."""
        return Labels(self.names | set(names), self.exact)

    def lacks(self, name: str) -> bool:
        """Whether a label is certainly not there."""
        return self.exact and name not in self.names


NONE: Final = Labels(frozenset(), True)
Resolve = Callable[[promql.Selector], Sequence[Labels] | None]


def labels_of(node: promql.Node, resolve: Resolve) -> Labels:
    """
    The labels of an expression's result, the metric name aside.

    `resolve` gives the labels of each rule that records what a selector reads, or None for an input.
    """

    def of(each: promql.Node) -> Labels:
        return labels_of(each, resolve)

    match node:
        case promql.Selector():
            return _of_selector(node, resolve)
        case promql.Negation(expr=expr) | promql.Subquery(expr=expr) | promql.Paren(expr=expr):
            return of(expr)
        case promql.Aggregate():
            return _of_aggregate(node, of(node.expr))
        case promql.Call():
            return _of_call(node, of)
        case promql.Binary():
            return _of_binary(node, of)
    return NONE


def is_scalar(node: promql.Node) -> bool:
    """Whether an expression is a scalar: a number without labels that is always there."""
    match node:
        case promql.Number():
            return True
        case promql.Call(func=func):
            return func in ("scalar", "time", "pi")
        case promql.Negation(expr=expr) | promql.Paren(expr=expr):
            return is_scalar(expr)
        case promql.Binary():
            return is_scalar(node.lhs) and is_scalar(node.rhs)
    return False


def _of_selector(node: promql.Selector, resolve: Resolve) -> Labels:
    matched = {each.label for each in node.matchers if each.op == "=" and each.value}
    found = resolve(node)
    if not found:
        return Labels(frozenset(matched), False)
    return Labels(
        frozenset().union(*(each.names for each in found)) | (matched if not found[0].exact else set()),
        all(each.exact for each in found),
    )


def _of_aggregate(node: promql.Aggregate, inner: Labels) -> Labels:
    if node.op in ("topk", "bottomk", "limitk", "limit_ratio"):
        return inner
    if node.without:
        result = inner.without(*node.grouping)
    else:
        result = Labels(frozenset(name for name in node.grouping if not inner.lacks(name)), True)
    if node.op == "count_values" and isinstance(node.param, promql.String):
        return result.plus(node.param.value)
    return result


def _of_call(node: promql.Call, of: Callable[[promql.Node], Labels]) -> Labels:
    match node.func, node.args:
        case (("vector" | "time" | "scalar" | "pi"), _):
            return NONE
        case (("absent" | "absent_over_time"), (promql.Selector(matchers=matchers), *_)):
            return Labels(frozenset(each.label for each in matchers if each.op == "="), True)
        case (("absent" | "absent_over_time"), _):
            return NONE
        case (("label_replace" | "label_join"), (vector, promql.String(value=name), *_)):
            return of(vector).plus(name)
        case "histogram_quantile", (_, vector):
            return of(vector).without("le")
    vectors = [each for each in node.args if not is_scalar(each) and not isinstance(each, promql.String)]
    return of(vectors[0]) if vectors else NONE


def _of_binary(node: promql.Binary, of: Callable[[promql.Node], Labels]) -> Labels:
    if is_scalar(node.lhs):
        return of(node.rhs)
    if is_scalar(node.rhs):
        return of(node.lhs)
    lhs, rhs, matching = of(node.lhs), of(node.rhs), node.matching
    if node.op == "or":
        return Labels(lhs.names | rhs.names, lhs.exact and rhs.exact)
    if node.op in promql.SET_OPERATORS:
        return lhs
    if matching is not None and matching.group is not None:
        many = lhs if matching.group == "left" else rhs
        return many.plus(*matching.include)
    if matching is not None and matching.on:
        return Labels(frozenset(name for name in matching.labels if not lhs.lacks(name)), True)
    ignored = matching.labels if matching is not None else ()
    exact = lhs if lhs.exact else rhs
    names = exact.names if exact.exact else lhs.names | rhs.names
    return Labels(names, exact.exact).without(*ignored)
