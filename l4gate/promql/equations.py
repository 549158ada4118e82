"""Powers of seconds with unknown parts, and the equations between them that fix the unknown ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from l4gate.base import ExpressionError
from l4gate.promql.nodes import Binary, Node, Number
from l4gate.promql.positions import Span
from l4gate.promql.printer import to_text


@dataclass(frozen=True)
class Power:
    """A power of seconds: a known part plus unknown powers of literals, each with its coefficient."""

    known: Fraction = Fraction(0)
    unknown: Mapping[Span, Fraction] = field(default_factory=dict)

    def __add__(self, other: Power) -> Power:
        keys = {*self.unknown, *other.unknown}
        parts = {
            key: self.unknown.get(key, Fraction(0)) + other.unknown.get(key, Fraction(0)) for key in keys
        }
        return Power(self.known + other.known, {key: part for key, part in parts.items() if part})

    def __sub__(self, other: Power) -> Power:
        return self + other.times(Fraction(-1))

    def times(self, factor: Fraction) -> Power:
        """The power of an expression raised to that exponent."""
        return Power(
            self.known * factor, {key: part * factor for key, part in self.unknown.items() if factor}
        )


PLAIN: Final = Power()
SECONDS: Final = Power(Fraction(1))
RESULT: Final = Span(-1, -1)  # stands for the unknown power of the whole expression
# A power that has to be 0, and the node that says so.
Equation = tuple[Power, Node]


def solve(equations: Sequence[Equation], literals: Mapping[Span, Number], whole: Node) -> dict[Span, int]:
    """
    The power of every literal that the equations fix; those that only hang together with plain numbers are 0.

    Gauss-Jordan: each equation is used to eliminate one unknown from all others.
    """
    rows: dict[Span, Power] = {}
    for equation, node in equations:
        for pivot, row in rows.items():
            equation = equation - row.times(equation.unknown.get(pivot, Fraction(0)))  # noqa: PLW2901 - reduced
        if not equation.unknown:
            if equation.known:
                raise ExpressionError(_contradiction(node), offset=_offset(node))
            continue
        pivot = min(equation.unknown, key=lambda span: (span == RESULT, span.start))
        row = equation.times(1 / equation.unknown[pivot])
        rows = {key: each - row.times(each.unknown.get(pivot, Fraction(0))) for key, each in rows.items()}
        rows[pivot] = row
    solved = {}
    for pivot, row in rows.items():
        if row.known and len(row.unknown) > 1:
            raise _ambiguous(row, literals, whole)
        if row.known.denominator != 1:
            raise ExpressionError(_contradiction(whole), offset=_offset(whole))
        solved[pivot] = -int(row.known)
    return solved


def _ambiguous(row: Power, literals: Mapping[Span, Number], whole: Node) -> ExpressionError:
    spans = sorted((span for span in row.unknown if span != RESULT), key=lambda span: span.start)
    numbers = " or ".join(to_text(literals[span]) for span in spans)
    result = " (or the result of the whole expression)" if RESULT in row.unknown else ""
    message = f"cannot tell whether {numbers}{result} is a time in seconds, in: {to_text(whole)}"
    return ExpressionError(
        message,
        offset=spans[0].start,
        next_step="compare seconds with seconds, without converting units, or record the value under a name "
        "that ends in _seconds if it is a time.",
    )


def _offset(node: Node) -> int:
    return node.op_span.start if isinstance(node, Binary) else node.span.start


def _contradiction(node: Node) -> str:
    expected = "both sides in one unit" if isinstance(node, Binary) else "another unit"
    return (
        f"expected {expected} (names that end in _seconds or _ts, and what the contract "
        f"gives in seconds, are times, others plain numbers), "
        f"found: {to_text(node)}"
    )
