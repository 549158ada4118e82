"""Choosing and opening a stack, and closing it however the run ends."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from l4gate.base import StackError, UsageError
from l4gate.machine import signals_end_the_run
from l4gate.settings import Settings
from l4gate.stack.engine import Engine, find_engine
from l4gate.stack.local import LocalStack
from l4gate.stack.model import Stack, StackSpec
from l4gate.stack.processes import start_processes
from l4gate.stack.reaper import reap, reap_own


@contextmanager
def open_stack(settings: Settings, spec: StackSpec, say: Callable[[str], None]) -> Iterator[Stack]:
    """
    Reaps dead runs, chooses a stack, starts it, and stops it at the end: also on Ctrl-C, SIGTERM and SIGHUP.

    With `settings.keep_stack` it is left up and its addresses are said.

    Raises:
        UsageError: for the stack external: there is a URL to ask, and nothing to start, change or stop.
        StackError: if it cannot be had, started or made ready; `auto` tries processes after containers.
    """
    if settings.stack == "external":
        message = "this starts, breaks and stops its stack, so it takes none that is somebody else's."
        raise UsageError(message, next_step="use --stack processes or containers.")
    with signals_end_the_run():
        engine, why_not = _engine_for(settings.stack)
        _reap_own_at_exit(engine=engine is not None)
        for leftover in reap(engine=engine is not None):
            say(f"removed {leftover}")
        stack = _start(settings, spec, say, engine, why_not)
        say(f"stack {stack.reason}")
        if stack.untold:
            say(f"warning: {stack.untold}")
        try:
            yield stack
        finally:
            if settings.keep_stack:
                stack.keep()
                say(
                    f"stack kept: Prometheus {stack.prometheus_url}, Pushgateway {stack.pushgateway_url}, "
                    f"node-exporter {stack.node_exporter_url}, Alertmanager {stack.alertmanager_url or 'none'}, "
                    f"files {stack.run_dir}; "
                    "remove it with: l4gate doctor --reap"
                )
            else:
                stack.stop()


@cache
def _reap_own_at_exit(*, engine: bool) -> None:
    """Has what an interrupted start or stop left removed when Python ends; Ctrl-C may come at any point of either."""
    atexit.register(reap_own, engine=engine)


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
