"""Waiting: until it is so, or until the deadline, and then saying what was seen."""

from __future__ import annotations

import pytest

from l4gate.base import NotReady, StackError, wait_until


def test_the_true_result_is_returned() -> None:
    """The first true result must be handed over, after exactly as many questions as it took."""
    results = iter([0, "", None, "there"])

    assert wait_until(lambda: next(results), deadline_seconds=5, interval_seconds=0.001, what="it") == "there"
    assert list(results) == []


def test_a_deadline_names_the_last_value() -> None:
    """After the deadline the error must say what was expected, what was found, how long and how often."""
    with pytest.raises(NotReady) as caught:
        wait_until(lambda: 0, deadline_seconds=0.05, interval_seconds=0.01, what="a beat", next_step="look.")

    assert caught.match(r"^expected a beat, found 0 \(waited 0\.\d s, \d+ attempts\)\. Next: look\.$")


def test_what_was_seen_can_be_asked_for() -> None:
    """A better description than the last result must be used, and be asked for once only."""
    asked = []

    with pytest.raises(NotReady, match="found silence"):
        wait_until(
            lambda: False,
            deadline_seconds=0,
            interval_seconds=0,
            what="a sound",
            last_seen=lambda: asked.append(1) or "silence",  # type: ignore[func-returns-value]
        )

    assert asked == [1]


def test_an_error_ends_the_waiting() -> None:
    """What the condition raises must come through at once: it will not become true."""
    attempts = []

    def fails() -> bool:
        attempts.append(1)
        message = "it has died."
        raise StackError(message)

    with pytest.raises(StackError, match=r"^it has died\.$"):
        wait_until(fails, deadline_seconds=60, interval_seconds=1, what="life")

    assert attempts == [1]
