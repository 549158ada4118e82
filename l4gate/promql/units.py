"""
Which numbers in a PromQL expression are times: dimensional analysis on the syntax tree.

Every sub-expression is a number times some power of seconds: power 1 is a duration or a point in time, 0 a plain
number, -1 something per second. The powers of metrics are read from their names, or told by the caller (`IsTime`),
those of functions and operators are known, and what is compared, added or matched must have equal powers. From these
equations the power of each number literal follows, and dividing all times by a factor divides a literal of power n by
factor**n. For example:

    time() - x_ts < 120             120 is compared with seconds: a time
    energy > 0.3                    0.3 is compared with a plain number: not a time
    1.0 * A + 0.5 * m_seconds/300   the sum is plain if A is, so m_seconds/300 is: 300 is a time, 0.5 is not
    (time() - x_ts) / 60 > 5        is it 60 s, or 5 s? Nothing tells: an error

A recording rule's own name says what its expression must be: `x_seconds` for times, any other name for plain numbers.
A number that multiplies (`0.5 * x`) or is an exponent is always plain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from l4gate.base import ExpressionError
from l4gate.promql.equations import PLAIN, RESULT, SECONDS, Equation, Power, solve
from l4gate.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    Subquery,
    selectors,
    strip_parens,
    walk,
)
from l4gate.promql.positions import Span
from l4gate.promql.printer import to_text
from l4gate.promql.timed_names import IsTime, counts_times, names_alone, power_of_name

# Functions by what they do to the power of their vector argument. Those of calendar dates are missing on purpose: a
# day of the week has no scaled meaning.
_KEEP: Final = frozenset(
    """abs ceil floor sort sort_desc sort_by_label sort_by_label_desc scalar vector label_replace label_join
    avg_over_time min_over_time max_over_time sum_over_time last_over_time first_over_time stddev_over_time
    mad_over_time delta idelta increase predict_linear""".split()
)
_PLAIN: Final = frozenset(
    """changes resets count_over_time present_over_time absent absent_over_time sgn histogram_count pi""".split()
)
_PLAIN_ARGUMENT: Final = frozenset(
    "exp ln log2 log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad".split()
)
_SECONDS: Final = frozenset({"time", "timestamp"})
_PER_SECOND: Final = frozenset({"rate", "irate", "deriv"})
_SAME_ARGUMENTS: Final = frozenset({"clamp", "clamp_min", "clamp_max", "round"})
_KEEP_AGGREGATES: Final = frozenset(
    {"sum", "avg", "min", "max", "stddev", "topk", "bottomk", "limitk", "limit_ratio", "quantile"}
)
_PLAIN_AGGREGATES: Final = frozenset({"count", "count_values", "group"})
_ABSOLUTE_TIME_SECONDS: Final = (
    3e8  # ten years: longer than any duration, shorter than any Unix time of today
)


@dataclass(frozen=True)
class Powers:
    """The powers of seconds in one expression: of its number literals by their spans, and of its result."""

    literals: Mapping[Span, int]
    result: int


def powers(node: Node, *, result: int | None = None, is_time: IsTime = names_alone) -> Powers:
    """
    The powers of all literals of an expression, and of its result (given by `result` if it is known).

    `is_time` tells the metrics that are times beside those whose names say so.

    Raises:
        ExpressionError: if a literal's power cannot be told, units contradict each other, or a part has no scaled
            meaning (a calendar function, a histogram bound, a Unix time). `offset` says where.
    """
    analysis = _Analysis(is_time)
    spans = [each.span for each in walk(node) if isinstance(each, Number)]
    if len(set(spans)) < len(spans):
        message = f"cannot tell the numbers apart in: {to_text(node)}"
        raise ExpressionError(message, offset=0)
    whole = analysis.power(node)
    expected = Power(unknown={RESULT: Fraction(1)}) if result is None else Power(Fraction(result))
    analysis.equal(whole, expected, node)
    solved = solve(analysis.equations, analysis.literals, node)
    for literal in analysis.literals.values():
        if solved.get(literal.span) == 1 and abs(literal.value) > _ABSOLUTE_TIME_SECONDS:
            message = f"cannot scale the time {to_text(literal)}: it is a point in time, not a duration."
            raise ExpressionError(message, offset=literal.span.start)
    return Powers(
        {span: solved.get(span, 0) for span in analysis.literals},
        result if result is not None else solved.get(RESULT, 0),
    )


class _Analysis:
    """Collects the equations of one expression."""

    def __init__(self, is_time: IsTime) -> None:
        self.is_time = is_time
        self.literals: dict[Span, Number] = {}
        self.equations: list[Equation] = []

    def equal(self, one: Power, other: Power, node: Node) -> None:
        self.equations.append((one - other, node))

    def power(self, node: Node) -> Power:
        match node:
            case Number():
                return self._literal(node)
            case Selector():
                return _selector_power(node, self.is_time)
            case Paren(expr=expr) | Negation(expr=expr) | Subquery(expr=expr):
                return self.power(expr)
            case Aggregate():
                return self._aggregate(node)
            case Call():
                return self._call(node)
            case Binary():
                return self._binary(node)
            case _:
                return PLAIN  # a string

    def _literal(self, node: Number) -> Power:
        self.literals[node.span] = node
        return Power(unknown={node.span: Fraction(1)})

    def _aggregate(self, node: Aggregate) -> Power:
        inner = self.power(node.expr)
        if node.param is not None:
            self._plain(node.param)
        if node.op in _PLAIN_AGGREGATES:
            return PLAIN
        if node.op in _KEEP_AGGREGATES:
            return inner
        if node.op == "stdvar":
            return inner.times(Fraction(2))
        return _unknown(f"the aggregation {node.op}", node)

    def _call(self, node: Call) -> Power:
        name, args = node.func, node.args
        if name in ("quantile_over_time", "histogram_quantile"):
            self._plain(args[0])
            over = self.power(args[1])
            return over if name == "quantile_over_time" else _histogram_power(node, self.is_time)
        inner = [self.power(arg) for arg in args]
        if name in _SAME_ARGUMENTS:
            for other in inner[1:]:
                self.equal(inner[0], other, node)
        if name == "predict_linear":
            self.equal(inner[1], SECONDS, args[1])
        if name in _PLAIN_ARGUMENT:
            self.equal(inner[0], PLAIN, node)
        if name in _SECONDS:
            return SECONDS
        if name in _PER_SECOND:
            return inner[0] - SECONDS
        if name in _KEEP | _SAME_ARGUMENTS | _PLAIN_ARGUMENT:
            return inner[0]
        return PLAIN if name in _PLAIN else _unknown(f"the function {name}()", node)

    def _binary(self, node: Binary) -> Power:
        if node.op == "^":
            return self._raised(node)
        if node.op == "*":
            constant = isinstance(strip_parens(node.lhs), Number) and isinstance(
                strip_parens(node.rhs), Number
            )
            return self._factor(node.lhs) + (self.power(node.rhs) if constant else self._factor(node.rhs))
        if node.op == "/":
            return self.power(node.lhs) - self.power(node.rhs)
        lhs, rhs = self.power(node.lhs), self.power(node.rhs)
        if node.op in ("and", "unless"):
            return lhs
        self.equal(lhs, rhs, node)
        return PLAIN if node.return_bool or node.op == "atan2" else lhs

    def _factor(self, node: Node) -> Power:
        return PLAIN if isinstance(strip_parens(node), Number) else self.power(node)

    def _raised(self, node: Binary) -> Power:
        base, exponent = self.power(node.lhs), strip_parens(node.rhs)
        if isinstance(exponent, Number):
            return base.times(Fraction(exponent.value))
        self._plain(node.rhs)
        self.equal(base, PLAIN, node)
        return PLAIN

    def _plain(self, node: Node) -> None:
        inner = strip_parens(node)
        if not isinstance(inner, Number):
            self.equal(self.power(node), PLAIN, node)


def _selector_power(node: Selector, is_time: IsTime) -> Power:
    name = node.name or ""
    for matcher in node.matchers:
        if matcher.label == "le" and _is_finite_number(matcher.value) and counts_times(name, is_time):
            message = f'cannot scale the histogram bound le="{matcher.value}": it is part of a label.'
            raise ExpressionError(message, offset=node.span.start)
    return Power(Fraction(power_of_name(name, is_time)))


def _is_finite_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _histogram_power(node: Call, is_time: IsTime) -> Power:
    """The unit of a quantile is that of the histogram's bounds: seconds for `..._seconds_bucket`."""
    of_seconds = {counts_times(each.name or "", is_time) for each in selectors(node.args[1])}
    if len(of_seconds) != 1:
        return _unknown("a quantile of histograms with different units", node)
    return SECONDS if of_seconds.pop() else PLAIN


def _unknown(what: str, node: Node) -> Power:
    message = f"cannot scale {what}: it has no scaled meaning, or none that is known here."
    raise ExpressionError(message, offset=node.span.start)
