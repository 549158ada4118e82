"""
An archive of the observation stack: one tar file, and beside it a manifest with the checksum of it and of each file.

The checksums are taken from the files before they are packed, so what the archive itself spoils is noticed as well.
Nothing is unpacked before the whole archive has been verified.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from l4gate.base import (
    MANIFEST_BYTES,
    RehearsalFailed,
    open_regular,
    private_file,
    read_regular,
    strict_json,
    why,
)
from l4gate.rehearsal.plain_tar import is_plain_name, plain_members

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

    What is packed may be nobody else's to read, so neither is the archive.

    Args:
        sources: name in the archive -> the folder or file that is packed there.
        archive: the tar file to write.
        tsdb: which of the names is the folder with TSDB blocks.
    """
    files: dict[str, str] = {}
    with private_file(archive) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for name, source in sources.items():
            for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
                if path.is_file():
                    inside = str(PurePosixPath(name, path.relative_to(source).as_posix()))
                    files[inside] = _sha256(path)
                    tar.add(path, inside, recursive=False)
    manifest = Manifest(archive.stat().st_size, _sha256(archive), files, read_blocks(sources[tsdb]))
    with private_file(manifest_path(archive)) as file:
        file.write(json.dumps(asdict(manifest), indent=1).encode())
    return manifest


def verify(archive: Path) -> Manifest:
    """
    Checks that an archive is whole, without unpacking it.

    Raises:
        RehearsalFailed: saying whether it is missing, truncated or changed, and what was expected.
    """
    with _verified(archive) as (manifest, _):
        return manifest


def unpack(archive: Path, name: str, destination: Path) -> Manifest:
    """
    Verifies an archive and unpacks what was packed under `name` into a folder; returns the manifest.

    Raises:
        RehearsalFailed: if the archive is not whole, holds what its manifest does not, or the blocks differ from it.
    """
    with _verified(archive) as (manifest, file):
        wanted = {path for path in manifest.files if PurePosixPath(path).parts[0] == name}
        for inside, content in _members(archive, file, manifest, wanted):
            target = destination / PurePosixPath(inside).relative_to(name)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    shutil.copyfileobj(content, out, _CHUNK_BYTES)
                found = _sha256(target)
            except OSError as error:
                raise _refused(
                    f"{inside} of the archive {archive} cannot be unpacked: {why(error)}."
                ) from None
            _expect(archive, inside, manifest.files[inside], found)
    return manifest


def read_member(archive: Path, name: str) -> bytes:
    """
    One file of an archive, verified with it.

    Raises:
        RehearsalFailed: if the archive is not whole, or has no such file.
    """
    with _verified(archive) as (manifest, file):
        for inside, content in _members(archive, file, manifest, {name}):
            found = content.read()
            _expect(archive, inside, manifest.files[inside], hashlib.sha256(found).hexdigest())
    return found


def read_blocks(folder: Path) -> tuple[Block, ...]:
    """
    The blocks of a TSDB folder.

    Raises:
        RehearsalFailed: if one of them is not complete.
    """
    blocks = []
    for meta in sorted(folder.glob("*/meta.json")):
        try:
            said = strict_json(read_regular(meta, limit=MANIFEST_BYTES))
            stats = said["stats"]
            block = _block(
                said["ulid"], stats["numSamples"], stats["numSeries"], said["minTime"], said["maxTime"]
            )
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RehearsalFailed(
                f"expected the description of a TSDB block in {meta}, found: {why(error)}."
            ) from None
        if not (meta.parent / "index").is_file() or not any((meta.parent / "chunks").glob("*")):
            raise RehearsalFailed(
                f"expected an index and chunks in the TSDB block {meta.parent}, found none."
            )
        blocks.append(block)
    return tuple(blocks)


@contextmanager
def _verified(archive: Path) -> Iterator[tuple[Manifest, BufferedReader]]:
    """The manifest with the opened tar file that it describes: what is unpacked is what was verified."""
    beside = manifest_path(archive)
    for path in (archive, beside):
        if not os.path.lexists(path):
            raise _refused(f"expected a file {path}, found none.")
    manifest = _read_manifest(beside)
    try:
        opened = open_regular(archive)
    except OSError as error:
        raise _refused(f"the archive {archive} cannot be read: {why(error)}.") from None
    with opened as file:
        size = os.fstat(file.fileno()).st_size
        if size != manifest.size:
            what = "truncated" if size < manifest.size else "longer than it was"
            message = f"the archive {archive} is {what}: expected {manifest.size} bytes, found {size}."
            raise _refused(message)
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        if found != manifest.sha256:
            message = (
                f"the archive {archive} is corrupted: expected SHA-256 {manifest.sha256}, found {found}."
            )
            raise _refused(message)
        yield manifest, file


def _members(
    archive: Path, file: IO[bytes], manifest: Manifest, wanted: AbstractSet[str]
) -> Iterator[tuple[str, IO[bytes]]]:
    """These files of a verified archive; raises if one is not in it."""
    missing = set(wanted)
    try:
        for inside, content in plain_members(file, wanted, size=manifest.size):
            missing.discard(inside)
            yield inside, content
    except ValueError as error:
        raise _refused(f"the archive {archive} cannot be unpacked: {why(error)}.") from None
    if missing:
        message = f"the archive {archive} lacks {len(missing)} files of its manifest, such as {min(missing)}."
        raise _refused(message)


def _expect(archive: Path, inside: str, wanted: str, found: str) -> None:
    if found != wanted:
        raise _refused(f"{inside} in {archive}: expected SHA-256 {wanted}, found {found}.")


def _read_manifest(path: Path) -> Manifest:
    try:
        said = strict_json(read_regular(path, limit=MANIFEST_BYTES))
        blocks = tuple(_block(**block) for block in said["blocks"])
        size, sha256, files = said["size"], said["sha256"], said["files"]
        if type(size) is not int or not isinstance(sha256, str) or not isinstance(files, dict):
            raise TypeError("size, sha256 or files of another kind")
        for name, digest in files.items():
            if not is_plain_name(name) or not isinstance(digest, str):
                message = f"the file {name!r:.100}"
                raise ValueError(message)
        return Manifest(size, sha256, files, blocks)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _refused(f"expected the manifest of an archive in {path}, found: {why(error)}.") from None


def _block(ulid: Any, samples: Any, series: Any, min_time: Any, max_time: Any) -> Block:
    if not isinstance(ulid, str) or any(
        type(each) is not int for each in (samples, series, min_time, max_time)
    ):
        raise TypeError("a block without ULID and numbers")
    return Block(ulid, samples, series, min_time, max_time)


def _refused(message: str) -> RehearsalFailed:
    return RehearsalFailed(message, next_step=_NEXT)


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
