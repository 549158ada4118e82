"""What stands beside an archive: what it must be, byte by byte and file by file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import MANIFEST_BYTES, RehearsalFailed, read_regular, strict_json, why
from l4gate.rehearsal.blocks import Block, block_of
from l4gate.rehearsal.compression import is_believable
from l4gate.rehearsal.plain_tar import is_plain_name

MANIFEST_SUFFIX: Final = ".manifest.json"
_NEXT: Final = "take another archive, and find out what happened to this one."


@dataclass(frozen=True)
class Manifest:
    """
    What an archive must be: its size and SHA-256, the SHA-256 of each file in it, and its TSDB blocks.

    `content_size`: the bytes that it decompresses to; None for a plain tar file.
    """

    size: int
    sha256: str
    files: Mapping[str, str]
    blocks: tuple[Block, ...]
    content_size: int | None = None

    @property
    def samples(self) -> int:
        """All samples of all blocks, stale markers included."""
        return sum(block.samples for block in self.blocks)


def manifest_path(archive: Path) -> Path:
    """Where the manifest of an archive is."""
    return archive.with_name(archive.name + MANIFEST_SUFFIX)


def read_manifest(path: Path) -> Manifest:
    """
    The manifest in a file, which anybody may have written.

    Raises:
        RehearsalFailed: if it is none.
    """
    try:
        said = strict_json(read_regular(path, limit=MANIFEST_BYTES))
        blocks = tuple(block_of(**block) for block in said["blocks"])
        size, sha256, files = said["size"], said["sha256"], said["files"]
        if type(size) is not int or not isinstance(sha256, str) or not isinstance(files, dict):
            raise TypeError("size, sha256 or files of another kind")
        content_size = said.get("content_size")
        if content_size is not None and (
            type(content_size) is not int or not is_believable(content_size, size)
        ):
            raise ValueError("an archive that decompresses to more than it may")
        for name, digest in files.items():
            if not is_plain_name(name) or not isinstance(digest, str):
                message = f"the file {name!r:.100}"
                raise ValueError(message)
        return Manifest(size, sha256, files, blocks, content_size)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise refused(f"expected the manifest of an archive in {path}, found: {why(error)}.") from None


def refused(message: str) -> RehearsalFailed:
    """That an archive is not taken, and what to do about it."""
    return RehearsalFailed(message, next_step=_NEXT)
