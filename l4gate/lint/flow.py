"""Where the value of a comparison goes: into the result, into arithmetic, or nowhere as only its presence counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from l4gate import promql
from l4gate.lint.labels import is_scalar

Use = Literal["result", "value", "presence"]
_COUNTS: Final = frozenset({"count", "group"})
_PRESENCE_CALLS: Final = frozenset(
    {"absent", "absent_over_time", "present_over_time", "count_over_time", "timestamp"}
)
_PASSES_ON: Final = frozenset({"label_replace", "label_join", "sort", "sort_desc"})
_FIRES_BY_ITSELF: Final = frozenset(
    {"ALERTS", "ALERTS_FOR_STATE"}
)  # their samples exist only while an alert does


def filters(node: promql.Node, use: Use) -> Iterator[tuple[promql.Binary, Use]]:
    """
    Every comparison without `bool` and what is done with its value.

    `x / (y > 0)` is left out: it keeps y's value and guards against a division by zero.
    """
    match node:
        case promql.Binary() if node.op in promql.SET_OPERATORS:
            yield from filters(node.lhs, use)
            yield from filters(node.rhs, use if node.op == "or" else "presence")
        case promql.Binary():
            if is_filter(node):
                yield node, use
            for side in (node.lhs, node.rhs):
                guard = side is node.rhs and node.op == "/" and _is_guard(side)
                yield from () if guard else filters(side, "value")
        case promql.Aggregate(op=op, expr=expr):
            yield from filters(expr, "presence" if op in _COUNTS or use == "presence" else "value")
        case promql.Call(func=func, args=args):
            inner: Use = "presence" if func in _PRESENCE_CALLS else use if func in _PASSES_ON else "value"
            for arg in args:
                yield from filters(arg, inner)
        case promql.Negation(expr=expr):
            yield from filters(expr, "value")
        case promql.Subquery(expr=expr):
            yield from filters(expr, use)


def is_filter(node: promql.Node) -> bool:
    """Whether a node is a comparison that drops samples and keeps the others' values."""
    return isinstance(node, promql.Binary) and node.op in promql.COMPARISONS and not node.return_bool


def _is_guard(node: promql.Node) -> bool:
    return (
        is_filter(node)
        and isinstance(node, promql.Binary)
        and node.op in (">", "!=")
        and node.rhs == promql.Number(0.0)
    )


def can_be_empty(node: promql.Node) -> bool:
    """Whether a result can be empty although its inputs are there, as the expression of an alert must be able to."""
    match node:
        case promql.Binary(op="and"):
            return can_be_empty(node.lhs) or can_be_empty(node.rhs)
        case promql.Binary(op="or"):
            return can_be_empty(node.lhs) and can_be_empty(node.rhs)
        case promql.Binary():
            if node.op == "unless" or is_filter(node):
                return True
            return any(can_be_empty(side) for side in (node.lhs, node.rhs) if not is_scalar(side))
        case promql.Call(func=func, args=args):
            return func in ("absent", "absent_over_time") or any(map(can_be_empty, args))
        case promql.Aggregate(expr=expr) | promql.Negation(expr=expr) | promql.Subquery(expr=expr):
            return can_be_empty(expr)
        case promql.Selector(name=name):
            return name in _FIRES_BY_ITSELF
    return False
