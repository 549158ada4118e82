"""GO, HOLD and ABORT, and the exit code that each of them is, everywhere."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Verdict(enum.IntEnum):
    """Ordered by severity, so that the worst is the maximum."""

    GO = 0
    HOLD = 1
    ABORT = 2

    @property
    def exit_code(self) -> int:
        """0 GO, 10 HOLD, 20 ABORT. 2 is usage, and pytest keeps 1 to 5 for itself, so none of them is a verdict."""
        return {Verdict.GO: 0, Verdict.HOLD: 10, Verdict.ABORT: 20}[self]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst verdict; nothing at all is no evidence, so it is HOLD."""
    return max(verdicts, default=Verdict.HOLD)
