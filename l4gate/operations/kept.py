"""
One kept configuration as it stands in its folder, and what is to be said of a folder that holds none.

Whoever may write to the state folder can put anything there, so nothing is taken for granted: what is read is a
regular file of bounded size, and what it says is checked before it is used.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from l4gate.base import MANIFEST_BYTES, OperationRefused, UsageError, read_regular, strict_json, why
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.report import utc

CONFIG: Final = "config"
MANIFEST: Final = "manifest.json"
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_LATEST: Final = 253402300800  # Unix seconds of the year 10000, which no calendar can show


@dataclass(frozen=True)
class Checkpoint:
    """One kept configuration. `earned_at` is when it last earned a GO, in Unix seconds of this machine."""

    hash: str
    folder: Path
    earned_at: float
    manifest: dict[str, Any]

    def configuration(self) -> Configuration:
        """
        Its files, checked.

        Raises:
            OperationRefused: if they are not those that earned the GO.
        """
        try:
            content = read_configuration(self.folder / CONFIG)
        except UsageError as error:
            message = f"checkpoint {self.hash[:16]} cannot be used: {error.message}"
            raise OperationRefused(message, next_step="name another one with --to.") from None
        if content.hash != self.hash:
            message = (
                f"expected checkpoint {self.hash[:16]} to hold what earned its GO, found content {content.hash[:16]} "
                f"in {self.folder}: it was damaged or edited."
            )
            raise OperationRefused(
                message, next_step="name another one with --to, and find out who wrote there."
            )
        return content

    def __str__(self) -> str:
        return f"{self.hash[:16]} (GO at {utc(self.earned_at)})"


@dataclass(frozen=True)
class UnusableCheckpoint:
    """Something among the checkpoints that is none, or no more, and the reason."""

    folder: Path
    reason: str

    @property
    def was_one(self) -> bool:
        """It has the name and the form of one, so it may have been the newest."""
        return (
            bool(_HASH.fullmatch(self.folder.name)) and self.folder.is_dir() and not self.folder.is_symlink()
        )

    def __str__(self) -> str:
        return f"unusable: {self.folder.name!r}: {self.reason}"


def load(folder: Path) -> Checkpoint | UnusableCheckpoint:
    """What a folder among the checkpoints holds, by its manifest alone; never raises for anything in it."""
    # The folder's name is what is asked for and compared, never what the manifest says about itself.
    try:
        if not _HASH.fullmatch(folder.name) or not stat.S_ISDIR(folder.lstat().st_mode):
            return UnusableCheckpoint(folder, "expected a folder named by a hash, found something else.")
        manifest = strict_json(read_regular(folder / MANIFEST, limit=MANIFEST_BYTES))
        earned_at = manifest["earned_at"]
        if type(earned_at) not in (int, float) or not 0 <= earned_at < _LATEST:
            raise ValueError("an earned_at that is no time")
        if not isinstance(manifest.get("rules_hash", ""), str):
            raise TypeError("a rules_hash that is no text")
        return Checkpoint(folder.name, folder, float(earned_at), manifest)
    except (OSError, ValueError, LookupError, TypeError) as error:
        return UnusableCheckpoint(
            folder, f"expected the manifest of a checkpoint in {folder / MANIFEST}, found: {why(error)}."
        )
