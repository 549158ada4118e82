"""
Watching a server for hours: the live verdict, its changes, its worst interval, and one rollback on ABORT.

The state is in Prometheus. A watch that starts with the beginning of its window reads there what it has missed, so it
can be killed and started again; the same is done for every time in which the server could not be asked. The answer at
the end is the certificate of the whole window, from the recorded samples and not from what this process remembers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from l4gate.base import (
    ApiError,
    GateError,
    NothingToRollBack,
    NotReady,
    Verdict,
    deadline,
    defect,
    format_duration,
    wait_until,
    worst,
)
from l4gate.certificate import Certificate, Interval, Window, certify_window
from l4gate.contract import is_fleet
from l4gate.operations.rollback import RolledBack
from l4gate.report import utc
from l4gate.verdict import Judge, Look, proven, worst_look

_UNSEEN_RULE_INTERVALS: Final = 3.0  # between two looks that far apart, an alert could have fired and ended


@dataclass(frozen=True)
class Change:
    """The verdict became another, or its cause did. `at` is in Unix seconds of the server's clock."""

    at: float
    verdict: Verdict
    cause: str

    def __str__(self) -> str:
        return f"{utc(self.at)} {self.verdict.name}{f': {self.cause}' if self.cause else ''}"


@dataclass(frozen=True)
class Watched:
    """
    What came of a watch.

    `aborted` says which abort was seen, `problem` what could not be done at the end; `looks` are the last ones.
    """

    window: Window
    changes: tuple[Change, ...]
    worst: Interval | None
    aborted: str = ""
    rolled_back: RolledBack | None = None
    certificates: tuple[Certificate, ...] = ()
    problem: str = ""
    looks: tuple[Look, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """ABORT if one was seen; else what the certificates say, and HOLD without them."""
        return Verdict.ABORT if self.aborted else worst(each.verdict for each in self.certificates)


class Watch:
    """
    One watch over one window.

    Args:
        judge: of the server; its API is asked for the past as well.
        window: from when to when; may have begun already.
        on_change: called with each change.
        on_go: called after each look that was GO: what is live may be another configuration by then.
        on_abort: rolls back; called at most once, for an alert that fires now.
        progress: called with a line after each look.
        look_seconds: how long a look may take, and the certificate of a realm at the end: one that hangs sees nothing.
    """

    def __init__(
        self,
        judge: Judge,
        window: Window,
        *,
        on_change: Callable[[Change], None] = lambda _change: None,
        on_go: Callable[[tuple[Look, ...]], None] = lambda _looks: None,
        on_abort: Callable[[], RolledBack] | None = None,
        progress: Callable[[str], None] = lambda _line: None,
        look_seconds: float = math.inf,
    ) -> None:
        self._judge = judge
        self._look_seconds = look_seconds
        self._window = window
        self._on_change = on_change
        self._on_go = on_go
        self._on_abort = on_abort
        self._progress = progress
        self._changes: list[Change] = []
        self._worst: Interval | None = None
        self._bad_since: float | None = None
        self._seen_until = window.start
        self._aborted = ""
        self._looks: tuple[Look, ...] = ()

    def run(self, now: float) -> Watched:
        """Watches from `now` (the server's clock, Unix seconds) to the end of the window, or to an ABORT."""
        self._offset = now - time.monotonic()
        if now >= self._window.end:
            return self._finish()
        try:
            wait_until(
                self._look,
                deadline_seconds=self._window.end - now,
                interval_seconds=self._window.pace.rule_interval,
                what="an ABORT",
            )
        except NotReady:
            return self._finish()
        rolled_back, problem = None, ""
        if self._on_abort and self._changes and self._changes[-1].verdict is Verdict.ABORT:
            try:
                rolled_back = self._on_abort()
            except NothingToRollBack as error:
                problem = f"not rolled back: {error}"
            except GateError as error:
                problem = f"the rollback failed: {error}"
        return Watched(
            self._window,
            tuple(self._changes),
            self._worst,
            self._aborted,
            rolled_back,
            problem=problem,
            looks=self._looks,
        )

    def _look(self) -> bool:
        """One look; true ends the watch."""
        try:
            with deadline(time.monotonic() + self._look_seconds):
                self._see()
        except (GateError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - a watch that dies guards nothing; the change names the defect
            self._note(self._offset + time.monotonic(), Verdict.HOLD, f"not foreseen: {defect(error)}")
        return bool(self._aborted)

    def _see(self) -> None:
        """Looks, catches up with what was missed, and notes it."""
        self._looks = looks = self._judge.look()
        now = self._offset + time.monotonic()
        decision = worst_look(looks).decision
        verdict, cause = decision.verdict, decision.cause
        measured = all(look.measurement.at > 0 for look in looks)
        if measured:
            self._catch_up(max(look.measurement.at for look in looks))
        self._note(now, verdict, cause.id if cause else "")
        if verdict is Verdict.ABORT:
            self._aborted = str(cause) if len(looks) == 1 else f"realm {decision.realm}: {cause}"
        if verdict is Verdict.GO:
            self._on_go(looks)
        left = format_duration(max(round(self._window.end - now), 0))
        longest = format_duration(round(self._worst.seconds, 1)) if self._worst else "none"
        self._progress(
            f"{left} left, {verdict.name}{f' ({cause.id})' if cause else ''}"
            f"{f', {proven(looks)}' if is_fleet(looks) else ''}, longest not GO: {longest}"
        )

    def _catch_up(self, at: float) -> None:
        """Reads what happened since the server was last seen, if that is long enough for an abort to come and go."""
        start, self._seen_until = self._seen_until, max(at, self._seen_until)
        pace = self._window.pace
        if at - start <= _UNSEEN_RULE_INTERVALS * pace.rule_interval:
            return
        try:
            for realm in self._judge.realms:
                certificate, _ = certify_window(self._judge.api, realm, Window(start, at, pace))
                for violation in certificate.violations:
                    self._longest(violation)
                abort = next((each for each in certificate.aborts if each.proven), None)
                if abort is not None and not self._aborted:
                    self._aborted = (
                        f"{abort.alert} fired from {utc(abort.start)} to {utc(abort.end)} in {realm}"
                    )
        except ApiError:
            self._seen_until = start  # asked again after the next look

    def _note(self, now: float, verdict: Verdict, cause: str) -> None:
        if verdict is Verdict.GO:
            self._bad_since = None
        else:
            self._bad_since = now if self._bad_since is None else self._bad_since
            self._longest(Interval(self._bad_since, now))
        last = self._changes[-1] if self._changes else None
        if last is None or (last.verdict, last.cause) != (verdict, cause):
            self._changes.append(Change(now, verdict, cause))
            self._on_change(self._changes[-1])

    def _longest(self, interval: Interval) -> None:
        if self._worst is None or interval.seconds > self._worst.seconds:
            self._worst = Interval(interval.start, interval.end)

    def _finish(self) -> Watched:
        """The window is over: its certificate decides."""
        certificates: tuple[Certificate, ...] = ()
        problem = ""
        try:
            # One realm after the other is certified, each with as much time as a look has.
            with deadline(time.monotonic() + self._look_seconds * len(self._judge.realms)):
                certificates = tuple(
                    certify_window(self._judge.api, realm, self._window)[0] for realm in self._judge.realms
                )
        except ApiError as error:
            problem = f"the window cannot be certified: {error}"
        return Watched(
            self._window,
            tuple(self._changes),
            self._worst,
            certificates=certificates,
            problem=problem,
            looks=self._looks,
        )
