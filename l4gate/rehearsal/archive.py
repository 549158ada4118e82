"""
An archive of the observation stack: one tar file, and beside it a manifest with the checksum of it and of each file.

The checksums are taken from the files before they are packed, so what the archive itself spoils is noticed as well.
Nothing is unpacked before the whole archive has been verified.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from l4gate.base import RehearsalFailed

MANIFEST_SUFFIX: Final = ".manifest.json"
_CHUNK_BYTES: Final = 1 << 20
_NEXT: Final = "take another archive, and find out what happened to this one."


@dataclass(frozen=True)
class Block:
    """A TSDB block as its own meta.json describes it. Times are milliseconds, as there."""

    ulid: str
    samples: int
    series: int
    min_time: int
    max_time: int


@dataclass(frozen=True)
class Manifest:
    """What an archive must be: size and SHA-256 of the tar file, SHA-256 of each file in it, and its TSDB blocks."""

    size: int
    sha256: str
    files: Mapping[str, str]
    blocks: tuple[Block, ...]

    @property
    def samples(self) -> int:
        """All samples of all blocks, stale markers included."""
        return sum(block.samples for block in self.blocks)


def manifest_path(archive: Path) -> Path:
    """Where the manifest of an archive is."""
    return archive.with_name(archive.name + MANIFEST_SUFFIX)


def pack(sources: Mapping[str, Path], archive: Path, tsdb: str) -> Manifest:
    """
    Packs folders and files, each under a name of its own, and writes the manifest beside the archive.

    Args:
        sources: name in the archive -> the folder or file that is packed there.
        archive: the tar file to write.
        tsdb: which of the names is the folder with TSDB blocks.
    """
    files: dict[str, str] = {}
    with tarfile.open(archive, "w") as tar:
        for name, source in sources.items():
            for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
                if path.is_file():
                    inside = str(PurePosixPath(name, path.relative_to(source).as_posix()))
                    files[inside] = _sha256(path)
                    tar.add(path, inside, recursive=False)
    manifest = Manifest(archive.stat().st_size, _sha256(archive), files, read_blocks(sources[tsdb]))
    manifest_path(archive).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    return manifest


def verify(archive: Path) -> Manifest:
    """
    Checks that an archive is whole, without unpacking it.

    Raises:
        RehearsalFailed: saying whether it is missing, truncated or changed, and what was expected.
    """
    beside = manifest_path(archive)
    for path in (archive, beside):
        if not path.is_file():
            raise RehearsalFailed(f"expected a file {path}, found none.", next_step=_NEXT)
    manifest = _read_manifest(beside)
    size = archive.stat().st_size
    if size != manifest.size:
        what = "truncated" if size < manifest.size else "longer than it was"
        message = f"the archive {archive} is {what}: expected {manifest.size} bytes, found {size}."
        raise RehearsalFailed(message, next_step=_NEXT)
    found = _sha256(archive)
    if found != manifest.sha256:
        message = f"the archive {archive} is corrupted: expected SHA-256 {manifest.sha256}, found {found}."
        raise RehearsalFailed(message, next_step=_NEXT)
    return manifest


def unpack(archive: Path, name: str, destination: Path) -> Manifest:
    """
    Verifies an archive and unpacks what was packed under `name` into a folder; returns the manifest.

    Raises:
        RehearsalFailed: if the archive is not whole, holds what its manifest does not, or the blocks differ from it.
    """
    manifest = verify(archive)
    wanted = {path for path in manifest.files if PurePosixPath(path).parts[0] == name}
    with tarfile.open(archive) as tar:
        for member in tar:
            # Only names that the manifest knows, and only below the folder: a tar file may say anything.
            if member.name not in wanted or not member.isfile() or ".." in PurePosixPath(member.name).parts:
                continue
            target = destination / PurePosixPath(member.name).relative_to(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as content, target.open("wb") as out:  # type: ignore[union-attr] # a file
                _copy(content, out)
            found = _sha256(target)
            if found != manifest.files[member.name]:
                message = f"{member.name} in {archive}: expected SHA-256 {manifest.files[member.name]}, found {found}."
                raise RehearsalFailed(message, next_step=_NEXT)
            wanted.remove(member.name)
    if wanted:
        message = f"the archive {archive} lacks {len(wanted)} files of its manifest, such as {min(wanted)}."
        raise RehearsalFailed(message, next_step=_NEXT)
    return manifest


def read_member(archive: Path, name: str) -> bytes:
    """One file of a verified archive."""
    with tarfile.open(archive) as tar, tar.extractfile(name) as content:  # type: ignore[union-attr] # a file
        return content.read()


def read_blocks(folder: Path) -> tuple[Block, ...]:
    """
    The blocks of a TSDB folder.

    Raises:
        RehearsalFailed: if one of them is not complete.
    """
    blocks = []
    for meta in sorted(folder.glob("*/meta.json")):
        try:
            said = json.loads(meta.read_text(encoding="utf-8"))
            stats = said["stats"]
            block = Block(
                said["ulid"], stats["numSamples"], stats["numSeries"], said["minTime"], said["maxTime"]
            )
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RehearsalFailed(f"expected the description of a TSDB block in {meta}: {error!r}.") from None
        if not (meta.parent / "index").is_file() or not any((meta.parent / "chunks").glob("*")):
            raise RehearsalFailed(
                f"expected an index and chunks in the TSDB block {meta.parent}, found none."
            )
        blocks.append(block)
    return tuple(blocks)


def _read_manifest(path: Path) -> Manifest:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        blocks = tuple(Block(**block) for block in said["blocks"])
        return Manifest(int(said["size"]), str(said["sha256"]), dict(said["files"]), blocks)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RehearsalFailed(
            f"expected the manifest of an archive in {path}: {error!r}.", next_step=_NEXT
        ) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while chunk := source.read(_CHUNK_BYTES):
        target.write(chunk)
