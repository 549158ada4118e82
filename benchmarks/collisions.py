"""How often two runs of the heartbeat script collide: the real script as it is, and a real Pushgateway."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from benchmarks.outcome import AT_A_TIME, Outcome
from fixtures.contract import PUSH_INSTANCE, PUSH_JOB, RAW_SEQ, RAW_TS
from fixtures.writer import Pushgateway, Writer, exposed, real_pushgateway, standing_clock
from l4gate.base import StackError
from l4gate.settings import Settings

ROUNDS: Final = 3_000  # 2,995 without a collision are needed for an upper bound of 0.001
LONGEST_SECONDS: Final = 190.0  # then no round is begun; fewer rounds show less
_LOCKED: Final = 75  # the script's own exit code: another run holds the lock, nothing was done
_RUN_SECONDS: Final = 30.0  # the script ends by itself within its wait for the lock and its push
_READING_SECONDS: Final = 0.01
ROUND: Final = (
    "a round: two runs of the script started at once, at its own wait for the lock, with neither state nor files "
    "before. Their clock stands still, so that two that do not wait for each other take the same number"
)


@dataclass(frozen=True)
class Round:
    """How one round ended: what was wrong, if anything, and how many runs said that they gave up the lock."""

    wrong: str
    gave_up: int


def writer_collisions(settings: Settings) -> Outcome:
    """Rounds of two runs: repeated or lost numbers, torn files, and gateway, files and state that do not agree."""
    end = time.monotonic() + LONGEST_SECONDS
    numbers = iter(range(ROUNDS))
    taking = threading.Lock()

    def taken() -> Iterator[int]:
        while time.monotonic() < end:
            with taking:
                number = next(numbers, None)
            if number is None:
                return
            yield number

    def rounds(slot: int) -> list[Round]:
        # A gateway for each: without state the script takes more than the largest number of any group there.
        with (
            tempfile.TemporaryDirectory(prefix="l4gate-claims-") as folder,
            real_pushgateway(settings, Path(folder) / f"gateway {slot}.log") as gateway,
        ):
            return [one_round(gateway, Path(folder) / str(number)) for number in taken()]

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = [each for part in pool.map(rounds, range(AT_A_TIME)) for each in part]
    if not found:
        message = f"expected rounds within {LONGEST_SECONDS:g} s, found none."
        raise StackError(message)
    wrong = Counter(each.wrong for each in found if each.wrong)
    how = f"{sum(each.gave_up for each in found)} of {2 * len(found):,} runs gave up waiting for the lock and said so."
    if wrong:
        how += f" Seen, the most frequent: {wrong.most_common(1)[0][0]}"
    return Outcome(len(found), wrong.total(), how)


def one_round(gateway: Pushgateway, folder: Path, env: dict[str, str] | None = None) -> Round:
    """Two runs at once in a new folder, and what they leave; `env` adds to their environment."""
    folder.mkdir()
    writer = Writer(folder, gateway.url)
    before = time.time_ns() // 1_000_000
    clock = standing_clock(folder, f"{before // 1000}.{before % 1000:03d}000")
    runs = [writer.start(env={**clock, **(env or {})}) for _ in range(2)]
    torn = False
    while any(run.poll() is None for run in runs):
        torn |= _torn(writer)
        if time.time_ns() // 1_000_000 - before > _RUN_SECONDS * 1000:
            for run in runs:
                run.kill()
        try:
            next((run for run in runs if run.returncode is None), runs[0]).wait(_READING_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    said = ["".join(run.communicate()) for run in runs]
    codes = [run.returncode for run in runs]
    odd = [
        f"exit {code}: {words}" for code, words in zip(codes, said, strict=True) if code not in (0, _LOCKED)
    ]
    odd += [f"said {words}" for code, words in zip(codes, said, strict=True) if code == 0 and words]
    delivered = codes.count(0)
    wrong = "; ".join(odd) or ("a torn file" if torn else "")
    if not wrong and delivered:
        wrong = _disagreement(gateway, writer, before + delivered)
    requests.delete(
        f"{gateway.url}/metrics/job/{PUSH_JOB}/instance/{PUSH_INSTANCE}", timeout=5
    ).raise_for_status()
    return Round(wrong, codes.count(_LOCKED))


def _torn(writer: Writer) -> bool:
    """Whether one of the files is there and not whole, read as node-exporter does."""
    for name in (RAW_TS, RAW_SEQ):
        try:
            text = writer.file(name)
        except FileNotFoundError:
            continue
        if not text.endswith("\n") or exposed(text).keys() != {name}:
            return True
    return False


def _disagreement(gateway: Pushgateway, writer: Writer, expected: int) -> str:
    """What is not as two runs one after the other leave it: one number for each, and the last of them everywhere."""
    shown = gateway.shown()
    files = {name: exposed(writer.file(name))[name].sample.value for name in (RAW_TS, RAW_SEQ)}
    pushed = {name: shown[name].sample.value if name in shown else None for name in files}
    numbers = {
        "state": int(writer.state.read_text()),
        "text file": int(files[RAW_SEQ]),
        "gateway": int(pushed[RAW_SEQ] or 0),
    }
    if set(numbers.values()) != {expected}:
        off = {where: number - expected for where, number in numbers.items()}
        return f"expected the number that both runs come to everywhere, found it off by {json.dumps(off)}"
    if files[RAW_TS] != pushed[RAW_TS]:
        return "expected one time in text file and gateway, found two"
    left = sorted(path.name for path in writer.textfile_dir.iterdir())
    return "" if left == sorted(f"{name}.prom" for name in files) else f"left {', '.join(left)}"
