"""The blocks of a TSDB, by what they say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l4gate.base import MANIFEST_BYTES, RehearsalFailed, read_regular, strict_json, why


@dataclass(frozen=True)
class Block:
    """A TSDB block as its own meta.json describes it. Times are milliseconds, as there."""

    ulid: str
    samples: int
    series: int
    min_time: int
    max_time: int


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
            block = block_of(
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


def block_of(ulid: Any, samples: Any, series: Any, min_time: Any, max_time: Any) -> Block:
    """
    A block from what JSON says.

    Raises:
        TypeError: if a part is of another kind.
    """
    if not isinstance(ulid, str) or any(
        type(each) is not int for each in (samples, series, min_time, max_time)
    ):
        raise TypeError("a block without ULID and numbers")
    return Block(ulid, samples, series, min_time, max_time)
