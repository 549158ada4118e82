"""The line on a terminal that says what a long command waits for."""

from __future__ import annotations

import sys
import time
from typing import Final, Self

from l4gate.base import control_terminal, shown
from l4gate.verdict import Look, progress_line

_ERASE: Final = "\r\x1b[K"
_MOST_CHARACTERS: Final = 119  # a line that wraps could not be erased


class Progress:
    """A line on the terminal that says what is waited for; silent in a pipe. Erased at the end."""

    _EVERY_SECONDS: Final = 0.1

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Erases the line, so that something else can be printed in its place."""
        if self._shown:
            control_terminal(_ERASE)
            sys.stderr.flush()
            self._shown = False

    def __call__(self, looks: tuple[Look, ...], left: float) -> None:
        """Shows the state after a look."""
        self.say(progress_line(looks, left))

    def say(self, text: str) -> None:
        """Shows any text in the line."""
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next = now + self._EVERY_SECONDS
            self._shown = True
            control_terminal(_ERASE)
            sys.stderr.write(shown(text.replace("\n", " "))[:_MOST_CHARACTERS])
            sys.stderr.flush()
