"""Guarded commands: they die with all that they have started, when asked to and when their starter is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from l4gate.base import wait_until
from l4gate.machine import Guarded, start_time

# A child and a grandchild that would stay for good, and ignore what can be ignored; it writes both PIDs down.
FAMILY = "trap '' INT TERM HUP; tail -f /dev/null & echo $$ $! > pids.new; mv pids.new pids; wait"
STARTER = f"""
import os, sys
from l4gate.machine.guarded import Guarded
guarded = Guarded(["sh", "-c", {FAMILY!r}], output=sys.stderr.buffer, environment=os.environ)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def output() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


def family(folder: Path) -> list[int]:
    wait_until((folder / "pids").exists, deadline_seconds=10, interval_seconds=0.01, what="a running family")
    return [int(word) for word in (folder / "pids").read_text().split()]


def children() -> set[str]:
    """The PIDs of this process's children."""
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def test_a_result_is_handed_over(output: IO[bytes]) -> None:
    """The exit code must come back, and both streams must be in the file."""
    guarded = Guarded(["sh", "-c", "echo out; echo err >&2; exit 3"], output=output, environment=os.environ)

    assert guarded.wait(10) == 3
    guarded.kill()
    guarded.kill()

    output.seek(0)
    assert output.read() == b"out\nerr\n"


def test_a_missing_command_is_an_error(output: IO[bytes]) -> None:
    """A command that is not there must be said, and must leave no guard."""
    before = children()
    path = {"PATH": os.defpath}  # one folder on it that may not be entered would make it a PermissionError

    with pytest.raises(FileNotFoundError, match="no-such-program"):
        Guarded(["no-such-program"], output=output, environment={**os.environ, **path})

    assert children() == before


def test_killing_takes_grandchildren_along(output: IO[bytes], folder: Path) -> None:
    """When kill() returns, nothing that the command has started must still run."""
    guarded = Guarded(["sh", "-c", FAMILY], output=output, environment=os.environ)
    pids = family(folder)
    assert all(start_time(pid) for pid in pids)

    guarded.kill()

    assert [pid for pid in pids if start_time(pid)] == []


def test_a_killed_starter_takes_all_along(folder: Path) -> None:
    """After SIGKILL of whoever started it, the command and its children must be gone within a second."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
    ) as starter:
        pids = family(folder)
        starter.send_signal(signal.SIGKILL)
        starter.wait()

    wait_until(
        lambda: all(start_time(pid) is None for pid in pids),
        deadline_seconds=1,
        interval_seconds=0.01,
        what="an end of the whole family",
    )
