"""The lock between processes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from l4gate.base import wait_until
from l4gate.machine import exclusive

HOLDER = """
import sys
from pathlib import Path
from l4gate.machine import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
print("free", flush=True)
"""


def holder(lock: Path) -> subprocess.Popen[str]:
    """A process that takes the lock, says so, and holds it until its stdin ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def waits(pid: int) -> bool:
    """Whether the kernel has a process in the queue for a lock."""
    lines = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return any(words[1] == "->" and str(pid) in words for words in lines)


def test_second_process_waits_for_the_first(tmp_path: Path) -> None:
    """While one process holds a lock another must wait, and have it as soon as the first lets go."""
    lock = tmp_path / "lock"
    with ExitStack() as end:
        with exclusive(lock):
            second = end.enter_context(holder(lock))
            end.callback(second.kill)
            wait_until(
                lambda: waits(second.pid),
                deadline_seconds=30,
                interval_seconds=0.01,
                what="the second to wait",
            )
        assert second.communicate(timeout=30)[0] == "held\nfree\n"


def test_killed_process_holds_nothing(tmp_path: Path) -> None:
    """The lock of a process that was killed must be free, and its file there for the next."""
    lock = tmp_path / "lock"
    with holder(lock) as dead:
        assert dead.stdout is not None
        assert dead.stdout.readline() == "held\n"
        dead.kill()

    with exclusive(lock):
        assert lock.is_file()
