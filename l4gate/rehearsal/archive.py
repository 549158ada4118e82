"""
An archive of the observation stack: a compressed tar file, and beside it a manifest with its checksum and each file's.

The checksums are of what was read to be packed, so what the archive itself spoils is noticed as well. Nothing is
unpacked before the whole archive has been verified. Archives of older versions are not compressed, and are still read.
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
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from l4gate.base import open_regular, private_file, why
from l4gate.rehearsal.blocks import read_blocks
from l4gate.rehearsal.compression import Decompressed, compressed
from l4gate.rehearsal.manifest import Manifest, manifest_path, read_manifest, refused
from l4gate.rehearsal.plain_tar import plain_members

_CHUNK_BYTES: Final = 1 << 20


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
    with private_file(archive) as file:
        with compressed(file) as out:
            with tarfile.open(fileobj=out, mode="w|", bufsize=_CHUNK_BYTES) as tar:
                for inside, path in _to_pack(sources):
                    with path.open("rb") as plain:
                        content = Hashed(plain)
                        tar.addfile(tar.gettarinfo(arcname=inside, fileobj=plain), cast(IO[bytes], content))
                    files[inside] = content.sha256
            content_size = out.tell()
        file.flush()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    manifest = Manifest(size, digest, files, read_blocks(sources[tsdb]), content_size)
    with private_file(manifest_path(archive)) as file:
        file.write(json.dumps(asdict(manifest), indent=1).encode())
    return manifest


def _to_pack(sources: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Each file with its name in the archive."""
    for name, source in sources.items():
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file():
                yield str(PurePosixPath(name, path.relative_to(source).as_posix())), path


@dataclass(frozen=True)
class OpenedArchive:
    """An archive that has been verified and is still open: what is unpacked of it is what was verified."""

    path: Path
    manifest: Manifest
    file: IO[bytes]

    def unpack(self, name: str, destination: Path) -> None:
        """
        Unpacks what was packed under `name` into a folder.

        Raises:
            RehearsalFailed: if the archive holds what its manifest does not, or a file cannot be written.
        """
        wanted = {path for path in self.manifest.files if PurePosixPath(path).parts[0] == name}
        for inside, content in self._members(wanted):
            target = destination / PurePosixPath(inside).relative_to(name)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    hashed = Hashed(content)
                    shutil.copyfileobj(hashed, out, _CHUNK_BYTES)
            except OSError as error:
                raise refused(
                    f"{inside} of the archive {self.path} cannot be unpacked: {why(error)}."
                ) from None
            self._expect(inside, hashed)

    def read(self, name: str) -> bytes:
        """
        One file.

        Raises:
            RehearsalFailed: if the archive has no such file, or another one than its manifest says.
        """
        for inside, content in self._members({name}):
            hashed = Hashed(content)
            found = hashed.read()
            self._expect(inside, hashed)
        return found

    def _members(self, wanted: AbstractSet[str]) -> Iterator[tuple[str, IO[bytes]]]:
        """These files; raises if one is not in it."""
        missing, size = set(wanted), self.manifest.content_size
        self.file.seek(0)
        plain = self.file if size is None else Decompressed(self.file, size)
        size = self.manifest.size if size is None else size
        try:
            for inside, content in plain_members(plain, wanted, size=size):
                missing.discard(inside)
                yield inside, content
        except ValueError as error:
            raise refused(f"the archive {self.path} cannot be unpacked: {why(error)}.") from None
        if missing:
            message = (
                f"the archive {self.path} lacks {len(missing)} files of its manifest, such as {min(missing)}."
            )
            raise refused(message)

    def _expect(self, inside: str, hashed: Hashed) -> None:
        wanted, found = self.manifest.files.get(inside), hashed.sha256
        if found != wanted:
            raise refused(f"{inside} in {self.path}: expected SHA-256 {wanted}, found {found}.")


@contextmanager
def opened(archive: Path) -> Iterator[OpenedArchive]:
    """
    Opens an archive and checks that it is whole, without unpacking it.

    Raises:
        RehearsalFailed: saying whether it is missing, truncated or changed, and what was expected.
    """
    beside = manifest_path(archive)
    for path in (archive, beside):
        if not os.path.lexists(path):
            raise refused(f"expected a file {path}, found none.")
    manifest = read_manifest(beside)
    try:
        regular = open_regular(archive)
    except OSError as error:
        raise refused(f"the archive {archive} cannot be read: {why(error)}.") from None
    with regular as file:
        size = os.fstat(file.fileno()).st_size
        if size != manifest.size:
            what = "truncated" if size < manifest.size else "longer than it was"
            raise refused(f"the archive {archive} is {what}: expected {manifest.size} bytes, found {size}.")
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != manifest.sha256:
            raise refused(
                f"the archive {archive} is corrupted: expected SHA-256 {manifest.sha256}, found {found}."
            )
        yield OpenedArchive(archive, manifest, file)


def verify(archive: Path) -> Manifest:
    """
    Checks that an archive is whole, without unpacking it.

    Raises:
        RehearsalFailed: saying whether it is missing, truncated or changed, and what was expected.
    """
    with opened(archive) as verified:
        return verified.manifest


def unpack(archive: Path, name: str, destination: Path) -> Manifest:
    """Verifies an archive and unpacks a part of it; see `OpenedArchive.unpack`. Returns the manifest."""
    with opened(archive) as verified:
        verified.unpack(name, destination)
        return verified.manifest


def read_member(archive: Path, name: str) -> bytes:
    """Verifies an archive and returns one file of it; see `OpenedArchive.read`."""
    with opened(archive) as verified:
        return verified.read(name)


class Hashed:
    """A file that is read once, and its SHA-256 as far as it was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        content = self._file.read(size)
        self._digest.update(content)
        return content

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return self._digest.hexdigest()
