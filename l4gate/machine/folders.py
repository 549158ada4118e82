"""
Temporary folders that are found again when nobody came to remove them.

All of them are in one folder per user, and each one's name says which process it belongs to (see `owner`), as the
folders of runs do. So the next run and `l4gate doctor` can tell those of dead processes from those in use.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from l4gate.base import StackError, wait_until
from l4gate.machine.owner import is_own, new_run_id, owner_of
from l4gate.machine.trust import is_ours

# In the environment of every process of ours; the processes that a dead one has left are found by it.
RUN_VARIABLE: Final = "L4GATE_RUN"
# Beside it, the folder of its stack: whoever comes later may have another TMPDIR, and has to see that it was kept.
FOLDER_VARIABLE: Final = "L4GATE_RUN_FOLDER"
RUN_FOLDERS: Final = "run"  # what the folder of a stack is for; see `stack.rundir`
_PURPOSE: Final = re.compile(r"[a-z]+")
_MAKE_SECONDS: Final = 5.0  # takes microseconds, unless others remove the folder around it again and again


@dataclass(frozen=True)
class Owned:
    """A folder of a process of ours: what it is for, and the run's name in which its owner can be read."""

    root: Path
    purpose: str
    run_id: str

    @property
    def age_seconds(self) -> float:
        """Since something was last put into it; 0 if it has gone meanwhile."""
        try:
            return time.time() - self.root.stat().st_ctime
        except OSError:
            return 0.0


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """
    A temporary folder of this process, removed at the end; if the process is killed, by whoever reaps next.

    Args:
        purpose: one word for the folder's name, for whoever finds it.

    Raises:
        StackError: if the folder for all of them is not this user's own.
    """
    _remove_own_at_exit()
    root = make_owned(purpose, new_run_id(), mode=0o700)
    try:
        yield root
    finally:
        remove_owned(root)


def environment_of(folder: Path) -> dict[str, str]:
    """What a process that works in a scratch folder gets, so that it leaves nothing elsewhere and is found."""
    return {"TMPDIR": str(folder), RUN_VARIABLE: _parts(folder)[1]}


def base_dir() -> Path:
    """
    Where the folders of this user's processes are. It may not be there.

    Raises:
        StackError: if there is no place for temporary files at all.
    """
    try:
        return Path(tempfile.gettempdir()) / f"l4gate-{os.getuid()}"
    except OSError as error:
        message = f"expected a folder for temporary files, found {error.strerror or error}."
        raise StackError(message, next_step="set TMPDIR to a folder of your own.") from None


def all_owned() -> list[Owned]:
    """The folders of all processes of this user, dead and alive: real ones with a name that we gave, and his own."""
    try:
        base = base_dir()
        if not _is_own_folder(base):
            return []
        roots = [base / name for name in sorted(os.listdir(base))]  # noqa: PTH208 - Path.iterdir takes more words
    except (OSError, StackError):
        return []
    return [Owned(root, *_parts(root)) for root in roots if _is_of_a_run(root)]


def make_owned(purpose: str, run_id: str, *, mode: int) -> Path:
    """
    Makes a folder, in one that is for nobody else to write to.

    Raises:
        StackError: if the folder around it is not this user's own.
    """
    root = base_dir() / f"{purpose}-{run_id}"
    wait_until(
        lambda: _made(root, mode),
        deadline_seconds=_MAKE_SECONDS,
        interval_seconds=0.001,
        what=f"to make {root}",
        last_seen=lambda: "the folder around it removed by others each time",
        next_step="run it again.",
    )
    return root


def remove_owned(root: Path) -> None:
    """Removes a folder, and the one around it if it was the last; one that has gone already is fine."""
    with suppress(OSError):
        # By the folder around it, which nobody can put another in the place of once it is open.
        base = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            shutil.rmtree(root.name, ignore_errors=True, dir_fd=base)
        finally:
            os.close(base)
        root.parent.rmdir()


@cache
def _remove_own_at_exit() -> None:
    """Ctrl-C may come between the making of a folder and the `try`, or while it is being removed."""
    atexit.register(_remove_own)


def _remove_own() -> None:
    for each in all_owned():
        if each.purpose != RUN_FOLDERS and is_own(each.run_id):
            remove_owned(each.root)


def _made(root: Path, mode: int) -> bool:
    """Whether the folder could be made; not if another process, the last one until now, removes the one around it."""
    base = root.parent
    try:
        # Not exist_ok: it asks again what was there, and others may have removed it.
        with suppress(FileExistsError):
            base.mkdir(mode=0o700)
        if not _is_own_folder(base):
            found = "one that others can write to" if _is_this_users(base) else "somebody else's"
            message = f"expected {base} to be a folder of this user, found {found}."
            raise StackError(message, next_step="remove it, or set TMPDIR to a folder of your own.")
        root.mkdir(mode=mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        message = f"expected to make {root}, found {error.strerror or error}."
        raise StackError(message, next_step="make room, or set TMPDIR to a folder of your own.") from None
    return True


def _is_own_folder(path: Path) -> bool:
    """Whether it is a folder of this user into which nobody else can put, or move, anything."""
    return _is_this_users(path) and is_ours(path.lstat())


def _is_this_users(path: Path) -> bool:
    """Whether it is a folder, and no link to one, that belongs to this user."""
    status = path.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _is_of_a_run(root: Path) -> bool:
    purpose, run_id = _parts(root)
    try:
        return (
            _PURPOSE.fullmatch(purpose) is not None and owner_of(run_id) is not None and _is_own_folder(root)
        )
    except OSError:  # it has gone meanwhile
        return False


def _parts(root: Path) -> tuple[str, str]:
    purpose, _, run_id = root.name.partition("-")
    return purpose, run_id
