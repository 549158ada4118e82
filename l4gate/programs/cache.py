"""
The cache of programs: one folder for each generation, with files out of Debian's packages and a manifest of them.

Several runs share it. The manifest comes last and is held against the files at each use, so a folder that is torn, or
was written to by somebody else, counts as one that is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from l4gate.base import ProgramMissing
from l4gate.machine import exclusive
from l4gate.programs.debian import DebianFile, fetch_files
from l4gate.programs.program import FILE_NAMES, RELEASES, version_of

# promtool is in the prometheus package up to bookworm, and a package of its own since.
# The C library, its loader and a busybox (for health checks) are for images, which have nothing else in them.
_PACKAGES: Final = {
    "prometheus": ("usr/bin/prometheus", "usr/bin/promtool"),
    "promtool": ("usr/bin/promtool",),
    "prometheus-pushgateway": ("usr/bin/prometheus-pushgateway",),
    "prometheus-node-exporter": ("usr/bin/prometheus-node-exporter",),
    "libc6": (r".*/ld-linux[^/]*\.so\.\d", r".*/libc\.so\.6"),
    "busybox-static": (r"(usr/)?bin/busybox",),
}
_MANIFEST: Final = "manifest.json"
_NEW: Final = ".new-"  # a set of programs that is not whole yet
_REFUSED_SECONDS: Final = (
    300.0  # before a process asks again for what could not be fetched; asking may take 20 s
)
_REFUSED: Final[dict[Path, tuple[float, ProgramMissing]]] = {}  # by folder: when (monotonic), and why


def cached_generation(generation: str, cache_dir: Path, *, fetch: bool) -> tuple[Path, Mapping[str, Any]]:
    """The folder and manifest of a generation whose files are all as they were when they were fetched."""
    folder = cache_dir / "programs" / generation
    manifest = _read_manifest(folder)
    if manifest is None and fetch:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"expected a cache folder that can be written, found {error}."
            raise ProgramMissing(message, next_step="name another with L4_CACHE_DIR.") from None
        with exclusive(folder / "lock"):
            manifest = _read_manifest(folder)  # another run may have fetched it while we waited
            if manifest is None:
                _fetch_once(folder, RELEASES[generation].suite)
                manifest = _read_manifest(folder)
    if manifest is None:
        message = f"no whole set of programs in {folder}."
        raise ProgramMissing(message, next_step="run once with a network.")
    return folder, manifest


def _read_manifest(folder: Path) -> Mapping[str, Any] | None:
    """The manifest, if it can be read and every file is whole; anything torn counts as not there."""
    try:
        manifest: dict[str, dict[str, Any]] = json.loads((folder / _MANIFEST).read_text())
        whole = all(_is_whole(folder / name, entry) for name, entry in manifest.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    missing = set(_PACKAGES) - {entry["package"] for entry in manifest.values()}
    return manifest if whole and missing <= {"promtool"} else None


def _is_whole(path: Path, entry: Mapping[str, Any]) -> bool:
    """Whether the content is as fetched. A file with the same size, time and inode is not hashed again (0.3 s)."""
    status = path.stat()
    size, time, inode = entry["stat"]
    if not os.access(path, os.X_OK) or status.st_size != size:
        return False
    untouched = (status.st_mtime_ns, status.st_ino) == (time, inode)
    return untouched or _sha256(path) == str(entry["sha256"])


def _fetch_once(folder: Path, suite: str) -> None:
    at, refused = _REFUSED.get(folder, (0.0, None))
    if refused is not None and time.monotonic() - at < _REFUSED_SECONDS:
        raise ProgramMissing(refused.message, next_step=refused.next_step)
    try:
        _fetch(folder, suite)
    except ProgramMissing as error:
        _REFUSED[folder] = time.monotonic(), error
        raise


def _fetch(folder: Path, suite: str) -> None:
    for left in folder.glob(f"{_NEW}*"):  # of a run that was killed: the lock is ours now
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_NEW, dir=folder) as new:
        files = fetch_files(_PACKAGES, suite, Path(new))
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
        (Path(new) / _MANIFEST).write_text(json.dumps(manifest, indent=1))
        (Path(new) / _MANIFEST).replace(folder / _MANIFEST)


def _describe(file: DebianFile, version: str) -> dict[str, Any]:
    status = file.path.stat()
    return {
        "version": version,
        "package": file.package,
        "package_version": file.version,
        "suite": file.suite,
        "sha256": _sha256(file.path),
        "stat": [status.st_size, status.st_mtime_ns, status.st_ino],
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
