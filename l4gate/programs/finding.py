"""
Where the programs come from: named in settings, on PATH, in the cache, or out of Debian's packages.

The first of these that can be had is taken:

1. the program named by L4_PROMETHEUS, L4_PROMTOOL, L4_PUSHGATEWAY or L4_NODE_EXPORTER, of any version;
2. the program on PATH, if it is of the wanted generation;
3. the cached program of that generation, fetched from Debian's archive the first time and only then;
4. the nearest generation in the cache, on PATH, or in another Debian suite.

What is of another release than the wanted one says so: `Program.wanted`, and in words `Program.origin`. That includes
a suite that has moved on, as sid does.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from l4gate.base import ProgramMissing
from l4gate.machine import exclusive
from l4gate.programs.debian import DebianFile, fetch_files
from l4gate.settings import GENERATIONS, chosen, program_variable


@dataclass(frozen=True)
class _Generation:
    """A set of programs that were released together, and the Debian suite that has them."""

    suite: str
    pushgateway: str
    node_exporter: str


_GENERATION: Final = {
    "2.42": _Generation("bookworm", "1.5", "1.5"),
    "2.53": _Generation("trixie", "1.11", "1.9"),
    "3.5": _Generation("sid", "1.11", "1.11"),
}
# Our name for a program, and the names it has on PATH and in packages.
_NAMES: Final = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "pushgateway": ("pushgateway", "prometheus-pushgateway"),
    "node_exporter": ("node_exporter", "prometheus-node-exporter"),
}
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
_VERSION_TIMEOUT_SECONDS: Final = 10.0  # takes 50 ms; a program that hangs here is not one of ours


@dataclass(frozen=True)
class Program:
    """
    One program that can be run: our name, file, version as it reports it, and where it is from.

    Attributes:
        wanted: the generation that was asked for, when this program is not of it, else empty.
        why: why that generation could not be had, where anybody knows.
    """

    name: str
    path: Path
    version: str
    source: str
    wanted: str = ""
    why: str = ""

    @property
    def origin(self) -> str:
        """Where it is from, and that it is not what was wanted, for the evidence."""
        return f"{self.source}, nearest to the wanted {self.wanted}" if self.wanted else self.source


def release_of(version: str) -> tuple[int, int]:
    """Major and minor of a version, such as (3, 5) of 3.5.3+ds1. Raises ValueError if it does not begin with them."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def find_program(name: str, generation: str, cache_dir: Path, *, fetch: bool = True) -> Program:
    """
    Finds a program, fetching it into the cache when nothing else has it.

    Args:
        name: one of `settings.PROGRAMS`.
        generation: one of `settings.GENERATIONS`.
        cache_dir: made when it does not exist; several runs may share it at once.
        fetch: whether Debian's archive may be asked.

    Raises:
        ProgramMissing: naming all places that were looked at.
    """
    named = _named_in_settings(name)
    if named:
        return named
    on_path = _on_path(name)
    if on_path and _is_of(on_path, generation):
        return on_path
    why = ""
    try:
        found = _from_debian(name, generation, cache_dir, fetch=fetch)
    except ProgramMissing as error:
        if not fetch:
            raise
        found, why = _nearest(name, generation, cache_dir, on_path, error), error.message
    return _judged(found, generation, why)


def image_contents(generation: str, cache_dir: Path) -> tuple[dict[str, Program], dict[str, Path]]:
    """
    What images are built from: Debian's programs by our names, and by file name what these need to run.

    Raises:
        ProgramMissing: if they are neither in the cache nor to be had from Debian.
    """
    folder, manifest = _cached_generation(generation, cache_dir, fetch=True)
    programs = {name: _judged(_from_debian(name, generation, cache_dir), generation) for name in _NAMES}
    return programs, {name: folder / name for name in manifest if name not in _NAMES}


def is_named(name: str) -> bool:
    """Whether somebody has chosen this program with its variable; then no other will do."""
    return bool(chosen(program_variable(name)))


def _named_in_settings(name: str) -> Program | None:
    variable = program_variable(name)
    named = chosen(variable)
    if not named:
        return None
    found = shutil.which(named)
    version = _version_of(Path(found)) if found else None
    if found is None or version is None:
        message = f"{variable} names {named!r}, which is not a {name} that can be run."
        raise ProgramMissing(message, next_step=f"correct or unset {variable}.")
    return Program(name, Path(found), version, f"setting {variable}")


def _on_path(name: str) -> Program | None:
    for file_name in _NAMES[name]:
        found = shutil.which(file_name)
        version = _version_of(Path(found)) if found else None
        if found and version:
            return Program(name, Path(found), version, "PATH")
    return None


def _from_debian(name: str, generation: str, cache_dir: Path, *, fetch: bool = True) -> Program:
    folder, manifest = _cached_generation(generation, cache_dir, fetch=fetch)
    if name not in manifest:
        message = f"{name} is not among the programs of generation {generation} in {folder}."
        raise ProgramMissing(message, next_step=f"remove {folder} and run again with a network.")
    entry = manifest[name]
    source = f"Debian {entry['suite']} package {entry['package']} {entry['package_version']}"
    return Program(name, folder / name, entry["version"], source)


def _nearest(
    name: str, generation: str, cache_dir: Path, on_path: Program | None, error: ProgramMissing
) -> Program:
    wanted = GENERATIONS.index(generation)
    others = sorted(
        (each for each in GENERATIONS if each != generation),
        key=lambda each: abs(GENERATIONS.index(each) - wanted),
    )
    for fetch in (False, True):
        for other in others:
            try:
                return _from_debian(name, other, cache_dir, fetch=fetch)
            except ProgramMissing:
                continue
        if on_path:
            return on_path
    message = (
        f"expected {name} of generation {generation}, found none: {program_variable(name)} is not set, no "
        f"{' or '.join(_NAMES[name])} on PATH, none in {cache_dir}, and Debian: {error.message}"
    )
    raise ProgramMissing(message, next_step=error.next_step) from error


def _judged(program: Program, generation: str, why: str = "") -> Program:
    return program if _is_of(program, generation) else replace(program, wanted=generation, why=why)


def _is_of(program: Program, generation: str) -> bool:
    release = _GENERATION[generation]
    releases = {"pushgateway": release.pushgateway, "node_exporter": release.node_exporter}
    prefix = releases.get(program.name, generation)
    return program.version == prefix or program.version.startswith(prefix + ".")


def _version_of(path: Path) -> str | None:
    """What `--version` says, or None if this is not a program of the Prometheus family that runs here."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"version (\d+\.\d+\.\d+[^ ]*)", answer.stdout + answer.stderr)
    return found[1] if found and answer.returncode == 0 else None


def _cached_generation(generation: str, cache_dir: Path, *, fetch: bool) -> tuple[Path, Mapping[str, Any]]:
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
                _fetch_once(folder, _GENERATION[generation].suite)
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
            name = next((ours for ours, names in _NAMES.items() if file.path.name in names), file.path.name)
            version = _version_of(file.path) if name in _NAMES else file.version
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
