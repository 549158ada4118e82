"""Doing one thing at a steady interval."""

from __future__ import annotations

import threading
import time

import pytest

from l4gate.base import UsageError, wait_until
from l4gate.sandbox.repeating import Repeating

WAIT_SECONDS = 10.0


def wait_for(calls: list[float], count: int) -> None:
    wait_until(
        lambda: len(calls) >= count,
        deadline_seconds=WAIT_SECONDS,
        interval_seconds=0.005,
        what=f"{count} calls",
    )


def test_calls_again_and_again() -> None:
    """One call must follow another by itself, an interval apart, until stop."""
    calls: list[float] = []
    with Repeating("test", 0.2, lambda: calls.append(time.monotonic())) as steady:
        wait_for(calls, 4)

        assert steady.running
    assert not steady.running
    assert calls[3] - calls[0] >= 2 * 0.2  # a first call that comes late is nearer to the second


def test_schedule_does_not_drift() -> None:
    """The time that calls take must not be added to the interval, and due times they run past must be counted."""
    interval_seconds = 0.05
    calls: list[float] = []
    durations = iter([0.12] + [0.03] * 1000)  # the first one runs past two due times

    def act() -> None:
        calls.append(time.monotonic())
        threading.Event().wait(next(durations))

    with Repeating("test", interval_seconds, act) as steady:
        wait_for(calls, 20)
        due_seconds = (len(calls) - 1 + steady.skipped) * interval_seconds
        late_seconds = calls[-1] - calls[0] - due_seconds

    assert steady.skipped >= 2
    assert late_seconds < 0.3  # adding up would make 0.6; the rest is for a busy machine


def test_start_and_stop_are_idempotent() -> None:
    """The first call must come at once, and starting twice make one thread; stopping twice or before is allowed."""
    calls: list[float] = []
    steady = Repeating("only one of these", 60, lambda: calls.append(time.monotonic()))
    steady.stop()
    for expected in (1, 2):
        steady.start()
        steady.start()
        wait_for(calls, expected)
        assert [thread.name for thread in threading.enumerate()].count("only one of these") == 1
        steady.stop()
        steady.stop()
    assert len(calls) == 2


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_interval_must_be_a_time(seconds: float) -> None:
    """An interval that is no positive number must be the caller's error."""
    with pytest.raises(UsageError, match=r"test: expected an interval above 0 s, found"):
        Repeating("test", seconds, lambda: None)
