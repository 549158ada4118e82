"""Who may read a file or folder of a configuration, and giving that to what takes its place."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Access:
    """Who may read a file or folder: its mode and its owner, by number."""

    mode: int
    uid: int
    gid: int

    @classmethod
    def of(cls, status: os.stat_result) -> Access:
        """That of a file or folder which is there."""
        return cls(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)

    def give(self, descriptor: int) -> None:
        """Gives it to an open file, the mode last; whom the system does not let us give it to gets no access."""
        mode = self.mode
        try:
            os.fchown(descriptor, self.uid, self.gid)
        except PermissionError:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, -1, self.gid)
            if os.fstat(descriptor).st_gid != self.gid:
                mode &= ~stat.S_IRWXG  # it is another group's
        os.fchmod(descriptor, mode)


PRIVATE: Final = Access(0o600, -1, -1)
PRIVATE_FOLDER: Final = Access(0o700, -1, -1)


@contextlib.contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """A folder as a descriptor; raises OSError if it is none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
