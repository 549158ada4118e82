"""
A TSDB of any weight, made by promtool out of text: many series, a few samples of each in every block.

Three values in four are random, which nothing compresses, so a sample takes some 9 bytes; the others are counters.
500 MB with 100,000 series take two minutes on two cores, so such a TSDB is made once in a run.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from l4gate.machine import scratch
from l4gate.programs import Program

SAMPLES: Final = 60  # of each series in each block
_INTERVAL_SECONDS: Final = 15
_AGE_SECONDS: Final = 7_200  # of the newest sample
_DIFFERENT: Final = 20_000  # series, before values come again: farther apart than a compressor looks back
_AT_ONCE: Final = 2
_IDENTITY: Final = "\0"


def write_heavy(folder: Path, promtool: Program, *, series: int, blocks: int) -> None:
    """Fills a folder with blocks that follow each other, each with `SAMPLES` samples of every series."""
    folder.mkdir(parents=True)
    end = int(time.time()) - _AGE_SECONDS

    def write(number: int) -> None:
        with scratch("heavy") as work:
            _write_text(work / "text", series, end - number * SAMPLES * _INTERVAL_SECONDS, number)
            command = [promtool.path, "tsdb", "create-blocks-from", "--max-block-duration=2160h"]
            subprocess.run(
                [*command, "openmetrics", work / "text", work / "blocks"], check=True, capture_output=True
            )
            for block in (work / "blocks").iterdir():
                shutil.move(block, folder / block.name)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(write, range(blocks)))


def _write_text(path: Path, series: int, end: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 # weight, no secret
    bodies = []
    for kind in range(min(series, _DIFFERENT)):
        count, lines = 0, []
        for back in reversed(range(SAMPLES)):
            count += rng.randrange(1000)
            value = count if kind % 4 == 0 else rng.random()
            lines.append(f"{_IDENTITY} {value} {end - back * _INTERVAL_SECONDS}.{rng.randrange(1000):03d}\n")
        bodies.append("".join(lines))
    with path.open("w") as out:
        for number in range(series):
            body = bodies[number % len(bodies)]
            out.write(body.replace(_IDENTITY, f'heavy_total{{instance="{number}"}}'))
        out.write("# EOF\n")
