"""
Every error that l4gate raises on purpose.

    GateError                  base: a sentence for a person, and what to do next
    |- UsageError              the caller's input is wrong; nothing was started (exit 2)
    |- StackError              a part of the observation stack cannot be started, reached or stopped
    |  |- ProgramMissing       a program or image cannot be had from anywhere we looked
    |  `- NotReady             a part did not become ready in time
    |- ApiError                the Prometheus API gave no usable answer
    |  |- ApiUnreachable       no connection, a time-out, or "not ready yet" (503)
    |  `- ApiBadAnswer         an answer that is not the API's: HTML, cut JSON, a redirect, an error status
    |- RuleError               a rule or configuration file cannot be used
    |  `- ExpressionError      a PromQL expression cannot be used; knows at which character
    |- HistoryError            a history cannot be described, built or read back
    |- OperationRefused        a reload, checkpoint or rollback that was not carried out, and what holds now
    |  `- NothingToRollBack    an ABORT that no change is to blame for, or that has been answered before
    `- RehearsalFailed         a restore drill that proved the opposite: a bad archive, lost samples, no GO

A message says what was expected, what was found, where, how long was waited, and the next step.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import Final

EXIT_USAGE: Final = 2  # of the command and of pytest, for a UsageError


class GateError(Exception):
    """Something a person has to act on. `next_step` is one imperative sentence, or empty."""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} Next: {self.next_step}" if self.next_step else self.message


class UsageError(GateError):
    """The caller's input is wrong. Nothing has been started or changed."""


class StackError(GateError):
    """A part of the observation stack cannot be started, reached or stopped."""


class ProgramMissing(StackError):
    """A program or image cannot be had from any of the places that were looked at."""


class NotReady(StackError):
    """A part did not become ready within its deadline."""


class ApiError(GateError):
    """The Prometheus API gave no usable answer."""


class ApiUnreachable(ApiError):
    """No connection, a time-out, or a server that says it is not ready yet (503)."""


class ApiBadAnswer(ApiError):
    """An answer came, but not one of the API's: HTML, cut JSON, a redirect, an error status."""


class RuleError(GateError):
    """A rule or configuration file cannot be used."""


class ExpressionError(RuleError):
    """A PromQL expression cannot be used. `offset` is the character in it at which it goes wrong, 0 if unknown."""

    def __init__(self, message: str, *, offset: int, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.offset = offset


def defect(error: BaseException) -> str:
    """What nobody has foreseen, in a sentence for whoever mends it: the kind, the place in the code, and the words."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {PurePath(frame.filename).name}:{frame.lineno}: {error!s:.200}"


class HistoryError(GateError):
    """A history cannot be described, built or read back."""


class OperationRefused(GateError):
    """A reload, checkpoint or rollback that was not carried out. The message says what holds now."""


class NothingToRollBack(OperationRefused):
    """An ABORT that the live configuration is not to blame for, or that has been answered before."""


class RehearsalFailed(GateError):
    """A restore drill did not prove that everything comes back: a bad archive, lost samples, or no GO."""
