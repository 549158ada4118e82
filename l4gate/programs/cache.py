"""
The cache of programs: one folder for each generation, with files out of Debian's packages and a manifest of them.

Those that a run can do without have a folder of their own, so that their absence takes nothing else along.

Several runs of one user share it. The manifest comes last, and the content of each program is held against it before a
process runs it for the first time (0.06 s for the longest), so a folder that is torn or changed counts as one that is
not there. The manifest itself is believed because of where it is: a folder that anybody else could write to, or put
another folder in the place of, is refused. For the same reason nobody else gets between the look and the run; whoever
could, this user or root, could as well change the running process.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from l4gate.base import ProgramMissing, UsageError
from l4gate.machine import danger_in, exclusive, is_ours, make_own
from l4gate.programs.debian import DebianFile, fetch_files
from l4gate.programs.package_sets import PackageSet, set_of
from l4gate.programs.program import FILE_NAMES, RELEASES, version_of

_MANIFEST: Final = "manifest.json"
_NEW: Final = ".new-"  # a set of programs that is not whole yet
_REFUSED_SECONDS: Final = (
    300.0  # before a process asks again for what could not be fetched; asking may take 20 s
)
_REFUSED_FILE: Final = "refused"
_REFUSED: Final[dict[Path, tuple[float, ProgramMissing]]] = {}  # by folder: when (monotonic), and why


class CacheNotWritable(ProgramMissing):
    """Nothing can be fetched, because there is no place to keep it."""


def cached_generation(
    generation: str, cache_dir: Path, names: Collection[str] = (), *, fetch: bool
) -> tuple[Path, Mapping[str, Any]]:
    """
    The folder and manifest of a generation of which all files are there.

    Args:
        generation: one of `settings.GENERATIONS`.
        cache_dir: an absolute path.
        names: the files whose content is to be as it was when it was fetched; all that every run needs unless given.
        fetch: whether Debian's archive may be asked for what is not.

    Raises:
        UsageError: if somebody else could have put into the folder what is in it.
        CacheNotWritable: if what is fetched cannot be kept there.
        ProgramMissing: if the generation is not to be had.
    """
    wanted = set_of(names)
    folder = cache_dir / "programs" / f"{generation}{wanted.suffix}"
    _ensure_own(cache_dir)
    _ensure_own(folder)
    manifest = _read_manifest(folder, names, wanted)
    if manifest is None and fetch:
        with locked_cache(folder, "lock"):
            manifest = _read_manifest(
                folder, names, wanted
            )  # another run may have fetched it while we waited
            if manifest is None:
                _fetch_once(folder, RELEASES[generation].suite, wanted)
                manifest = _read_manifest(folder, names, wanted)
    if manifest is None:
        message = f"no whole set of programs in {folder}."
        raise ProgramMissing(message, next_step="run once with a network.")
    return folder, manifest


@contextmanager
def locked_cache(folder: Path, lock: str) -> Iterator[None]:
    """
    Makes the cache folder, or one in it, and holds a lock in it.

    Raises:
        UsageError: if somebody else can write to it, naming the folder that is open to others.
        CacheNotWritable: if it cannot be made, or what is done meanwhile finds no room or right to write.
    """
    _ensure_own(folder)
    try:
        make_own(folder)
        with exclusive(folder / lock):
            yield
    except OSError as error:
        message = f"expected a cache folder that can be written, found of {folder}: {error}."
        raise CacheNotWritable(message, next_step="name another with L4_CACHE_DIR, or make room.") from None


def _ensure_own(folder: Path) -> None:
    if danger := danger_in(folder):
        message = f"expected a cache folder that nobody else can write to, found of {folder}: {danger}."
        raise UsageError(message, next_step="name another with L4_CACHE_DIR, or take it from the others.")


def _read_manifest(folder: Path, names: Collection[str], wanted: PackageSet) -> Mapping[str, Any] | None:
    """The manifest, if it can be read and every file is whole; anything torn counts as not there."""
    path = folder / _MANIFEST
    try:
        if not _is_plain(path):
            return None
        manifest: dict[str, dict[str, Any]] = json.loads(path.read_text())
        whole = all(
            _is_plain(folder / name)
            and os.access(folder / name, os.X_OK)
            and ((names and name not in names) or _sha256(folder / name) == entry["sha256"])
            for name, entry in manifest.items()
        )
        missing = set(wanted.packages) - {entry["package"] for entry in manifest.values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return manifest if whole and missing <= wanted.lacking else None


def _is_plain(path: Path) -> bool:
    """Whether it is a file, no link to one, that only this user and root can have written."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and is_ours(status)


def _sha256(path: Path) -> str:
    """SHA-256 of the content. Asked again for a file that was touched: its change time and inode tell."""
    status = path.stat()
    return _content_hash(path, (status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns))


@cache
def _content_hash(path: Path, touched: tuple[int, ...]) -> str:
    del touched
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_once(folder: Path, suite: str, wanted: PackageSet) -> None:
    at, refused = _REFUSED.get(folder, (0.0, None))
    if refused is not None and time.monotonic() - at < _REFUSED_SECONDS:
        raise ProgramMissing(refused.message, next_step=refused.next_step)
    note = folder / _REFUSED_FILE
    if (
        wanted.refused_seconds
        and note.exists()
        and time.time() - note.stat().st_mtime < wanted.refused_seconds
    ):
        message = f"Debian {suite} could not be asked for {', '.join(wanted.packages)} within the last day."
        raise ProgramMissing(message, next_step=f"remove {note}, and it is asked for again.")
    try:
        _fetch(folder, suite, wanted)
    except ProgramMissing as error:
        _REFUSED[folder] = time.monotonic(), error
        if wanted.refused_seconds:
            note.touch()
        raise
    note.unlink(missing_ok=True)


def _fetch(folder: Path, suite: str, wanted: PackageSet) -> None:
    for left in folder.glob(f"{_NEW}*"):  # of a run that was killed: the lock is ours now
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_NEW, dir=folder) as new:
        files = fetch_files(wanted.packages, suite, Path(new))
        manifest = {}
        for file in files:
            name = next(
                (ours for ours, names in FILE_NAMES.items() if file.path.name in names), file.path.name
            )
            version = version_of(file.path) if name in FILE_NAMES else file.version
            if version is None:
                message = f"{name} of Debian {suite} ({file.version}) does not run on this machine."
                raise ProgramMissing(message, next_step="choose another generation.")
            manifest[name] = _describe(file, version)
            file.path.replace(folder / name)
        # The manifest comes last: without it the files do not count.
        written = Path(new) / _MANIFEST
        written.write_text(json.dumps(manifest, indent=1))
        written.chmod(0o644)  # whatever the umask: one that others can write to does not count
        written.replace(folder / _MANIFEST)


def _describe(file: DebianFile, version: str) -> dict[str, Any]:
    return {
        "version": version,
        "package": file.package,
        "package_version": file.version,
        "suite": file.suite,
        "sha256": _sha256(file.path),
    }
