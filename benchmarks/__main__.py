"""
Prints one table: what takes how long (median of cold runs, lowest, highest), its floor, the ratio, and the bar.

Each row is in the report folder as soon as it is measured: `l4-bench.jsonl` has the seconds of every run, `l4-bench.md`
the table so far. What cannot be measured is a row that says why. Without a container engine that is no failure, unless
containers were asked for.

Exit codes: 0 every bar that could be measured holds, 1 one does not or a measurement failed, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import fleet, fleet_engines, floor
from l4gate.base import GateError, StackError, UsageError, Verdict
from l4gate.report import markdown_table, write_atomically
from l4gate.sandbox import Heart, open_sandbox
from l4gate.settings import Settings, load_settings
from l4gate.stack import find_engine

ROOT = Path(__file__).parents[1]
ROWS: Final = "l4-bench.jsonl"
TABLE: Final = "l4-bench.md"
_COLUMNS: Final = ("what", "runs", "median s", "lowest", "highest", "x floor", "bar", "holds")


@dataclass(frozen=True)
class Row:
    """
    One thing that is measured.

    `bar` is a limit in seconds, or of the ratio to the row named by `floor`. `engine`: only where containers can run.
    """

    name: str
    measure: Callable[[], list[float]]
    bar: float | None = None
    floor: str | None = None
    engine: bool = False


@dataclass(frozen=True)
class Measured:
    """What became of a row: the seconds of each run, or why there are none (`failed`: it should have been possible)."""

    name: str
    seconds: tuple[float, ...] = ()
    why_not: str = ""
    failed: bool = False


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
            contract=stack.spec.pace.contract,
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
    for stack, ratio, whole in (("processes", 1.15, 12.0), ("containers", 1.4, 18.0)):
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
                engine=stack == "containers",
            ),
            Row(
                f"{stack}: pytest -m l4_gate, whole",
                partial(repeat, times, partial(command, *gate)),
                whole,
                engine=stack == "containers",
            ),
        ]
    measured: list[list[float]] = []

    def beats() -> list[float]:
        measured.extend(heartbeat_and_push(processes, 4 * times))
        return measured[0]

    def pushes() -> list[float]:
        if not measured:
            message = "they are made between heartbeat runs, which could not be measured."
            raise RuntimeError(message)
        return measured[1]

    made += [
        Row("one heartbeat run", beats, 3.0, "one bare curl push"),
        Row("one bare curl push", pushes),
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
    made += [
        Row(
            f"{engine}: a look at {count} realms",
            partial(fleet.looks_at, count, engine),
            fleet.BARS.get(count),
        )
        for engine in fleet_engines.ENGINES
        for count in fleet.SIZES
    ]
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, keeps each row at once, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="make bench", description="How long things take, beside their floor."
    )
    parser.add_argument("--runs", type=int, default=5, help="cold runs of each (default: %(default)s)")
    parser.add_argument(
        "--stack", action="append", choices=("processes", "containers"), help="repeatable; both"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name contains it")
    parser.add_argument("--report-dir", metavar="DIR", help="where the rows are kept (default: reports)")
    args = parser.parse_args(argv)
    if args.runs < 1:
        parser.error(f"expected at least 1 run, found {args.runs}")
    try:
        folder = load_settings({"report_dir": args.report_dir}).report_dir
        every = rows(args.runs, args.stack or ("processes", "containers"))
    except UsageError as error:
        parser.error(str(error))
    wanted = {row.name for row in every if args.only in row.name}
    if not wanted:
        parser.error(f"no row contains {args.only!r}")
    wanted |= {row.floor for row in every if row.name in wanted and row.floor}
    chosen = [row for row in every if row.name in wanted]
    done = measure(chosen, folder, engine_asked_for="containers" in (args.stack or ()))
    print(render(chosen, done), end="")
    if not any(each.seconds for each in done.values()):
        return 1  # nothing was measured, so nothing holds
    return (
        1
        if any(each.failed or holds(row, done) is False for row in chosen for each in [done[row.name]])
        else 0
    )


def measure(chosen: Sequence[Row], folder: Path, *, engine_asked_for: bool) -> dict[str, Measured]:
    """Measures the rows in turn. Each is in the folder before the next begins, and those of older runs are not."""
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, Measured] = {}
    with (folder / ROWS).open("w", encoding="utf-8") as kept:
        write_atomically(folder / TABLE, render(chosen, done))
        for row in chosen:
            print(f"measuring {row.name} ...", file=sys.stderr, flush=True)
            done[row.name] = measured = _measured(row, engine_asked_for=engine_asked_for)
            kept.write(json.dumps({**asdict(measured), "bar": row.bar, "floor": row.floor}) + "\n")
            kept.flush()
            write_atomically(folder / TABLE, render(chosen, done))
    return done


def _measured(row: Row, *, engine_asked_for: bool) -> Measured:
    if row.engine:
        try:
            find_engine()
        except StackError as error:
            return Measured(row.name, why_not=str(error), failed=engine_asked_for)
    try:
        return Measured(row.name, tuple(row.measure()))
    except (GateError, RuntimeError) as error:
        return Measured(row.name, why_not=str(error), failed=True)


def ratio_of(row: Row, done: Mapping[str, Measured]) -> float | None:
    """How many times its floor a row takes; None if it has none, or one of the two has not been measured."""
    floor_row = done.get(row.floor or "")
    if floor_row is None or not floor_row.seconds or not done[row.name].seconds:
        return None
    return statistics.median(done[row.name].seconds) / statistics.median(floor_row.seconds)


def holds(row: Row, done: Mapping[str, Measured]) -> bool | None:
    """Whether a row is within its bar; None if it has none, or cannot be held against it."""
    if row.bar is None or not done[row.name].seconds:
        return None
    judged = ratio_of(row, done) if row.floor else statistics.median(done[row.name].seconds)
    return None if judged is None else judged <= row.bar


def render(chosen: Sequence[Row], done: Mapping[str, Measured]) -> str:
    """The table of what has been measured; below it what has not, and why."""
    lines = [_line(row, done) for row in chosen if row.name in done]
    text = markdown_table(_COLUMNS, lines)
    for each in done.values():
        if each.why_not:
            text += f"\n{each.name}: not measured, because {each.why_not.strip()}\n"
    if len(done) < len(chosen):
        text += f"\nNot ended: {len(done)} of {len(chosen)} rows were measured.\n"
    return text


def _line(row: Row, done: Mapping[str, Measured]) -> tuple[str, ...]:
    runs = done[row.name].seconds
    bar = "" if row.bar is None else f"{row.bar:g} {'x' if row.floor else 's'}"
    if not runs:
        return (row.name, "0", "", "", "", "", bar, "FAILED" if done[row.name].failed else "left out")
    ratio, within = ratio_of(row, done), holds(row, done)
    return (
        row.name,
        str(len(runs)),
        f"{statistics.median(runs):.3f}",
        f"{min(runs):.3f}",
        f"{max(runs):.3f}",
        f"{ratio:.2f}" if ratio is not None else "",
        bar,
        {None: "", True: "yes", False: "NO"}[within],
    )


if __name__ == "__main__":
    sys.exit(main())
