"""One lock between processes, for whatever only one of them may do at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from l4gate.base import wait_until

_POLL_SECONDS: Final = 0.1


@contextmanager
def exclusive(lock: Path, *, deadline_seconds: float | None = None) -> Iterator[None]:
    """
    Holds a lock file, and waits for it, as long as it takes if no deadline is given; its folder must be there.

    The kernel lets go of it when the process ends, however that happens. The file stays: one that is removed while
    others wait for it is another file to those who come later.

    Raises:
        NotReady: if somebody else holds it until the deadline.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if deadline_seconds is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            wait_until(
                lambda: _is_taken(descriptor),
                deadline_seconds=deadline_seconds,
                interval_seconds=_POLL_SECONDS,
                what=f"the lock {lock}",
                last_seen=lambda: "another process that holds it",
                next_step="see what that process is doing.",
            )
        yield
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
