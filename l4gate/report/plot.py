"""Where things lie in a picture of states over time: pixels for moments, ticks, bars, curves and marks. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from l4gate.report.states import Curve, Mark, Row, State, StateSpan

WIDTH: Final = 960
LEFT: Final = 220  # room for the labels
RIGHT: Final = 110  # room for the notes
PLOT: Final = WIDTH - LEFT - RIGHT
TOP: Final = 12
ROW: Final = 28
CURVE_ROW: Final = 64
AXIS: Final = 30
LEGEND: Final = 26
MARK_ROW: Final = 20
_CHARACTER: Final = 7.0  # how wide a letter of 12 px is at the most, on average
_MOST_TICKS: Final = 8
_NARROWEST: Final = 2.0  # an interval of one second in a month must not vanish
_BAR_HEIGHTS: Final = {State.GOOD: 8, State.GAP: 14, State.WARN: 14, State.BAD: 20}
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_STEPS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 5, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True)
class Scale:
    """Where a moment lies on the x axis."""

    start: float
    end: float

    def x(self, at: float) -> float:
        """Pixels from the left; what lies outside is moved to the border."""
        share = (min(max(at, self.start), self.end) - self.start) / max(self.end - self.start, 1e-9)
        return LEFT + share * PLOT


@dataclass(frozen=True)
class Bar:
    """One or more intervals of a row, as one shape, and what is told of them."""

    state: State
    x: float
    y: float
    width: float
    height: int
    told: str = ""


@dataclass(frozen=True)
class Placed:
    """A mark with its x, the side and the height of its label, and its time in words."""

    label: str
    x: float
    anchor: str
    lane: int
    moment: str


def ticks(scale: Scale) -> Iterator[tuple[float, str]]:
    """Each tick of the axis: its x, and its time in words."""
    step = tick_step(scale.end - scale.start)
    at = math.ceil(scale.start / step - 1e-9) * step
    while at <= scale.end + 1e-9:
        yield scale.x(at), _clock(at, step)
        at += step


def tick_step(seconds: float) -> float:
    """The smallest round step that needs no more ticks than fit."""
    fitting = [step for step in _STEPS if seconds / step <= _MOST_TICKS]
    return fitting[0] if fitting else _STEPS[-1]


def _clock(at: float, step: float) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    if step >= _DAY:
        return f"{moment:%d %b}"
    if step >= _MINUTE:
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M:%S}" + (f".{moment.microsecond // 100_000}" if step < 1 else "")


def bars(row: Row, scale: Scale, middle: float, words: Mapping[State, str]) -> Iterator[Bar]:
    """The shapes of a row around the height of its middle."""
    for state in State:
        for left, right, spans in _visible([span for span in row.spans if span.state is state], scale):
            height = _BAR_HEIGHTS[state]
            told = _told(row.label, words[state], spans)
            yield Bar(state, left, middle - height / 2, right - left, height, told)


def _visible(spans: Iterable[StateSpan], scale: Scale) -> Iterator[tuple[float, float, list[StateSpan]]]:
    """Intervals as they can be told apart on the picture: those that would overlap become one."""
    group: list[StateSpan] = []
    left = right = -math.inf
    for span in sorted(spans, key=lambda each: each.start):
        a, b = scale.x(span.start), scale.x(span.end)
        if b - a < _NARROWEST:
            a = min(max((a + b - _NARROWEST) / 2, LEFT), LEFT + PLOT - _NARROWEST)
            b = a + _NARROWEST
        if group and a <= right:
            right = max(right, b)
            group.append(span)
            continue
        if group:
            yield left, right, group
        left, right, group = a, b, [span]
    if group:
        yield left, right, group


def _told(label: str, word: str, spans: Sequence[StateSpan]) -> str:
    first, last = spans[0].start, max(span.end for span in spans)
    times = f"{_moment(first)} to {_moment(last)}"
    seconds = sum(span.end - span.start for span in spans)
    count = f"{len(spans)} intervals, " if len(spans) > 1 else ""
    return f"{label}: {word}, {times} UTC ({count}{seconds:.6g} s)"


def _moment(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(round(at, 1), dt.UTC):%Y-%m-%d %H:%M:%S}"


def curve(row: Curve, scale: Scale, y: float) -> tuple[float, str]:
    """The height of a curve's limit, and its path in SVG's words: it breaks where there is no value."""
    top, bottom = y + 8, y + CURVE_ROW - 8
    highest = max([row.limit * 1.25, *(value for _, value in row.points)])

    def height(value: float) -> float:
        return bottom - (bottom - top) * min(max(value / highest, 0.0), 1.0)

    path: list[str] = []
    pen = "M"
    column, low, high = -1, 0.0, 0.0
    for at, value in row.points:
        if not math.isfinite(value):
            pen, column = "M", -1
            continue
        x = scale.x(at)
        if int(x) == column and low <= value <= high:
            continue  # within what this pixel column already shows
        low, high = (min(low, value), max(high, value)) if int(x) == column else (value, value)
        column = int(x)
        path.append(f"{pen}{x:.1f} {height(value):.1f}")
        pen = "L"
    return height(row.limit), "".join(path)


def placed(marks: Sequence[Mark], scale: Scale) -> list[Placed]:
    """Each mark with a label that meets no other label."""
    found: list[Placed] = []
    lanes: list[list[tuple[float, float]]] = []
    for mark in marks:
        x = scale.x(mark.at)
        anchor = "end" if x > LEFT + PLOT * 0.8 else "start"
        width = _CHARACTER * len(mark.label) + 8
        left, right = (x - width, x) if anchor == "end" else (x, x + width)
        lane = next(
            (number for number, taken in enumerate(lanes) if all(right < a or b < left for a, b in taken)),
            len(lanes),
        )
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((left, right))
        found.append(Placed(mark.label, x, anchor, lane, _moment(mark.at)))
    return found


def legend(words: Mapping[State, str], middle: float) -> Iterator[tuple[Bar, str]]:
    """One shape of each state side by side, and what it means."""
    x = float(LEFT)
    for state, word in words.items():
        height = _BAR_HEIGHTS[state]
        yield Bar(state, x, middle - height / 2, 20, height), word
        x += 26 + 6.4 * len(word) + 22
