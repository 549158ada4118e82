"""Faults of the writer: the heartbeat script stops, its clock is wrong, or another writer takes its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from l4gate.base import Verdict
from l4gate.faults.model import Action, Fault, Site
from l4gate.faults.tools import (
    beating,
    exposition,
    extra_textfile,
    group,
    heart_stopped,
    remove_textfiles,
    send,
    sourced,
    write_textfile,
)


@contextmanager
def _never_ran(site: Site) -> Iterator[None]:
    with heart_stopped(site):
        send(site, "DELETE", group(site))
        remove_textfiles(site)
        yield


def _died(site: Site) -> AbstractContextManager[None]:
    return heart_stopped(site)


def _clock(seconds: float) -> Action:
    """The real script with a clock that is off by so many production seconds."""

    def action(site: Site) -> AbstractContextManager[None]:
        off = round(seconds / site.sandbox.pace.factor)
        code = f"real=$EPOCHREALTIME; unset EPOCHREALTIME; EPOCHREALTIME=$((${{real%.*}} + {off})).${{real#*.}}\n"
        return sourced(site, code)

    return action


def _clock_stopped(site: Site) -> AbstractContextManager[None]:
    return sourced(site, f"unset EPOCHREALTIME; EPOCHREALTIME={time.time():.6f}\n")


def _both_paths(text: Callable[[Site], str]) -> Action:
    """A writer that publishes its own text by both paths at every beat."""

    def action(site: Site) -> AbstractContextManager[None]:
        def beat() -> None:
            body = text(site)
            send(site, "PUT", group(site), body)
            remove_textfiles(site)
            write_textfile(site, "heartbeat.prom", body)

        @contextmanager
        def impostor() -> Iterator[None]:
            with beating(site, beat):
                yield
            (site.sandbox.stack.textfile_dir / "heartbeat.prom").unlink(missing_ok=True)

        return impostor()

    return action


FAULTS: Final = (
    Fault(
        "writer/never-ran",
        "No beat ever came, by either path.",
        _never_ran,
        Verdict.HOLD,
        "writer/no-heartbeat",
    ),
    Fault(
        "writer/died",
        "The script runs no more; Pushgateway and textfile serve its last value for ever.",
        _died,
        Verdict.HOLD,
        "writer/stale",
    ),
    Fault(
        "writer/stays-dead",
        "The script has not run for longer than the abort rules wait.",
        _died,
        Verdict.ABORT,
        "writer/stale",
        also=("verdict/abort-firing",),
    ),
    Fault(
        "writer/clock-stands-still",
        "The script runs, the host's clock does not.",
        _clock_stopped,
        Verdict.HOLD,
        "writer/stale",
    ),
    Fault(
        "writer/clock-behind",
        "The host's clock is an hour behind.",
        _clock(-3600),
        Verdict.HOLD,
        "writer/stale",
    ),
    Fault(
        "writer/clock-ahead",
        "The host's clock is ten minutes ahead.",
        _clock(600),
        Verdict.HOLD,
        "writer/clock-ahead",
    ),
    Fault(
        "writer/milliseconds",
        "Another script publishes the time in milliseconds.",
        _both_paths(lambda site: exposition(site, time.time() * 1000, time.time())),
        Verdict.HOLD,
        "writer/clock-ahead",
    ),
    Fault(
        "writer/not-a-number",
        "Another script publishes NaN for the time.",
        _both_paths(lambda site: exposition(site, float("nan"), time.time())),
        Verdict.HOLD,
        "writer/not-a-number",
    ),
    Fault(
        "writer/stuck-sequence",
        "Another script beats with the time of now and always the same sequence number.",
        _both_paths(lambda site: exposition(site, time.time(), 7)),
        Verdict.HOLD,
        "writer/stuck-sequence",
    ),
    Fault(
        "writer/second-writer-ahead",
        "A second host beats by textfile with a clock ten minutes ahead; the first one is well.",
        lambda site: extra_textfile(
            site,
            "second.prom",
            exposition(site, time.time() + 600, 1).replace("}", ',host="second"}'),
        ),
        Verdict.GO,
    ),
)
