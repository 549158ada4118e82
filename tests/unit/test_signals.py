"""Signals that end a run: they do it in order, also where a shell had them ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.launcher import launched

# Starts a child that says how it takes SIGINT, then waits for a signal.
RUN = """
import signal, subprocess, sys
from l4gate.machine.signals import signals_end_the_run
child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, flush=True)"
with signals_end_the_run():
    try:
        print(subprocess.check_output([sys.executable, "-c", child], text=True), end="", flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        print("in order", flush=True)
        raise SystemExit(7)
"""


@pytest.mark.parametrize(
    ("ignored", "sent", "ended"),
    [
        ("INT", "INT", True),
        ("INT", "TERM", True),
        ("HUP", "INT", True),
        ("HUP", "HUP", False),
        ("QUIT", "HUP", True),
    ],
)
def test_a_run_ends_in_order(ignored: str, sent: str, ended: bool) -> None:
    """An ignored SIGINT must end the run all the same and must not reach its children; an ignored SIGHUP stays so."""
    with subprocess.Popen(
        [
            *launched(program="/bin/sh"),
            "-c",
            f"trap '' {ignored}; exec \"$@\"",
            "sh",
            sys.executable,
            "-c",
            RUN,
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        child = run.stdout.readline().strip()
        run.send_signal(signal.Signals[f"SIG{sent}"])
        out, _ = run.communicate("")

    assert child == "False"
    assert (run.returncode, out) == ((7, "in order\n") if ended else (0, ""))
