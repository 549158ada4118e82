"""Does one thing at a steady interval, in a thread of its own. Times are seconds."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from l4gate.base import UsageError


class Repeating:
    """
    Between start and stop, calls `action` at once and then at every multiple of the interval. A context manager.

    A call that takes longer than the interval delays nothing but itself: the due times it ran past are counted in
    `skipped`, and the next call keeps to the schedule. `action` must deal with its own failures.

    Raises:
        UsageError: if the interval is not a positive number.
    """

    def __init__(self, name: str, interval_seconds: float, action: Callable[[], object]) -> None:
        if not 0 < interval_seconds < math.inf:
            message = f"{name}: expected an interval above 0 s, found {interval_seconds}."
            raise UsageError(message)
        self.name = name
        self.interval_seconds = interval_seconds
        self.skipped = 0
        self._action = action
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begins, unless it has begun already."""
        if self.running:
            return
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stopping,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Once this returns there are no more calls; allowed at any time. Waits for the call in progress."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, stopping: threading.Event) -> None:
        due = time.monotonic()
        while not stopping.wait(max(0.0, due - time.monotonic())):
            self._action()
            passed = math.floor((time.monotonic() - due) / self.interval_seconds)
            self.skipped += passed
            due += (passed + 1) * self.interval_seconds
