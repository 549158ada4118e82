"""
For how long each abort condition has held, by what was recorded: an alert's word alone rolls nothing back.

Pure. Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from l4gate.contract import AbortCondition, Pace
from l4gate.prometheus_api import Sample

# The rules of an alert run at other moments than those of what it watches, so it fires up to two intervals sooner or
# later than the samples say; one more for a busy machine.
_EARLY_RULE_INTERVALS: Final = 2.0
_LATE_RULE_INTERVALS: Final = 3.0


class Standing(enum.Enum):
    """What the samples of a condition and the word of its alert say together."""

    CALM = "calm"  # does not hold, and does not fire
    PENDING = "pending"  # holds, and not long enough yet
    FIRING = "firing"  # fires, and has held for its time
    UNSETTLED = "unsettled"  # fires, and has just ceased to hold
    WITHOUT_CAUSE = "without-cause"  # fires, though it does not hold
    TOO_SOON = "too-soon"  # fires, though it has not held for its time
    SILENT = "silent"  # has held for its time and longer, and does not fire


@dataclass(frozen=True)
class Held:
    """An abort condition: its standing, and since when it has held without a break, if it does."""

    condition: AbortCondition
    standing: Standing
    since: float | None = None
    until: float = 0.0

    @property
    def seconds(self) -> float:
        """For how long it has been seen to hold."""
        return 0.0 if self.since is None else self.until - self.since


def standing(condition: AbortCondition, samples: Sequence[Sample], pace: Pace, *, fires: bool) -> Held:
    """
    Judges one condition by the recorded samples of its metric, oldest first.

    Samples that are missing do not count against it: an alert that was firing goes on after a restart.
    """
    holding = [condition.holds(sample.value, pace) for sample in samples]
    if not holding or not holding[-1]:
        once = len(holding) > 1 and holding[-2]
        found = (Standing.UNSETTLED if once else Standing.WITHOUT_CAUSE) if fires else Standing.CALM
        return Held(condition, found)
    start = len(holding)
    while start and holding[start - 1]:
        start -= 1
    held = Held(condition, Standing.PENDING, samples[start].at, samples[-1].at)
    if fires:
        enough = held.seconds >= pace.abort_for - _EARLY_RULE_INTERVALS * pace.rule_interval
        found = Standing.FIRING if enough else Standing.TOO_SOON
    else:
        late = held.seconds > pace.abort_for + _LATE_RULE_INTERVALS * pace.rule_interval
        found = Standing.SILENT if late else Standing.PENDING
    return Held(condition, found, held.since, held.until)


def history_seconds(pace: Pace) -> float:
    """How far back samples are needed."""
    return pace.abort_for + (_LATE_RULE_INTERVALS + 1) * pace.rule_interval + pace.max_sample_age
