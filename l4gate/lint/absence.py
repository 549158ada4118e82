"""
What a rule answers when inputs are missing: an evaluator that knows presence, and values where they are certain.

This is how constants are found without a list of spellings: a number that is there although nothing was measured is no
measurement, whether it came from `vector(1)`, `or vector(0)`, `absent()`, `time()` or through five other rules.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from l4gate import promql


class Presence(Enum):
    """Whether there is a sample."""

    ABSENT = "absent"
    MAYBE = "maybe"
    PRESENT = "present"


@dataclass(frozen=True)
class AbstractSample:
    """Whether there is a sample, and its value if that is certain."""

    presence: Presence
    value: float | None = None


ABSENT: Final = AbstractSample(Presence.ABSENT)
PRESENT: Final = AbstractSample(Presence.PRESENT)
MAYBE: Final = AbstractSample(Presence.MAYBE)
_KEEP_CONSTANT: Final = frozenset(
    {
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "last_over_time",
        "sort",
        "sort_desc",
        "label_replace",
    }
    | {"label_join", "vector"}
)
_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else math.nan,
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    ">": lambda a, b: float(a > b),
    "<": lambda a, b: float(a < b),
    ">=": lambda a, b: float(a >= b),
    "<=": lambda a, b: float(a <= b),
}


class AbsenceEvaluator:
    """Answers for one set of missing inputs; every other input is present with an unknown value."""

    def __init__(
        self, recorded: Mapping[str, Sequence[promql.Node]], is_missing: Callable[[str], bool]
    ) -> None:
        self._recorded = recorded
        self._is_missing = is_missing
        self._by_metric: dict[str, AbstractSample] = {}

    def of_metric(self, name: str) -> AbstractSample:
        """What the newest evaluation of a metric gives; a rule that reads itself began with nothing."""
        if name not in self._recorded:
            return ABSENT if self._is_missing(name) else PRESENT
        if name not in self._by_metric:
            self._by_metric[name] = ABSENT
            answers = [self.of(each) for each in self._recorded[name]]
            self._by_metric[name] = max(answers, key=lambda each: _ORDER[each.presence])
        return self._by_metric[name]

    def of(self, node: promql.Node) -> AbstractSample:
        """What an expression gives."""
        match node:
            case promql.Number(value=value):
                return AbstractSample(Presence.PRESENT, value)
            case promql.Selector(name=name):
                return self.of_metric(name) if name else MAYBE
            case promql.Negation(expr=expr):
                inner = self.of(expr)
                return AbstractSample(inner.presence, None if inner.value is None else -inner.value)
            case promql.Subquery(expr=expr) | promql.Paren(expr=expr):
                return self.of(expr)
            case promql.Aggregate():
                return self._aggregate(node)
            case promql.Call():
                return self._call(node)
            case promql.Binary():
                return self._binary(node)
        return PRESENT

    def _aggregate(self, node: promql.Aggregate) -> AbstractSample:
        inner = self.of(node.expr)
        if node.op == "group":
            return AbstractSample(inner.presence, 1.0)
        return AbstractSample(
            inner.presence, inner.value if node.op in ("min", "max", "avg", "topk", "bottomk") else None
        )

    def _call(self, node: promql.Call) -> AbstractSample:
        if node.func in ("absent", "absent_over_time"):
            inner = self.of(node.args[0]).presence
            if inner is Presence.PRESENT:
                return ABSENT
            return AbstractSample(Presence.PRESENT if inner is Presence.ABSENT else Presence.MAYBE, 1.0)
        if node.func == "scalar":
            return PRESENT  # NaN when its vector is missing: an answer all the same
        answers = [self.of(each) for each in node.args]
        presence = _all(answers)
        values = [each.value for each in answers if each.value is not None]
        return AbstractSample(presence, values[0] if node.func in _KEEP_CONSTANT and values else None)

    def _binary(self, node: promql.Binary) -> AbstractSample:
        lhs, rhs = self.of(node.lhs), self.of(node.rhs)
        if node.op == "or":
            return _either(lhs, rhs)
        if node.op == "and":
            return AbstractSample(_all([lhs, rhs]), lhs.value)
        if node.op == "unless":
            if lhs.presence is Presence.ABSENT or rhs.presence is Presence.ABSENT:
                return lhs
            return AbstractSample(Presence.MAYBE, lhs.value)
        presence, value = _all([lhs, rhs]), _value(node.op, lhs.value, rhs.value)
        if node.op in promql.COMPARISONS and not node.return_bool:
            if value is None and presence is Presence.PRESENT:
                return AbstractSample(Presence.MAYBE, lhs.value)
            return ABSENT if value == 0 else AbstractSample(presence, lhs.value)
        return AbstractSample(presence, value)


_ORDER: Final = {Presence.ABSENT: 0, Presence.MAYBE: 1, Presence.PRESENT: 2}


def _all(answers: Sequence[AbstractSample]) -> Presence:
    return min((each.presence for each in answers), key=_ORDER.__getitem__, default=Presence.PRESENT)


def _either(lhs: AbstractSample, rhs: AbstractSample) -> AbstractSample:
    if lhs.presence is Presence.PRESENT or rhs.presence is Presence.ABSENT:
        return lhs
    if lhs.presence is Presence.ABSENT:
        return rhs
    return AbstractSample(rhs.presence, lhs.value if lhs.value == rhs.value else None)


def _value(op: str, lhs: float | None, rhs: float | None) -> float | None:
    if op == "*" and (lhs == 0 or rhs == 0):
        return 0.0
    if lhs is None or rhs is None or op not in _ARITHMETIC:
        return None
    return _ARITHMETIC[op](lhs, rhs)
