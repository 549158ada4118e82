"""
Prints one table: what takes how long (median of cold runs, lowest, highest), its floor, the ratio, and the bar.

Exit codes: 0 every bar holds, 1 one does not, 2 usage.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import floor
from l4gate.heartbeat import Heart
from l4gate.sandbox import open_sandbox
from l4gate.settings import Settings, load_settings
from l4gate.verdict import Verdict

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Row:
    """One thing that is measured. `bar` is a limit in seconds, or of the ratio to the row named by `floor`."""

    name: str
    measure: Callable[[], list[float]]
    bar: float | None = None
    floor: str | None = None


def repeat(times: int, once: Callable[[], float]) -> list[float]:
    """Seconds of each of several runs."""
    return [once() for _ in range(times)]


def cold_start(settings: Settings) -> float:
    """Seconds from nothing to GO: stack, heartbeat, judge."""
    began = time.monotonic()
    with open_sandbox(settings) as sandbox:
        (look,) = sandbox.judge.judge(settings.deadline)
        seconds = time.monotonic() - began
    if look.decision.verdict is not Verdict.GO:
        message = f"expected GO, found {look.decision.verdict.name}: {look.decision.cause}"
        raise RuntimeError(message)
    return seconds


def command(*arguments: str) -> float:
    """Seconds of a command that must succeed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as reports:
        done = subprocess.run(
            [sys.executable, "-m", *(argument.replace("{reports}", reports) for argument in arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        message = (
            f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
        raise RuntimeError(message)
    return time.monotonic() - began


def heartbeat_and_push(settings: Settings, times: int) -> tuple[list[float], list[float]]:
    """Seconds of single heartbeat runs and of bare pushes, in turn, to one gateway."""
    beats, pushes = [], []
    with ExitStack() as cleanup:
        stack = cleanup.enter_context(open_sandbox(settings)).stack
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        heart = Heart(
            pushgateway_url=stack.pushgateway_url,
            textfile_dir=folder,
            state_dir=folder / "state",
            realm="prod",
            interval_seconds=60,
        )
        for number in range(times):
            beats.append(heart.beat().seconds)
            began = time.monotonic()
            floor.push(stack.pushgateway_url, number)
            pushes.append(time.monotonic() - began)
    return beats, pushes


def rows(times: int, stacks: Sequence[str]) -> list[Row]:
    """All rows; the bars are the project's own promises (docs and issues name the same numbers)."""
    processes = load_settings({"stack": "processes"})
    hand_started = "hand-started programs: cold start to ok"
    made = [Row(hand_started, partial(repeat, times, partial(floor.cold_start_seconds, processes)))]
    for stack, ratio, whole in (("processes", 1.15, 25.0), ("containers", 1.4, 35.0)):
        if stack not in stacks:
            continue
        settings = load_settings({"stack": stack})
        gate = (
            "pytest",
            "-m",
            "l4_gate",
            f"--l4-stack={stack}",
            "--l4-report-dir={reports}",
            "-p",
            "no:cacheprovider",
        )
        made += [
            Row(
                f"{stack}: cold start to GO",
                partial(repeat, times, partial(cold_start, settings)),
                ratio,
                hand_started,
            ),
            Row(
                f"{stack}: pytest -m l4_gate, whole",
                partial(repeat, times, partial(command, *gate)),
                whole,
            ),
        ]
    measured: list[list[float]] = []

    def beats() -> list[float]:
        measured.extend(heartbeat_and_push(processes, 4 * times))
        return measured[0]

    made += [
        Row("one heartbeat run", beats, 3.0, "one bare curl push"),
        Row("one bare curl push", lambda: measured[1]),
        Row("obs-lint", partial(repeat, times, partial(command, "l4gate", "lint")), 3.0),
        Row(
            "promql-unit, one Prometheus",
            lambda: repeat(
                times,
                lambda: command(
                    "pytest", "-q", "-m", "promql_unit", "tests/promql", "-p", "no:cacheprovider"
                ),
            ),
            10.0,
        ),
    ]
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="make bench", description="How long things take, beside their floor."
    )
    parser.add_argument("--runs", type=int, default=5, help="cold runs of each (default: %(default)s)")
    parser.add_argument(
        "--stack", action="append", choices=("processes", "containers"), help="repeatable; both"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name contains it")
    args = parser.parse_args(argv)
    if args.runs < 1:
        parser.error(f"expected at least 1 run, found {args.runs}")
    chosen = rows(args.runs, args.stack or ("processes", "containers"))
    wanted = {row.name for row in chosen if args.only in row.name}
    wanted |= {row.floor for row in chosen if row.name in wanted and row.floor}
    seconds: dict[str, list[float]] = {}
    for row in chosen:
        if row.name in wanted:
            print(f"measuring {row.name} ...", file=sys.stderr, flush=True)
            seconds[row.name] = row.measure()
    return show([row for row in chosen if row.name in seconds], seconds)


def show(measured: Sequence[Row], seconds: dict[str, list[float]]) -> int:
    """Prints the table; 1 if a bar does not hold."""
    table = Table("what", "runs", "median s", "lowest", "highest", "x floor", "bar", "holds")
    broken = 0
    for row in measured:
        runs = seconds[row.name]
        median = statistics.median(runs)
        ratio = median / statistics.median(seconds[row.floor]) if row.floor else None
        judged = ratio if ratio is not None else median
        holds = row.bar is None or judged <= row.bar
        broken += not holds
        table.add_row(
            row.name,
            str(len(runs)),
            f"{median:.3f}",
            f"{min(runs):.3f}",
            f"{max(runs):.3f}",
            f"{ratio:.2f}" if ratio is not None else "",
            "" if row.bar is None else f"{row.bar:g} {'x' if row.floor else 's'}",
            "" if row.bar is None else ("yes" if holds else "NO"),
        )
    Console(width=120).print(table)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
