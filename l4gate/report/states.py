"""What a picture of states over time shows: rows of intervals, curves, marks. Times are Unix seconds."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class State(enum.Enum):
    """What a row can show at a moment; the value is what the legend says. Later ones are drawn over earlier ones."""

    GOOD = "good"
    GAP = "no data"
    WARN = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class StateSpan:
    """One interval of a row in one state."""

    start: float
    end: float
    state: State


@dataclass(frozen=True)
class Row:
    """One line of the picture: its label, its intervals in any order, and a short note at the right."""

    label: str
    spans: Sequence[StateSpan] = ()
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """A line of the picture that shows a value, with the limit that it is held against."""

    label: str
    points: Sequence[tuple[float, float]]
    limit: float
    note: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that happened at one moment."""

    at: float
    label: str
