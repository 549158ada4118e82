"""
The level of a certificate, from the Lyapunov value over the window and the number of violations. Pure.

Source of every number: section 8 of the design. Times are Unix seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from l4gate.certificate.tracks import Interval, Segment, Window
from l4gate.contract import LYAPUNOV

_L49_MEAN: Final = 0.2
_L49_RISES: Final = 1
_L49_RISE_BELOW: Final = 0.2
_L47_MEAN: Final = 0.3
_L47_FEWER_VIOLATIONS: Final = 3
# Ours: below the smallest event that the value knows (one failed restore of 100 adds 0.015), above its drift.
_RISE_NOISE: Final = 0.01
# Ours: the share of the time that `ok` needs as well. A mean over less is no mean of the window.
_MEAN_SHARE: Final = 0.999


@dataclass(frozen=True)
class Rise(Interval):
    """One climb of the Lyapunov value, from a low to the next high."""

    height: float


@dataclass(frozen=True)
class Lyapunov:
    """The Lyapunov value: its mean over the measured time (None without any), that time's share, and its rises."""

    mean: float | None
    measured: float
    rises: tuple[Rise, ...]


def lyapunov_of(states: Iterable[Segment], window: Window) -> Lyapunov:
    """Sums up the Lyapunov value over a window."""
    known = [(segment, segment.value) for segment in states if segment.value is not None]
    seconds = math.fsum(segment.seconds for segment, _ in known)
    total = math.fsum(segment.seconds * value for segment, value in known)
    rises = tuple(_rises((segment.start, value) for segment, value in known))
    return Lyapunov(total / seconds if seconds else None, seconds / window.seconds, rises)


def _rises(samples: Iterable[tuple[float, float]]) -> Iterator[Rise]:
    """Climbs of more than noise; a fall of more than noise ends a climb."""
    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    for at, value in samples:
        if low is None or (high is None and value < low[1]):
            low = (at, value)
        elif high is None:
            high = (at, value) if value - low[1] > _RISE_NOISE else None
        elif value > high[1]:
            high = (at, value)
        elif high[1] - value > _RISE_NOISE:
            yield Rise(low[0], high[0], high[1] - low[1])
            low, high = (at, value), None
    if low is not None and high is not None:
        yield Rise(low[0], high[0], high[1] - low[1])


def level(unmet: Sequence[str], lyapunov: Lyapunov, violations: int) -> tuple[str, tuple[str, ...]]:
    """The level, and a sentence for each thing that keeps the next one away. `unmet` are criteria that are not met."""
    for_49 = (*unmet, *_mean_above(lyapunov, _L49_MEAN), *_too_many_rises(lyapunov))
    if not for_49:
        return "L4.9", ()
    for_47 = _mean_above(lyapunov, _L47_MEAN)
    if violations >= _L47_FEWER_VIOLATIONS:
        for_47.append(f"level/violations: expected fewer than {_L47_FEWER_VIOLATIONS}, found {violations}")
    return ("L4.5", tuple(for_47)) if for_47 else ("L4.7", for_49)


def _mean_above(lyapunov: Lyapunov, limit: float) -> list[str]:
    if lyapunov.mean is None or lyapunov.measured < _MEAN_SHARE:
        return [
            f"level/mean: expected {LYAPUNOV} for at least {_MEAN_SHARE:.1%} of the time, found {lyapunov.measured:.3%}"
        ]
    if lyapunov.mean > limit:
        return [f"level/mean: expected a mean of {LYAPUNOV} of at most {limit}, found {lyapunov.mean:.4f}"]
    return []


def _too_many_rises(lyapunov: Lyapunov) -> list[str]:
    found = []
    if len(lyapunov.rises) > _L49_RISES:
        found.append(
            f"level/rises: expected at most {_L49_RISES} rise of {LYAPUNOV}, found {len(lyapunov.rises)}"
        )
    highest = max((rise.height for rise in lyapunov.rises), default=0.0)
    if highest >= _L49_RISE_BELOW:
        found.append(f"level/rises: expected a rise below {_L49_RISE_BELOW}, found {highest:.3f}")
    return found
