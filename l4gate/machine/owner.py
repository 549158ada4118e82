"""
Who a run belongs to, so that what a dead run left behind can be told from what a live one is using.

An owner is a process: boot, PID namespace, PID and start time. Only together do they name one process for good: a PID
is used again, a start time is counted from boot, and a container has PIDs of its own.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RUN_ID: Final = re.compile(
    r"(?P<boot>[0-9a-z]{1,32})-(?P<namespace>[0-9]{1,20})-(?P<pid>[0-9]{1,10})-(?P<started>[0-9]{1,20})"
    r"-(?P<nonce>[0-9a-f]{1,32})"
)

_STAT_FIELDS: Final = (
    20  # of /proc/PID/stat from the state on, up to the start time; Linux has had more since 2.6
)


@dataclass(frozen=True)
class Owner:
    """A process. `started` is in clock ticks since boot; 0 where there is no /proc."""

    boot: str
    namespace: int
    pid: int
    started: int

    def is_here(self) -> bool:
        """Whether it is of this boot and PID namespace; of others nobody here can tell whether they live."""
        return (self.boot, self.namespace) == (_boot(), _namespace())

    def is_alive(self) -> bool:
        """Whether it is still running. Only true or false when `is_here`."""
        started = start_time(self.pid)
        return started is not None and started == self.started


def new_run_id() -> str:
    """A name for a run of this process, from which its owner can be read."""
    pid = os.getpid()
    return f"{_boot()}-{_namespace()}-{pid}-{start_time(pid) or 0}-{secrets.token_hex(3)}"


def owner_of(run_id: str) -> Owner | None:
    """The owner of a run, or None if this is not the name of one."""
    found = _RUN_ID.fullmatch(run_id)
    if found is None:
        return None
    return Owner(found["boot"], int(found["namespace"]), int(found["pid"]), int(found["started"]))


def is_own(run_id: str) -> bool:
    """Whether a run is one of this very process; not if it is one of the process that this one was forked from."""
    owner = owner_of(run_id)
    return owner is not None and owner.is_here() and owner.pid == os.getpid() and owner.is_alive()


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if there is no such process, or only a zombie."""
    fields = _stat(pid)
    if fields is None:
        return None if Path("/proc/self/stat").exists() else _start_time_without_proc(pid)
    return None if fields[0] in "ZX" else int(fields[19])


def parent_of(pid: int) -> int | None:
    """The parent of a process; None if there is no such process, or no /proc, and 0 for the first one."""
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def group_of(pid: int) -> int | None:
    """The process group of a process; None if there is no such process, or no /proc."""
    fields = _stat(pid)
    return int(fields[2]) if fields else None


def _stat(pid: int) -> list[str] | None:
    """What /proc says about a process, from its state on."""
    try:
        # The name in parentheses may hold anything, so the fields are counted from the last parenthesis.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields if len(fields) >= _STAT_FIELDS else None


def _start_time_without_proc(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except PermissionError:
        return 0
    return 0


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")[:12]
    except OSError:
        return "unknown"


def _namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0
