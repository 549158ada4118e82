"""One lock between processes, for whatever only one of them may do at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """
    Holds a lock file, and waits for it as long as it takes; the folder that it is in must be there.

    The kernel lets go of it when the process ends, however that happens. The file stays: one that is removed while
    others wait for it is another file to those who come later.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
