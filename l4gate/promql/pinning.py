"""
An expression as it was evaluated at some moment, to be asked again whenever one likes. Times are Unix seconds.

`@` pins what an expression selects, but not `time()`; and a rule that reads what a later rule of its group records has
read the sample before. Both are settled here, on the tree.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from l4gate.promql.nodes import (
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    Subquery,
    walk,
)

TICK_SECONDS: Final = 0.001  # Prometheus knows nothing finer than a millisecond

# Functions of the time of the evaluation; those of the calendar are so without an argument only.
_CALENDAR: Final = frozenset(
    ("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year")
)
_FROM_THE_EVALUATION_ON: Final = frozenset(("predict_linear",))


def pinned(tree: Node, at: float, *, later: Collection[str] = (), without_newest: float = 0.0) -> Node:
    """
    The expression as a rule has evaluated it at `at`.

    later: the names of what was recorded at `at` only after this evaluation: their sample before counts.
    without_newest: leaves out samples of so many seconds before `at`, as if they had arrived after the evaluation.
    """
    if any(isinstance(node, Call) and node.func in _FROM_THE_EVALUATION_ON for node in walk(tree)):
        # They count from the time of the evaluation, which `@` does not move; a subquery of one step does.
        step = Subquery(tree, TICK_SECONDS, TICK_SECONDS, at=_text(at))
        return Call("last_over_time", (step,))
    return _pinned(tree, at, frozenset(later), without_newest)


def is_scalar(node: Node) -> bool:
    """Whether an expression has one number for a result, without labels."""
    match node:
        case Number():
            return True
        case Paren(expr=expr) | Negation(expr=expr):
            return is_scalar(expr)
        case Call(func=func):
            return func in ("time", "scalar", "pi")
        case Binary(op=op, lhs=lhs, rhs=rhs):
            return op not in SET_OPERATORS and is_scalar(lhs) and is_scalar(rhs)
        case _:
            return False


def _pinned(node: Node, at: float, later: frozenset[str], newest: float) -> Node:  # noqa: PLR0911 - one for each kind
    def inside(inner: Node) -> Node:
        return _pinned(inner, at, later, newest)

    match node:
        case Selector(at=None, range_seconds=window):
            if node.name in later:
                return replace(node, at=_text(at - max(newest, TICK_SECONDS)))
            return _narrowed(node, at, window, newest)
        case Subquery(at=None, range_seconds=window):
            return _narrowed(node, at, window, newest)
        case Call(func="time", args=()):
            return Number(round(at, 3))
        case Call(func=func, args=()) if func in _CALENDAR:
            return replace(node, args=(Call("vector", (Number(round(at, 3)),)),))
        case Call(args=args):
            return replace(node, args=tuple(map(inside, args)))
        case Aggregate(param=param, expr=expr):
            return replace(node, param=None if param is None else inside(param), expr=inside(expr))
        case Binary(lhs=lhs, rhs=rhs):
            return replace(node, lhs=inside(lhs), rhs=inside(rhs))
        case Negation(expr=expr) | Paren(expr=expr):
            return replace(node, expr=inside(expr))
        case _:
            return node


def _narrowed(node: Selector | Subquery, at: float, window: float | None, newest: float) -> Node:
    """Without the newest samples: a range still begins where it did."""
    if window is None:
        return replace(node, at=_text(at - newest))
    if newest >= window:
        return replace(node, at=_text(at))
    return replace(node, range_seconds=round(window - newest, 3), at=_text(at - newest))


def _text(at: float) -> str:
    return f"{at:.3f}"
