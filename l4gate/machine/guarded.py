"""
A command that dies with all that it has started, however this process ends.

It runs in a process group of its own, beside a guard: a shell that reads from a pipe of which only this process has the
other end. The kernel closes that end when this process is gone, also after SIGKILL; the guard then kills its group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from l4gate.base import NotReady, wait_until
from l4gate.machine.owner import group_of, start_time

_GUARD: Final = ("sh", "-c", "read -r _; kill -KILL 0")
_END_SECONDS: Final = 5.0  # takes a few ms; longer only in an uninterruptible read


class Guarded:
    """
    A running command, its stdout and stderr in a file.

    Ctrl-C in a terminal does not reach it: whoever started it decides when it ends.

    Raises:
        OSError: if it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, output: IO[bytes], environment: Mapping[str, str]) -> None:
        self._guard = subprocess.Popen(
            _GUARD,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            process_group=0,
        )
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                process_group=self._guard.pid,
            )
        except BaseException:
            self._end_group()
            raise

    def wait(self, timeout_seconds: float) -> int:
        """
        Waits for the end and returns the exit code.

        Raises:
            subprocess.TimeoutExpired: if it does not end in time.
        """
        return self._process.wait(timeout_seconds)

    def kill(self) -> None:
        """Kills it with all that it has started, and waits until they are gone; one that has ended is fine."""
        self._end_group()
        self._process.wait()

    def _end_group(self) -> None:
        if self._guard.returncode is not None:
            return
        # As long as nobody has waited for the guard, no other group can have its number.
        os.killpg(self._guard.pid, signal.SIGKILL)
        # Nothing more can be done about one that does not end.
        with contextlib.suppress(NotReady):
            wait_until(
                lambda: not self._alive(),
                deadline_seconds=_END_SECONDS,
                interval_seconds=0.002,
                what="the killed processes to end",
            )
        self._guard.communicate()

    def _alive(self) -> bool:
        """Whether a process of the group still runs; one that has ended and waits for its parent does not count."""
        pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        return any(group_of(pid) == self._guard.pid and start_time(pid) is not None for pid in pids)
