"""
The moment at which all work for an answer has to be over.

It stands around the work and not in its arguments: what takes long is deep below what knows the deadline, and whoever
forgot to pass it on would have none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from l4gate.base.errors import ApiUnreachable

_END: Final = ContextVar("deadline", default=math.inf)
TOO_SLOW: Final = "see whether the server hangs or is overloaded."


@contextmanager
def deadline(end: float) -> Iterator[None]:
    """Sets a moment of `time.monotonic()` for what is done inside; an earlier one around it stays."""
    token = _END.set(min(end, _END.get()))
    try:
        yield
    finally:
        _END.reset(token)


def seconds_left() -> float:
    """Until the deadline; infinite where there is none, and never below 0."""
    return max(_END.get() - time.monotonic(), 0.0)


def keep_deadline(what: str) -> None:
    """
    To be called between two steps of what can take long.

    Raises:
        ApiUnreachable: if the deadline has passed; `what` says what was being done.
    """
    if not seconds_left():
        message = f"{what} was not over when the deadline passed."
        raise ApiUnreachable(message, next_step=TOO_SLOW)
