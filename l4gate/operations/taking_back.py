"""The way back from a reload that was refused or not proven, and what is known of files and server after it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from l4gate.base import GateError, why
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.live_folder import switch
from l4gate.prometheus_api import PrometheusApi


def take_back(
    api: PrometheusApi,
    live: Path,
    before: Configuration,
    instead_of: Configuration,
    prove: Callable[[], None],
) -> str:
    """
    Puts the old files back, has the server reload what is there then, and says what is known of both.

    What is neither of the two configurations by now is somebody else's and stays. `prove` waits for the proof that the
    server runs the old files, or raises.

    Each step is made whatever came of the one before; Ctrl-C waits until the server has been asked.
    """
    with _undisturbed():
        files = _files_back(live, before, instead_of)
        try:
            refusal = api.reload()
        except Exception as error:  # noqa: BLE001 - what it is called does not change what is known
            return (
                f"{files} Which files the server runs is unknown: it was asked to reload, found: {why(error)}"
            )
    if refusal:
        return (
            f"{files} Which files the server runs is unknown: it was asked to reload and refused: {refusal}. "
            "A refused reload may take over a part."
        )
    answered = f"{files} The server was asked to reload, and answered that it did;"
    try:
        if read_configuration(live) != before:
            return f"{answered} it runs what is in the folder, unproven."
        prove()
    except Exception as error:  # noqa: BLE001 - the first error is the one to report
        return f"{answered} it cannot be proven what it runs: {error if isinstance(error, GateError) else why(error)}"
    return "The old configuration is back and proven live."


def _files_back(live: Path, before: Configuration, instead_of: Configuration) -> str:
    try:
        switch(live, before, back=True, replacing=(before, instead_of))
        return "The old files are back."
    except Exception as error:  # noqa: BLE001 - see take_back
        failed = (
            f"The old files could not be put back: {error if isinstance(error, GateError) else why(error)}"
        )
    try:
        held = "the old files" if read_configuration(live) == before else "other files than the old ones"
    except GateError as error:
        held = f"what cannot be read: {error.message}"
    return f"{failed} {live} holds {held}."


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keeps signals that end the run waiting: half way back nobody could say what is live."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
