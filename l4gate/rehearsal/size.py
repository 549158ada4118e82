"""How large a TSDB is, by its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from l4gate.rehearsal.blocks import read_blocks


@dataclass(frozen=True)
class Size:
    """How large a TSDB is: the bytes of its blocks, and the series of the block (or head) that has most."""

    bytes: int
    series: int


def size_of(folder: Path) -> Size:
    """
    The size of a folder of blocks.

    Raises:
        RehearsalFailed: if a block in it is not complete.
    """
    blocks = read_blocks(folder)
    files = (path for block in blocks for path in (folder / block.ulid).rglob("*") if path.is_file())
    return Size(
        sum(path.stat().st_size for path in files), max((block.series for block in blocks), default=0)
    )
