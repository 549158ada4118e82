"""
What one judge has seen with its own eyes: that the server's clock goes, and goes right, and that rules are evaluated.

A server that stands still, a cache, or an answer that was kept shows the same good values for ever. So nothing is
evidence until something new was seen. Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.verdict.clock import ClockReading
from l4gate.verdict.pages import Compared
from l4gate.verdict.recomputed import Record

# How long before a reading of the clock is the one that it is held against: long enough that a cache's age shows at
# every look, and soon enough over that a clock which was set right is believed again.
_ANCHOR_RULE_INTERVALS: Final = 4.0


@dataclass
class Memory:
    """
    What was seen of one server so far.

    `agreed` holds what was recomputed and found right, by the number of the rule and the realm: the same record needs
    no second look. `config` is a printed configuration with its difference, `rules` are the loaded rules with theirs.
    `counted` has, by the name of a metric, the evaluation that was right in every realm. `wall` is our own clock.
    """

    wall: Callable[[], float] = time.time
    agreed: dict[tuple[int, str], Record] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    config: tuple[str, str] | None = None
    rules: Compared | None = None
    _clocks: deque[ClockReading] = field(default_factory=deque)
    _first_evaluations: dict[str, float] = field(default_factory=dict)

    def read_clock(self, api: PrometheusApi) -> ClockReading:
        """
        Asks the server for its time.

        Raises:
            ApiError: if it does not tell.
        """
        ours, steady = self.wall(), time.monotonic()
        server = api.now()
        return ClockReading(server, (ours, self.wall()), (steady, time.monotonic()))

    def clock_strayed(self, clock: ClockReading, pace: Pace) -> float:
        """By how much the server's clock has not gone as ours did; remembers the reading."""
        self._clocks.append(clock)
        oldest = clock.steady[0] - _ANCHOR_RULE_INTERVALS * pace.rule_interval
        # The newest of those that are old enough stays: a clock that stands still has one of its good days before it.
        while len(self._clocks) > 2 and self._clocks[1].steady[0] <= oldest:  # noqa: PLR2004 - this one, and one before
            self._clocks.popleft()
        return clock.strayed(self._clocks[0]) if len(self._clocks) > 1 else 0.0

    def saw_new_evaluation(self, newest: float | None, realm: str) -> bool:
        """Whether an evaluation of a realm has come since the first look; `newest` is when the newest was, if any."""
        at = float("-inf") if newest is None else newest
        return at > self._first_evaluations.setdefault(realm, at)
