"""
The configuration that a Prometheus reads, as one thing: read whole, named by its content, written whole.

A configuration is prometheus.yml with rules/ and targets/; other files of the folder are left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import StackError, UsageError
from l4gate.rules import RuleGroup, rules_in

CONFIG_FILE: Final = "prometheus.yml"
PARTS: Final = (CONFIG_FILE, "rules", "targets")
_READ_ATTEMPTS: Final = 20


@dataclass(frozen=True)
class Configuration:
    """The files of a configuration by their path in the folder, as bytes."""

    files: Mapping[str, bytes]

    @property
    def hash(self) -> str:
        """SHA-256 over paths and bytes, each with its length in front, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            for part in (name.encode(), content):
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return digest.hexdigest()

    def rules(self) -> tuple[RuleGroup, ...]:
        """
        Its rules, named by their path in the folder.

        Raises:
            RuleError: naming file, line and column.
        """
        return rules_in(self.files)

    def write(self, folder: Path, *, like: Path | None = None) -> None:
        """Writes it into an empty folder and waits for the disk. `like` is a live folder whose modes are taken over."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path in (folder, *folder.rglob("*")):
            if like is not None:
                take_over(path, like if path.is_dir() else like / CONFIG_FILE)
            if path.is_dir():
                sync(path)


def read_configuration(folder: Path) -> Configuration:
    """
    What a Prometheus that reads this folder sees.

    Raises:
        UsageError: if there is no prometheus.yml in it, or a file cannot be read.
        StackError: if somebody keeps changing it.
    """
    before = _read(folder)
    for _ in range(_READ_ATTEMPTS):
        again = _read(folder)
        if again == before:
            return again
        before = again
    message = f"expected {folder} to stand still while it is read, found it changing {_READ_ATTEMPTS} times."
    raise StackError(message, next_step="see who writes there.")


def sync(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(folder: Path) -> Configuration:
    files = {}
    try:
        files[CONFIG_FILE] = (folder / CONFIG_FILE).read_bytes()
        for part in PARTS[1:]:
            for path in sorted((folder / part).rglob("*")):
                if path.is_file():
                    with contextlib.suppress(FileNotFoundError):  # gone meanwhile: the second reading tells
                        files[path.relative_to(folder).as_posix()] = path.read_bytes()
    except OSError as error:
        message = f"expected a folder with {CONFIG_FILE}, rules/ and targets/ at {folder}, found: {error}."
        raise UsageError(message) from None
    return Configuration(files)


def take_over(path: Path, model: Path) -> None:
    """Gives a path the mode of another, and its owner where that is allowed: the server must be able to read it."""
    status = model.stat()
    path.chmod(status.st_mode & 0o7777)
    with contextlib.suppress(PermissionError):
        os.chown(path, status.st_uid, status.st_gid)
