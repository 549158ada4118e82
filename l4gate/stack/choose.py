"""Choosing and opening a stack, and closing it however the run ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from l4gate.errors import StackError, UsageError
from l4gate.settings import Settings
from l4gate.stack.engine import Engine, find_engine
from l4gate.stack.external import ExternalStack
from l4gate.stack.local import LocalStack
from l4gate.stack.model import Stack, StackSpec
from l4gate.stack.processes import start_processes
from l4gate.stack.reaper import reap

_ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def open_stack(settings: Settings, spec: StackSpec, say: Callable[[str], None]) -> Iterator[Stack]:
    """
    Reaps dead runs, chooses a stack, starts it, and stops it at the end: also on Ctrl-C, SIGTERM and SIGHUP.

    With `settings.keep_stack` it is left up and its addresses are said.

    Raises:
        StackError: if it cannot be had, started or made ready; `auto` tries processes after containers.
    """
    if settings.stack == "external":
        if settings.url is None:
            message = "the stack external needs a URL."
            raise UsageError(message, next_step="give --url http://HOST:PORT.")
        yield ExternalStack(settings.url, settings, spec)
        return
    with _signals_end_the_run():
        engine, why_not = _engine_for(settings.stack)
        for leftover in reap(engine=engine is not None):
            say(f"removed {leftover}")
        stack = _start(settings, spec, say, engine, why_not)
        say(f"stack {stack.reason}")
        try:
            yield stack
        finally:
            if settings.keep_stack:
                stack.keep()
                say(
                    f"stack kept: Prometheus {stack.prometheus_url}, Pushgateway {stack.pushgateway_url}, "
                    f"node-exporter {stack.node_exporter_url}, files {stack.run_dir}; "
                    "remove it with: l4gate doctor --reap"
                )
            else:
                stack.stop()


def _engine_for(kind: str) -> tuple[Engine | None, str]:
    """The engine to use, or none and why."""
    if kind == "processes":
        return None, "asked for"
    try:
        return find_engine(), ""
    except StackError as error:
        if kind == "containers":
            raise
        return None, error.message


def _start(
    settings: Settings, spec: StackSpec, say: Callable[[str], None], engine: Engine | None, why_not: str
) -> LocalStack:
    if engine is not None:
        from l4gate.stack.containers import start_containers

        try:
            return start_containers(settings, spec, engine, say)
        except StackError as error:
            if settings.stack == "containers":
                raise
            why_not = error.message
    return start_processes(settings, spec, f"processes: {why_not}", say)


@contextmanager
def _signals_end_the_run() -> Iterator[None]:
    """
    Makes the signals that ask a process to end do what Ctrl-C does, so that the stack is stopped in order.

    By default they would end Python on the spot. Whoever has a handler of his own keeps it.
    """
    taken = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING_SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                taken[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, before in taken.items():
            signal.signal(number, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    raise KeyboardInterrupt(signal.Signals(number).name)
