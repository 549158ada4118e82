"""
A limit on a metric: a condition that an alert watches, or a criterion that a window is held to.

Both are part of the contract's model; shares are from 0 to 1.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Annotated, Final, Literal, Protocol

from pydantic import ConfigDict, Field, Strict
from pydantic.dataclasses import dataclass

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
Operator = Literal["==", "!=", ">=", "<=", ">", "<"]
# The validator is made for the whole contract when one is read, not for each part when it is defined: every command
# would wait for that. For the same reason schema.py reads the docstrings, and not each start of a program.
CONFIG: Final = ConfigDict(extra="forbid", defer_build=True)
_Limit = Annotated[float, Strict(), Field(allow_inf_nan=False)]


class Pace(Protocol):
    """What a limit is scaled by; see `pace.Pace`."""

    def scaled(self, metric: str, value: float) -> float:
        """A value of a metric in the time of the stack."""


class When(enum.Enum):
    """How the samples of a window decide."""

    SHARE = "share"  # out of bounds for the rest of the time is allowed
    ALWAYS = "always"  # no sample out of bounds; the share says how much of the time must have been measured

    def __str__(self) -> str:
        return {"share": "for a share of the time", "always": "always"}[self.value]


@dataclass(frozen=True, config=CONFIG)
class Condition:
    """`metric op threshold`, watched by an alert."""

    alert: str
    """The alert's name."""
    metric: str
    """What is compared."""
    op: Operator
    """How."""
    threshold: _Limit
    """With what, in the metric's unit."""
    reason: str
    """Why it is watched."""

    def holds(self, value: float, pace: Pace) -> bool:
        """Whether a value fulfils the condition."""
        return OPERATORS[self.op](value, pace.scaled(self.metric, self.threshold))

    def __str__(self) -> str:
        return f"{self.metric} {self.op} {self.threshold:g}"


@dataclass(frozen=True, config=CONFIG)
class Criterion:
    """`metric op limit`, when it has to hold, and for which share of the window it has to be proven."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    """Its name, `area/name`."""
    title: str
    """Its name for people."""
    metric: str
    """What is compared."""
    op: Operator
    """How."""
    limit: _Limit
    """With what, in the metric's unit."""
    when: When
    """How the samples of a window decide."""
    share: Annotated[float, Strict(), Field(ge=0, le=1)]
    """How much of the window must prove it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the series beside the realm."""

    def holds(self, value: float, pace: Pace) -> bool:
        """Whether a value is in bounds."""
        return OPERATORS[self.op](value, pace.scaled(self.metric, self.limit))

    def worse(self, one: float, other: float) -> float:
        """The one of two values that is further out of bounds."""
        if self.op == "==":
            return max(one, other, key=lambda value: abs(value - self.limit))
        return min(one, other) if self.op in (">", ">=") else max(one, other)

    def bounds(self, pace: Pace) -> str:
        """What is asked, as `metric op limit`."""
        return f"{self.metric} {self.op} {pace.scaled(self.metric, self.limit):g}"
