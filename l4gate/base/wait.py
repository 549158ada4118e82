"""Waiting for a named condition with a deadline. The only place that uses tenacity; nothing else sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay

from l4gate.base.errors import NotReady

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T],
    *,
    deadline_seconds: float,
    interval_seconds: float,
    what: str,
    next_step: str = "",
    last_seen: Callable[[], str] | None = None,
) -> T:
    """
    Calls a condition until its result is true in Python's sense, and returns that result.

    Args:
        condition: raises nothing for "not yet"; what it raises ends the waiting.
        deadline_seconds: how long at most; the condition is asked at least once.
        interval_seconds: pause between two questions; shorter before the last one, which is asked at the deadline.
        what: completes the sentence "expected ...".
        next_step: for the person who reads the error.
        last_seen: asked once after the deadline for what was found instead of the last result.

    Raises:
        NotReady: with the last value, the time waited and the number of attempts.
    """
    started = time.monotonic()
    retrying = Retrying(
        retry=retry_if_result(lambda result: not result),
        stop=stop_after_delay(deadline_seconds),
        wait=lambda _state: min(interval_seconds, max(started + deadline_seconds - time.monotonic(), 0.0)),
    )
    try:
        return retrying(condition)
    except RetryError as error:
        attempt = error.last_attempt
        seen = last_seen() if last_seen else repr(attempt.result())
        message = (
            f"expected {what}, found {seen} "
            f"(waited {time.monotonic() - started:.1f} s, {attempt.attempt_number} attempts)."
        )
        raise NotReady(message, next_step=next_step) from None
