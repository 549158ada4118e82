"""
The folder that a Prometheus reads, and the one step in which another configuration is put into it.

Prometheus reads several files, so they are never replaced one by one. Behind the names that it reads stands one link:

    LIVE/prometheus.yml -> .l4gate/current/prometheus.yml        LIVE/.l4gate/current -> generation-xxxx
    LIVE/rules          -> .l4gate/current/rules
    LIVE/targets        -> .l4gate/current/targets

and renaming a new link over `current` switches everything at once, as Kubernetes does for its mounted ConfigMaps.
It all happens below LIVE, with relative links, so a container that has LIVE mounted sees it too. A plain folder is
brought into this form first: each name becomes a link to a copy of what it was, so that every moment on the way shows
the same files. A run that dies leaves the old or the new configuration, and a leftover for the next run to remove.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from l4gate.base import OperationRefused, StackError
from l4gate.machine import exclusive
from l4gate.operations.access import Access, opened_folder
from l4gate.operations.configuration import (
    PARTS,
    Configuration,
    read_configuration,
    sync,
)

_HIDDEN: Final = ".l4gate"
_CURRENT: Final = "current"
_LOCK: Final = "lock"
_LOCK_SECONDS: Final = 30.0  # a switch takes milliseconds, and some seconds on a slow disk
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2  # linux/fs.h
_GIT_SECONDS: Final = 10.0


def switch(
    live: Path, wanted: Configuration, *, back: bool = False, replacing: Collection[Configuration] = ()
) -> None:
    """
    Makes `wanted` what the folder holds, in one step; whoever dies on the way leaves the old or the new configuration.

    Each file can be read by those who could read the one that it replaces, and by nobody else at any moment; with
    `back`, by those who could read it when it was read.

    Raises:
        OperationRefused: for a folder whose files are in a git work tree, or that holds none of `replacing`, if
            there are any: somebody else has made it live meanwhile.
        NotReady: if somebody else switches it for longer than that may take.
        StackError: if the folder cannot be written to, or its file system cannot exchange two names.
    """
    refuse_work_tree(live)
    try:
        with _locked(live) as hidden:
            held = read_configuration(live)
            if replacing and held not in replacing:
                raise _changed(live, held)
            _remove_leftovers(hidden)
            if any(not _is_link_of_ours(live, part) for part in PARTS):
                _adopt(live, hidden)
            access = wanted.accessible_as(held)
            _point(hidden, _generation(hidden, wanted, {**access, **wanted.access} if back else access))
            # Prometheus watches the folder of its target lists, which is the old one: that it goes makes it look again.
            _remove_leftovers(hidden)
    except OSError as error:
        message = f"expected to put a configuration into {live}, found: {error}."
        raise StackError(
            message, next_step="mend that; what Prometheus reads is the old configuration or the new one."
        ) from None


def _changed(live: Path, held: Configuration) -> OperationRefused:
    message = (
        f"expected {live} as it was a moment ago, found that somebody has made {held.hash[:16]} live meanwhile; "
        "that was left alone."
    )
    return OperationRefused(message, next_step="see who did, and try again if it is not what you want.")


def refuse_work_tree(live: Path) -> None:
    """
    Keeps our hands off the sources.

    Raises:
        OperationRefused: if any file of the configuration is tracked by git, or git cannot say.
    """
    resolved = live.resolve()
    if not any((each / ".git").exists() for each in (resolved, *resolved.parents)):
        return
    command = ["git", "-C", str(resolved), "ls-files", "--", *PARTS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_SECONDS)
        found = done.stdout.splitlines()[0] if done.stdout else done.stderr.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        found = str(error)
    if found:
        message = (
            f"expected a live folder, found the git work tree {resolved} ({found}); nothing was changed."
        )
        raise OperationRefused(message, next_step="name the folder that the server reads.")


@contextlib.contextmanager
def _locked(live: Path) -> Iterator[Path]:
    hidden = live / _HIDDEN
    if hidden.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "expected a folder of ours, found a link", str(hidden))
    hidden.mkdir(mode=0o700, exist_ok=True)
    with exclusive(hidden / _LOCK, deadline_seconds=_LOCK_SECONDS), opened_folder(hidden) as descriptor:
        Access.of(live.stat()).give(descriptor)
        yield hidden


def _is_link_of_ours(live: Path, part: str) -> bool:
    path = live / part
    return path.is_symlink() and str(path.readlink()) == _link_text(part)


def _link_text(part: str) -> str:
    return f"{_HIDDEN}/{_CURRENT}/{part}"


def _adopt(live: Path, hidden: Path) -> None:
    """Makes links of the three names, each to a copy of what it was."""
    found = read_configuration(live)
    _point(hidden, _generation(hidden, found, found.access))
    for part in PARTS:
        if _is_link_of_ours(live, part):
            continue
        path, link = live / part, hidden / f"link-{part}"
        link.symlink_to(_link_text(part))
        if path.is_dir() and not path.is_symlink():
            _exchange(link, path)
        else:
            link.rename(path)
    sync(live)


def _generation(hidden: Path, content: Configuration, access: Mapping[str, Access]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="generation-", dir=hidden))
    content.write(folder, access=access)
    return folder


def _point(hidden: Path, generation: Path) -> None:
    sync(hidden)  # the generation's name must not come to the disk after the link to it
    link = hidden / "next"
    link.symlink_to(generation.name)
    link.rename(hidden / _CURRENT)
    sync(hidden)


def _remove_leftovers(hidden: Path) -> None:
    current = hidden / _CURRENT
    wanted = {_LOCK, _CURRENT, str(current.readlink()) if current.is_symlink() else ""}
    for path in hidden.iterdir():
        if path.name in wanted:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _exchange(one: Path, other: Path) -> None:
    """Swaps two names in one step; Python has no call for it."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, "this system cannot exchange two names in one step")
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot exchange {one} and {other}: {os.strerror(number)}")
