"""Whether the server's clock is right and goes. Pure."""

from __future__ import annotations

from typing import Final

from l4gate.contract import Pace
from l4gate.verdict.evidence import Cause, Stage
from l4gate.verdict.look import Measurement

_WHERE: Final = "query time()"
_DAY: Final = 86_400.0
_ROOM_RULE_INTERVALS: Final = 0.5  # a clock that is being set right moves by less


def clock_causes(m: Measurement, pace: Pace) -> list[Cause]:
    """What is wrong with the clock that everything else is measured by."""
    limit = pace.contract.evidence.clock
    if m.clock is None:
        return []
    if abs(m.clock.difference) > limit:
        return [
            Cause(
                Stage.QUERY,
                "clock-differs",
                f"the server's clock within {limit:g} s of this machine's",
                f"{_words(m.clock.difference)}",
                _WHERE,
                "set both clocks (NTP); a copy of another day's answers looks like this too.",
            )
        ]
    if abs(m.clock_strayed) > _ROOM_RULE_INTERVALS * pace.rule_interval:
        return [
            Cause(
                Stage.QUERY,
                "clock-stands-still",
                "the server's clock to go as this machine's does",
                f"since an earlier look it has moved {abs(m.clock_strayed):.1f} s too "
                f"{'far' if m.clock_strayed > 0 else 'little'}",
                _WHERE,
                "look for a cache between here and the server, or a clock that is being set.",
            )
        ]
    return []


def _words(difference: float) -> str:
    seconds = abs(difference)
    shown = f"{seconds:.1f} s" if seconds < _DAY else f"{seconds / _DAY:.1f} days"
    return f"{shown} {'ahead' if difference > 0 else 'behind'}"
