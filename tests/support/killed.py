"""
Runs an l4gate command and kills it like `kill -9` at a chosen write: `python -m tests.support.killed WRITE COMMAND...`.

A write is what lasts: a wait for the disk, a new name, a new link. Without a kill the number of writes is the last line
on stderr, and the exit code is the command's.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from l4gate.cli import main

_LASTING = ("fsync", "rename", "symlink")


def run(at: int, command: list[str]) -> int:
    """Runs the command in this process; the write with the number `at` (from 1) is not made any more."""
    count = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **named)

        return call

    for name in _LASTING:
        setattr(os, name, counted(getattr(os, name)))
    code = main(command)
    sys.stderr.write(f"writes: {count}\n")
    return code


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
