"""Running promtool, the same way whether it is a program on this host or inside an image."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from l4gate.base import StackError
from l4gate.machine import environment_of, scratch
from l4gate.programs.finding import find_program
from l4gate.programs.program import Program


@dataclass(frozen=True)
class PromtoolResult:
    """How a run of promtool ended. What it found wrong is on stdout or stderr, depending on its version."""

    returncode: int
    stdout: str
    stderr: str


class Promtool(Protocol):
    """A promtool of some version, somewhere."""

    @property
    def version(self) -> str:
        """As it reports it, such as `3.5.3+ds1`."""

    @property
    def origin(self) -> str:
        """Where it is from, for the evidence."""

    def run(self, *args: str, folder: Path, timeout_seconds: float = 60) -> PromtoolResult:
        """
        Runs it in a folder; arguments name files relative to that folder, which it may write to.

        Raises:
            StackError: if it cannot be run or does not end in time. A non-zero exit is a result.
        """


@dataclass(frozen=True)
class HostPromtool:
    """promtool as a program on this host."""

    program: Program

    @property
    def version(self) -> str:
        """See `Promtool.version`."""
        return self.program.version

    @property
    def origin(self) -> str:
        """See `Promtool.origin`."""
        return self.program.origin

    def run(self, *args: str, folder: Path, timeout_seconds: float = 60) -> PromtoolResult:
        """See `Promtool.run`."""
        # 2.42 panics when its temporary folder cannot be written, so it always gets one of its own.
        with scratch("promtool") as temporary:
            try:
                done = subprocess.run(
                    [self.program.path, *args],
                    cwd=folder,
                    env={**os.environ, **environment_of(temporary)},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=timeout_seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                message = f"promtool {' '.join(args)} in {folder} did not end within {timeout_seconds:.0f} s."
                raise StackError(message, next_step="give it more time, or less to do.") from None
            except OSError as error:
                message = f"promtool cannot be run in {folder}: {error}."
                raise StackError(message, next_step=f"check {self.program.path} and the folder.") from None
        return PromtoolResult(done.returncode, done.stdout, done.stderr)


def host_promtool(generation: str, cache_dir: Path) -> Promtool:
    """
    The promtool program of this host; see `binaries.find_program` for where it comes from.

    Raises:
        ProgramMissing: if it cannot be had.
    """
    return HostPromtool(find_program("promtool", generation, cache_dir))
