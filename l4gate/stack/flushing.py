"""Has VictoriaMetrics show what was written at the pace of a scaled stack. Times are seconds."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Final

from l4gate.prometheus_api import HttpError, new_session

_REQUEST_SECONDS: Final = 2.0


class Flusher:
    """Has VictoriaMetrics make visible what was written, at a scaled pace: it does so by itself at an unscaled one."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, url: str) -> None:
        """Begins."""
        self._thread = threading.Thread(target=self._run, args=(url,), name="l4gate-flush", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends; may be called again."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_REQUEST_SECONDS)

    def _run(self, url: str) -> None:
        session = new_session(url)
        while not self._ended.wait(self._interval):
            with suppress(HttpError):  # a server that a test has ended
                session.get(f"{url}/internal/force_flush", timeout=_REQUEST_SECONDS).close()
