"""Ending in order when asked to: the signals that ask a process to end do what Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_end_the_run() -> Iterator[None]:
    """
    Makes SIGTERM, SIGHUP and SIGINT raise KeyboardInterrupt, so that what was started is stopped.

    By default the first two would end Python on the spot. Whoever has a handler of his own keeps it, and SIGHUP stays
    ignored where it was ignored on purpose (`nohup`). An ignored SIGINT is no such purpose: shells do that to each
    job that a script puts in the background, and Python and all children would inherit it; a signal that is sent to
    the run all the same is meant.
    """
    taken = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                taken[number] = signal.signal(number, _interrupt)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            taken[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, before in taken.items():
            signal.signal(number, before)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise KeyboardInterrupt(signal.Signals(number).name)
