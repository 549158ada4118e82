"""
Histories: series of samples that become TSDB blocks, so that a Prometheus starts on a past it never scraped.

All times are Unix seconds (UTC), stored by Prometheus in whole milliseconds. A block cannot hold stale markers: in a
history a series that ends is simply not there any more, and stays visible for one lookback.

promtool drops samples that are out of order or repeated and still exits 0, and a block that ends in the future stops
all scraping until then. So both are checked here, before and after promtool has run.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from l4gate.base import HistoryError
from l4gate.contract import Pace

if TYPE_CHECKING:
    from l4gate.programs import Promtool

DAY_SECONDS: Final = 86_400.0
HOUR_SECONDS: Final = 3_600.0
# promtool reads the whole text once per block, and each block costs some 60 ms, so there is one for everything.
_ONE_BLOCK: Final = "--max-block-duration=2160h"
_TEXT: Final = "history.om"


@dataclass(frozen=True)
class Series:
    """One series: its name, its labels (without the name) and its samples (Unix seconds, value) in time order."""

    name: str
    labels: Mapping[str, str]
    samples: Iterable[tuple[float, float]]

    @property
    def identity(self) -> str:
        """The series as PromQL and OpenMetrics write it: `name{label="value"}`, labels sorted."""
        pairs = ",".join(f'{label}="{_escape(self.labels[label])}"' for label in sorted(self.labels))
        return f"{self.name}{{{pairs}}}"


@dataclass
class _Written:
    """What went into the text: how many samples, and the times of the first and the last one in milliseconds."""

    samples: int = 0
    first: float = math.inf
    last: float = -math.inf


def write_blocks(series: Iterable[Series], data_dir: Path, promtool: Promtool) -> None:
    """
    Turns series into blocks in `data_dir`, a TSDB folder that no Prometheus is using (made if it is not there).

    Either every sample is in the folder afterwards or none is.

    Raises:
        HistoryError: if the samples of a series are not strictly ascending, a series occurs twice, anything lies in
            the future, there is nothing to write, or promtool failed or dropped samples.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="history-", dir=data_dir.parent))
    try:
        written = _write_text(series, work / _TEXT)
        _refuse_unusable(written)
        arguments = ("tsdb", "create-blocks-from", _ONE_BLOCK, "openmetrics", _TEXT, "blocks")
        result = promtool.run(*arguments, folder=work, timeout_seconds=600)
        if result.returncode != 0:
            said = f"(exit {result.returncode}): {result.stderr.strip()}"
            message = f"promtool {promtool.version} could not make blocks {said}"
            raise HistoryError(message)
        blocks = [meta.parent for meta in sorted((work / "blocks").glob("*/meta.json"))]
        kept = sum(json.loads((block / "meta.json").read_text())["stats"]["numSamples"] for block in blocks)
        if kept != written.samples:
            message = f"expected {written.samples} samples in the blocks of promtool, found {kept}."
            raise HistoryError(message)
        for block in blocks:
            shutil.move(block, data_dir / block.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


_QUIET_SECONDS: Final = (
    600.0  # longer than every range of a heartbeat rule, so none of them reaches the history
)


def sandbox_history(now: float, pace: Pace, realm: str, *, ok_days: float = 1.0) -> list[Series]:
    """
    The healthy day, at the pace of a factor, on which a sandbox starts: what only windows of hours and days can see.

    `ok_days` is for how many of them the rules had recorded: the error budget of a week is spent by 13 bad evaluations,
    but if only a day of it is there, by two.

    It ends a lookback and ten (scaled) minutes before `now`, so that no instant query and no heartbeat rule can take
    any of it for the present. What was recorded has one sample per rule interval, so that past and live evaluations
    weigh the same in a mean over both.
    """
    contract, factor = pace.contract, pace.factor
    end = now - pace.lookback - _QUIET_SECONDS / factor
    own = {contract.realm.label: realm}
    job = {"job": contract.simulation.job, "instance": contract.heartbeat.instance}
    every_rule = _ticks(end, factor, contract.pace.rules, ok_days)
    return [
        *(
            Series(name, own, [(at, each.past) for at in every_rule])
            for name, each in contract.recorded.items()
            if each.past is not None
        ),
        *(
            _counter(name, {**job, **own, **each.simulated.labels}, end, pace, each.simulated.past_per_hour)
            for name, each in contract.inputs.items()
            if each.simulated and each.simulated.past_per_hour is not None
        ),
    ]


def _counter(name: str, labels: Mapping[str, str], end: float, pace: Pace, per_hour: float) -> Series:
    """A counter that rises evenly, with a sample per beat: finer ones say no more about a window of hours."""
    beat = pace.contract.pace.beat
    ticks = _ticks(end, pace.factor, beat)
    step = per_hour * beat / HOUR_SECONDS
    return Series(name, labels, [(at, math.floor(index * step)) for index, at in enumerate(ticks)])


def _ticks(end: float, factor: float, interval: float, days: float = 1.0) -> list[float]:
    count = int(days * DAY_SECONDS / interval)
    return [end - (count - 1 - index) * interval / factor for index in range(count)]


def _write_text(series: Iterable[Series], path: Path) -> _Written:
    """Writes OpenMetrics text, without TYPE lines because blocks hold no types."""
    written = _Written()
    seen: set[str] = set()
    with path.open("w", encoding="utf-8") as out:
        for one in series:
            identity = one.identity
            if identity in seen:
                message = f"expected every series once, found {identity} twice."
                raise HistoryError(message)
            seen.add(identity)
            out.writelines(_lines(identity, one.samples, written))
        out.write("# EOF\n")
    return written


def _lines(identity: str, samples: Iterable[tuple[float, float]], written: _Written) -> Iterator[str]:
    prefix = identity + " "
    before = -math.inf
    count = 0
    first = math.inf
    for seconds, value in samples:
        at = round(seconds * 1000)
        if at <= before:
            found = f"{at / 1000:.3f} after {before / 1000:.3f} in {identity}"
            message = f"expected strictly ascending times, found {found}."
            raise HistoryError(message)
        if not count:
            first = at
        before = at
        count += 1
        yield f"{prefix}{value if math.isfinite(value) else _special(value)} {at // 1000}.{at % 1000:03d}\n"
    if count:
        written.samples += count
        written.first = min(written.first, first)
        written.last = max(written.last, before)


def _refuse_unusable(written: _Written) -> None:
    if not written.samples:
        message = "expected at least one sample, found none."
        raise HistoryError(message)
    now = time.time()
    if written.last > now * 1000:
        message = (
            f"expected every sample in the past, found one {written.last / 1000 - now:.3f} s in the future."
        )
        raise HistoryError(
            message, next_step="end the history earlier: Prometheus would not scrape until then."
        )


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
