"""
The level of a certificate, from the metric of the contract's levels over the window and the number of violations. Pure.

Times are Unix seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from l4gate.certificate.intervals import Interval, Segment, Window
from l4gate.contract import Levels


@dataclass(frozen=True)
class Rise(Interval):
    """One climb of the value, from a low to the next high."""

    height: float


@dataclass(frozen=True)
class Stability:
    """What the value did: its mean over the measured time (None without any), that time's share, and its rises."""

    mean: float | None
    measured: float
    rises: tuple[Rise, ...]


def stability_of(states: Iterable[Segment], window: Window) -> Stability:
    """Sums up the value over a window."""
    known = [(segment, segment.value) for segment in states if segment.value is not None]
    seconds = math.fsum(segment.seconds for segment, _ in known)
    total = math.fsum(segment.seconds * value for segment, value in known)
    noise = window.pace.contract.levels.noise
    rises = tuple(_rises(((segment.start, value) for segment, value in known), noise))
    return Stability(total / seconds if seconds else None, seconds / window.seconds, rises)


def _rises(samples: Iterable[tuple[float, float]], noise: float) -> Iterator[Rise]:
    """Climbs of more than noise; a fall of more than noise ends a climb."""
    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    for at, value in samples:
        if low is None or (high is None and value < low[1]):
            low = (at, value)
        elif high is None:
            high = (at, value) if value - low[1] > noise else None
        elif value > high[1]:
            high = (at, value)
        elif high[1] - value > noise:
            yield Rise(low[0], high[0], high[1] - low[1])
            low, high = (at, value), None
    if low is not None and high is not None:
        yield Rise(low[0], high[0], high[1] - low[1])


def level(
    unmet: Sequence[str], stability: Stability, violations: int, limits: Levels
) -> tuple[str, tuple[str, ...]]:
    """The level, and a sentence for each thing that keeps the next one away. `unmet` are criteria that are not met."""
    for_49 = (*unmet, *_mean_above(stability, limits.best.mean, limits), *_too_many_rises(stability, limits))
    if not for_49:
        return "L4.9", ()
    for_47 = _mean_above(stability, limits.good.mean, limits)
    if violations >= limits.good.violations_below:
        for_47.append(
            f"level/violations: expected fewer than {limits.good.violations_below}, found {violations}"
        )
    return ("L4.5", tuple(for_47)) if for_47 else ("L4.7", for_49)


def _mean_above(stability: Stability, limit: float, limits: Levels) -> list[str]:
    if stability.mean is None or stability.measured < limits.share:
        wanted = f"expected {limits.metric} for at least {limits.share:.1%} of the time"
        return [f"level/mean: {wanted}, found {stability.measured:.3%}"]
    if stability.mean > limit:
        return [
            f"level/mean: expected a mean of {limits.metric} of at most {limit}, found {stability.mean:.4f}"
        ]
    return []


def _too_many_rises(stability: Stability, limits: Levels) -> list[str]:
    found = []
    if len(stability.rises) > limits.best.rises:
        found.append(
            f"level/rises: expected at most {limits.best.rises} rise of {limits.metric}, found {len(stability.rises)}"
        )
    highest = max((rise.height for rise in stability.rises), default=0.0)
    if highest >= limits.best.rise_below:
        found.append(f"level/rises: expected a rise below {limits.best.rise_below}, found {highest:.3f}")
    return found
