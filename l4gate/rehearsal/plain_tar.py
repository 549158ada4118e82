"""
The plain files of a tar file that anybody may have made.

Such a file may name any path, be a link or a device, say that it has holes of any size, and lead back to where it was
read before. It is read once, from its beginning to its end, so it may as well come out of a decompressor.
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath
from typing import IO, Final, Protocol, cast

# What tarfile raises for what is no tar file, beside its own errors, depends on where it stumbles.
_STUMBLES: Final = (
    *(tarfile.TarError, struct.error, OSError, EOFError, MemoryError, RecursionError),
    *(ArithmeticError, LookupError, TypeError, ValueError, AttributeError),
)
_PIECE_BYTES: Final = 1 << 20


class Readable(Protocol):
    """What a tar file is read from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""


def plain_members(file: Readable, wanted: AbstractSet[str], *, size: int) -> Iterator[tuple[str, IO[bytes]]]:
    """
    Those of the wanted names that are plain files in a tar file of `size` bytes, each once, with their content.

    Raises:
        ValueError: if it is no tar file, with the reason.
    """
    missing, reached = set(wanted), -1
    try:
        with tarfile.open(fileobj=cast(IO[bytes], file), mode="r|", bufsize=_PIECE_BYTES) as tar:
            for member in tar:
                ends = member.offset_data + member.size
                if member.offset <= reached or member.size < 0 or ends > size:
                    raise tarfile.TarError("a header that leads back or beyond the end")
                reached = member.offset
                plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and member.sparse is None
                content = tar.extractfile(member) if plain and member.name in missing else None
                if content is not None:
                    missing.remove(member.name)
                    yield member.name, content
                    if not missing:
                        return
    except _STUMBLES as error:
        message = f"no plain tar file ({type(error).__name__}: {error})"
        raise ValueError(message) from None


def is_plain_name(name: str) -> bool:
    """Whether a name is a path of ours in an archive: relative, in its one spelling, and fit to be shown."""
    path = PurePosixPath(name)
    below = path.parts and ".." not in path.parts and not path.is_absolute()
    return bool(below) and str(path) == name and name.isprintable()
