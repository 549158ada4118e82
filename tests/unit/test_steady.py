"""Doing one thing at a steady interval."""

from __future__ import annotations

import threading
import time

import pytest

from l4gate.errors import UsageError
from l4gate.steady import Steady
from l4gate.wait import wait_until

WAIT_SECONDS = 10.0


def wait_for(calls: list[float], count: int) -> None:
    wait_until(
        lambda: len(calls) >= count,
        deadline_seconds=WAIT_SECONDS,
        interval_seconds=0.005,
        what=f"{count} calls",
    )


def test_calls_at_once_and_again() -> None:
    """The first call is not an interval away, and the following ones come by themselves until stop."""
    calls: list[float] = []
    began = time.monotonic()
    with Steady("test", 0.05, lambda: calls.append(time.monotonic())) as steady:
        wait_for(calls, 4)

        assert steady.running
    assert not steady.running
    assert calls[0] - began < 0.05
    assert calls[3] - calls[0] >= 0.14


def test_schedule_does_not_drift() -> None:
    """A slow call does not shift the calls after it: all are due at multiples of the interval."""
    calls: list[float] = []

    def act() -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            threading.Event().wait(0.13)

    with Steady("test", 0.1, act) as steady:
        wait_for(calls, 3)

    assert steady.skipped == 1
    assert calls[1] - calls[0] == pytest.approx(0.2, abs=0.06)
    assert calls[2] - calls[0] == pytest.approx(0.3, abs=0.06)


def test_start_and_stop_are_idempotent() -> None:
    """Starting twice makes one thread, stopping before and twice is allowed, and starting again works."""
    calls: list[float] = []
    steady = Steady("only one of these", 60, lambda: calls.append(time.monotonic()))
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
    """An interval that is no positive number is the caller's error."""
    with pytest.raises(UsageError, match=r"test: expected an interval above 0 s, found"):
        Steady("test", seconds, lambda: None)
