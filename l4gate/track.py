"""
The samples of one series over a window, and what they say about every moment of it. Pure.

Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from l4gate.measurement import Pace

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
class Track:
    """The samples of one series in time order; `problem` says why there is no usable series. 16 bytes a sample."""

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    problem: str = ""

    def add(self, at: float, value: float) -> None:
        """Appends a sample; one that is not newer than the last is the same sample seen twice."""
        if not self.times or at > self.times[-1]:
            self.times.append(at)
            self.values.append(value)


def segments(track: Track, window: Window) -> Iterator[Segment]:
    """Cuts the whole window into segments, in time order and without holes."""
    at = window.start
    count = 0 if track.problem else len(track.times)
    for index in range(count):
        time, value = track.times[index], track.values[index]
        lasts = time + window.pace.max_sample_age + _STORED_SECONDS
        end = min(lasts, window.end, track.times[index + 1] if index + 1 < count else lasts)
        start = max(time, at)
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
