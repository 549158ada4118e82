"""Whether nobody but this user can have put into a folder what is found there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS: Final = 40  # as the kernel has it: what leads on after that leads round in a circle


def danger_in(folder: Path) -> str:
    """
    Who else could put something into a folder, or another folder in its place, in words; empty if nobody could.

    Each folder on the way to it counts, and each link with all that is on its way: every one has to be this user's or
    root's, and for nobody else to write to. Only folders above may be everybody's, if their sticky bit keeps others
    from moving what is in them. What does not exist yet is no danger.

    Args:
        folder: an absolute path.
    """
    waiting, seen = [folder], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for part in (*reversed(path.parents), path):
            try:
                status = part.lstat()
            except (FileNotFoundError, NotADirectoryError):
                break
            except OSError as error:
                return f"{part} cannot be looked at ({error.strerror})"
            if danger := _danger(part, status, last=part == path):
                return danger
            if stat.S_ISLNK(status.st_mode):
                if len(seen) > _MOST_LINKS:
                    return f"{part} is a link that leads round in a circle"
                rest = path.relative_to(part)
                waiting.append(Path(os.path.normpath(part.parent)) / part.readlink() / rest)
                break
    return ""


def is_ours(status: os.stat_result) -> bool:
    """Whether something belongs to this user or root, and nobody else can write to it; for a link, who made it."""
    writable = status.st_mode & _OTHERS and not stat.S_ISLNK(status.st_mode)
    return status.st_uid in (os.getuid(), 0) and not writable


def make_own(folder: Path) -> None:
    """
    Makes a folder and those above it that are not there, for this user alone whatever the umask.

    Raises:
        OSError: if one cannot be made.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)


def _danger(path: Path, status: os.stat_result, *, last: bool) -> str:
    if status.st_uid not in (os.getuid(), 0):
        return f"{path} belongs to user {status.st_uid}"
    if is_ours(status) or (not last and status.st_mode & stat.S_ISVTX):
        return ""
    return f"others can write to {path} (mode {stat.S_IMODE(status.st_mode):04o})"
