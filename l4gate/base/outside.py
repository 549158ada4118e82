"""
Reading what others may have put there: regular files only, so many bytes at most, and JSON that is what it seems.

A FIFO makes a plain open wait for ever, a link names a file of somebody else, and deep or endless JSON ends a program
that only meant to list what there is. All of that is an OSError or a ValueError here, with a reason for a person.
"""

from __future__ import annotations

import errno
import math
import os
import stat
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any, Final

import jiter

MANIFEST_BYTES: Final = 4 << 20  # ours have some 50 kB; JSON takes up to 30 times its size in memory
CONFIG_BYTES: Final = 8 << 20  # ours have 50 kB, 10,000 rules 2 MB
_CHUNK_BYTES: Final = 1 << 20
_DEEPEST: Final = 32  # ours have 8 levels
_INTEGER_BITS: Final = 63
_SHOWN_CHARACTERS: Final = 200
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def open_regular(path: Path, *, within: Path | None = None) -> BufferedReader:
    """
    Opens a file for reading, whatever has its name, without waiting for anybody.

    Args:
        path: the file; it must be no symbolic link, unless `within` is given.
        within: a folder without links in its path, below which links may lead.

    Raises:
        OSError: if it is no regular file, or leads out of `within`.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags if within else flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise _no_regular(path, "a symbolic link") from None
        if error.errno == errno.ENXIO:  # nobody can open a socket
            raise _no_regular(path, "a socket or device") from None
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _no_regular(path, _KINDS.get(stat.S_IFMT(mode), "something else"))
        # What was opened, not what the name meant before or means now.
        found = Path(f"/proc/self/fd/{descriptor}").readlink()
        if within and not found.is_relative_to(within):
            raise _no_regular(path, f"a link that leads out of {within}")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, *, limit: int, within: Path | None = None) -> bytes:
    """
    The bytes of a file as `open_regular` takes it.

    Raises:
        OSError: if it is no regular file, leads out of `within`, or has more than `limit` bytes.
    """
    with open_regular(path, within=within) as file:
        return read_at_most(file, limit)


def read_config(path: Path) -> bytes:
    """
    The bytes of a file of a config folder, which may lie behind links: ConfigMaps are mounted so.

    Raises:
        OSError: if it is no regular file, or has more than CONFIG_BYTES.
    """
    return read_regular(path, limit=CONFIG_BYTES, within=Path("/"))


def read_at_most(file: BufferedReader, limit: int) -> bytes:
    """
    The rest of an open file.

    Raises:
        OSError: if that is more than `limit` bytes.
    """
    found = bytearray()
    while chunk := file.read(min(_CHUNK_BYTES, limit + 1 - len(found))):
        found += chunk
    if len(found) > limit:
        raise OSError(errno.EFBIG, f"more than {limit} bytes", file.name)
    return bytes(found)


def private_file(path: Path) -> BufferedRandom:
    """A new file that is this user's alone from its first moment on, in place of any that has the name."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")


def why(error: Exception) -> str:
    """The reason in an error of reading or decoding, on one line that a terminal can show."""
    said = error.strerror if isinstance(error, OSError) else None
    said = said or (f"no {error}" if isinstance(error, KeyError) else str(error)) or type(error).__name__
    return "".join(character if character.isprintable() else "?" for character in said)[:_SHOWN_CHARACTERS]


def strict_json(content: bytes) -> Any:
    """
    JSON as RFC 8259 has it: each name once, finite numbers, integers of 64 bits, and no deeper than anything of ours.

    Raises:
        ValueError: with the reason.
    """
    found = read_json(content)
    layer, depth = [found], 0
    while layer := [part for each in layer for part in _parts(each)]:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError("JSON that is nested too deeply")
        for each in layer:
            if isinstance(each, float) and not math.isfinite(each):
                raise ValueError("a number that is not finite")
            if isinstance(each, int) and each.bit_length() > _INTEGER_BITS:
                raise ValueError("an integer of more than 64 bits")
    return found


def read_json(content: bytes) -> Any:
    """
    JSON as RFC 8259 has it, each name once, no deeper than 200 levels; a number may be more than a float holds.

    Raises:
        ValueError: with the reason.
    """
    # Of the parsers that look for a name that stands twice it is the quickest, three times as quick as json.
    try:
        return jiter.from_json(content, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        message = f"no JSON: {error}"
        raise ValueError(message) from None


def _no_regular(path: Path, found: str) -> OSError:
    return OSError(errno.EINVAL, f"expected a regular file, found {found}", str(path))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
