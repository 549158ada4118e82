"""A snapshot that somebody gives to a rehearsal: the past of the stack that is lost, in place of a simulated day."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from l4gate.base import RehearsalFailed, UsageError, format_duration, why
from l4gate.contract import Pace
from l4gate.programs import Promtool
from l4gate.rehearsal.blocks import read_blocks

_FILES: Final = ("meta.json", "index", "tombstones")
_CHUNKS: Final = "chunks"


def ensure_given(folder: Path, pace: Pace) -> None:
    """
    Whether a folder can be the past of a stack of our own.

    Its newest sample must be older than a lookback: what a live service said a moment ago would else be taken for what
    the stack of the rehearsal says now.

    Raises:
        UsageError: if it holds no TSDB blocks, or too new ones.
    """
    try:
        blocks = read_blocks(folder)
    except RehearsalFailed as error:
        raise UsageError(f"--snapshot: {error.message}") from None
    if not blocks:
        raise UsageError(f"--snapshot: expected a folder with TSDB blocks, found none in {folder}.")
    age = time.time() - max(block.max_time for block in blocks) / 1000
    if age < pace.lookback:
        message = (
            f"--snapshot: expected its newest sample to be older than {format_duration(pace.lookback)}, "
            f"so that none counts as of now; found one of {age:.0f} s."
        )
        raise UsageError(message, next_step=f"call again in {pace.lookback - age:.0f} s.")


def copy_given(folder: Path) -> Callable[[Path, Promtool], None]:
    """
    Fills an empty TSDB folder with a copy of the blocks in a folder, which is left as it is.

    What is no block there, such as a write-ahead log, is left out: a snapshot has none.
    """

    def fill(data_dir: Path, promtool: Promtool) -> None:
        del promtool
        for block in read_blocks(folder):
            source, target = folder / block.ulid, data_dir / block.ulid
            try:
                (target / _CHUNKS).mkdir(parents=True)
                for name in (*_FILES, *(f"{_CHUNKS}/{each.name}" for each in (source / _CHUNKS).iterdir())):
                    if (source / name).exists():
                        shutil.copyfile(source / name, target / name)
            except OSError as error:
                raise RehearsalFailed(f"the block {source} cannot be copied: {why(error)}.") from None

    return fill
