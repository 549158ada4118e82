"""
The samples of one series over a window, and what they say about every moment of it. Pure.

Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from l4gate.contract import Pace

_STORED_SECONDS: Final = 0.001  # Prometheus stores whole milliseconds, so intervals are off by that much


@dataclass(frozen=True)
class Interval:
    """From `start` up to, and without, `end`."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True)
class Segment(Interval):
    """An interval in which one sample holds, or None where there is no finite value: a gap."""

    value: float | None


@dataclass(frozen=True)
class Window(Interval):
    """What is judged, at the pace of one time factor."""

    pace: Pace


@dataclass
class SeriesHistory:
    """
    The samples of one series in time order; `problem` says why there is no usable series. 16 bytes a sample.

    `coverage` says, where there are none, how much is covered of the window that the metric looks back on.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    problem: str = ""
    coverage: str = ""

    def add(self, at: float, value: float) -> None:
        """Appends a sample; one that is not newer than the last is the same sample seen twice."""
        if not self.times or at > self.times[-1]:
            self.times.append(at)
            self.values.append(value)


def segments(history: SeriesHistory, window: Window) -> Iterator[Segment]:
    """
    Cuts the whole window into segments, in time order and without holes.

    Samples of one value without a gap between them are one segment: a month of a healthy boolean is a single one.
    """
    times, values = history.times, history.values
    lasting = window.pace.max_sample_age + _STORED_SECONDS
    count = 0 if history.problem else len(times)
    index = max(0, bisect_left(times, window.start - lasting))
    at = window.start
    while index < count and times[index] < window.end:
        start, value = times[index], values[index]
        while index + 1 < count and values[index + 1] == value and times[index + 1] <= times[index] + lasting:
            index += 1
        end = times[index] + lasting
        if index + 1 < count and times[index + 1] < end:
            end = times[index + 1]
        index += 1
        start, end = max(start, at), min(end, window.end)
        if end <= start:
            continue
        if start > at:
            yield Segment(at, start, None)
        yield Segment(start, end, value if math.isfinite(value) else None)
        at = end
    if at < window.end:
        yield Segment(at, window.end, None)


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The union of intervals as few disjoint ones, in time order; what touches becomes one."""
    union: list[Interval] = []
    for interval in sorted(intervals, key=lambda each: each.start):
        if union and interval.start <= union[-1].end:
            union[-1] = Interval(union[-1].start, max(union[-1].end, interval.end))
        else:
            union.append(Interval(interval.start, interval.end))
    return tuple(union)
