"""
Processes that carry the name of a run, and the end of one that is provably ours.

Whatever another process looks like is its own affair: one that has gone, is somebody else's or shows something odd is
no process of ours, and no error.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.machine.folders import FOLDER_VARIABLE, RUN_VARIABLE
from l4gate.machine.owner import owner_of, parent_of, start_time

_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Marked:
    """
    A process with the name of a run in its environment.

    Attributes:
        pid: its number.
        started: in clock ticks since boot; with the number, it names one process.
        run_id: the run's name.
        folder: that of the run's stack, as the process was told; empty if it was told none.
    """

    pid: int
    started: int
    run_id: str
    folder: str = ""


def all_marked() -> list[Marked]:
    """
    The processes of this user that carry the name of a run; none where there is no /proc to prove it by.

    Neither this process nor those that it was started from are among them, nor one that reads from a terminal: whoever
    has taken the environment of a run into a shell or editor sits at it.
    """
    spared = set(_ancestors())
    with suppress(OSError):
        pids = [int(name) for name in os.listdir(_PROC) if name.isascii() and name.isdigit()]  # noqa: PTH208 - quicker
        return [found for pid in pids if pid not in spared and (found := marked(pid)) is not None]
    return []


def marked(pid: int) -> Marked | None:
    """A process of this user with the name of a run in its environment; None if it is anything else."""
    try:
        if (_PROC / str(pid)).stat().st_uid != os.getuid() or not _runs_as_us_alone(pid):
            return None
        started = start_time(pid)
        words = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        run_id, folder = _value_in(words, RUN_VARIABLE), _value_in(words, FOLDER_VARIABLE)
        if started is None or owner_of(run_id) is None or _is_at_a_terminal(pid):
            return None
    except (OSError, ValueError):
        return None
    return Marked(pid, started, run_id, folder)


def kill(process: Marked) -> bool:
    """
    Kills a process if it is still the same, and still ours. Whether it was sent the signal.

    The kernel's handle is taken before the last look and is what is killed by, so that no other process can get the
    signal by having been given the number meanwhile.
    """
    handle = None
    try:
        with suppress(AttributeError):  # a Python without it, or (below) an old kernel
            handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    try:
        now = marked(process.pid)
        if now is None or (now.started, now.run_id) != (process.started, process.run_id):
            return False
        if handle is None:
            os.kill(process.pid, signal.SIGKILL)
        else:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def _runs_as_us_alone(pid: int) -> bool:
    """Not a program with the rights of its file's owner, which somebody else can start with what he likes in it."""
    lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    uids = next((line.split()[1:] for line in lines if line.startswith("Uid:")), [])
    return set(uids) == {str(os.getuid())}


def _value_in(words: list[bytes], variable: str) -> str:
    """The value of a variable in an environment as /proc shows it; empty where it is not set, or more than once."""
    marker = os.fsencode(f"{variable}=")
    found = [word.removeprefix(marker) for word in words if word.startswith(marker)]
    return os.fsdecode(found[0]) if len(found) == 1 else ""


def _is_at_a_terminal(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "fd/0").readlink().as_posix().startswith(("/dev/pts/", "/dev/tty"))
    except FileNotFoundError:  # closed
        return False


def _ancestors() -> Iterator[int]:
    pid: int | None = os.getpid()
    while pid:
        yield pid
        pid = parent_of(pid)
