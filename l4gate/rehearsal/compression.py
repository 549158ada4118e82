"""
The compression of archives: Zstandard at its quickest (docs/decisions/0013-archives-in-zstandard.md), and its bound.

A few kilobytes can be made to decompress to a disk full, so what comes out is counted against what the manifest says,
and what that may say against the size of the archive.
"""

from __future__ import annotations

import os
import sys
from typing import IO, Final, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# An archive of zeros is 30,000 times smaller than it was; a TSDB's index, which compresses best in it, 10 times.
_MOST_TIMES: Final = 100
_ALWAYS_BYTES: Final = 64 << 20  # no disk is full of that
_LARGEST_WINDOW: Final = 25  # 2^25 bytes of memory; level 1 uses 2^19
_LEVEL: Final = 1


def compressed(file: IO[bytes]) -> IO[bytes]:
    """What is written to the result is compressed into a file, by all processors that this process may use."""
    parameters = zstd.CompressionParameter
    options = {
        int(parameters.compression_level): _LEVEL,
        int(parameters.nb_workers): len(os.sched_getaffinity(0)),
    }
    return cast(IO[bytes], zstd.ZstdFile(file, "wb", options=options))


def is_believable(content_size: int, size: int) -> bool:
    """Whether an archive of `size` bytes may hold so many; more is made to fill a disk."""
    return 0 <= content_size <= max(_ALWAYS_BYTES, _MOST_TIMES * size)


class Decompressed:
    """What comes out of a compressed file, from its beginning to its end and not beyond a number of bytes."""

    def __init__(self, file: IO[bytes], content_size: int) -> None:
        window = int(zstd.DecompressionParameter.window_log_max)
        self._file = zstd.ZstdFile(file, "rb", options={window: _LARGEST_WINDOW})
        self._left = content_size

    def read(self, size: int) -> bytes:
        """
        The next bytes, at most `size`.

        Raises:
            ValueError: if they are not compressed so, or too many.
        """
        try:
            content = self._file.read(min(size, self._left + 1))
        except zstd.ZstdError as error:
            raise ValueError(str(error)) from None
        self._left -= len(content)
        if self._left < 0:
            raise ValueError("more bytes than its manifest says")
        return content
