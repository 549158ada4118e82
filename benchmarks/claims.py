"""
Measures what was once only asserted about the system: `make claims`.

Prints one table: claim, asserted, trials, seen, 95 % upper bound, holds. The same is in the report folder as Markdown
and JSON, each claim as soon as it is measured. A claim holds if the upper bound is within what was asserted, so the
number of trials has to be large enough to say so.

Exit codes: 0 every claim holds, 1 one does not, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks import trials
from benchmarks.bounds import CONFIDENCE, upper_bound
from benchmarks.trials import Outcome
from l4gate.base import GateError, UsageError
from l4gate.report import markdown_table, write_atomically
from l4gate.settings import Settings, load_settings

REPORT: Final = "l4-claims.json"
TABLE: Final = "l4-claims.md"


@dataclass(frozen=True)
class Claim:
    """One claim: at most this share of trials goes wrong. 0 stands for never: then none may be seen to."""

    name: str
    asserted: float
    measure: Callable[[Settings], Outcome]


# The figures are those of the first reports on the system.
CLAIMS: Final = (
    Claim("false alarm of the rules, per evaluation of a healthy day", 0.001, trials.false_alarms),
    Claim("two writers collide, per run", 0.001, trials.writer_collisions),
    Claim("a reload fails", 0.005, trials.failed_reloads),
    Claim("a label mismatch is not noticed", 0.01, trials.unseen_mismatches),
    Claim("no GO although everything is healthy", 0.002, trials.missed_go),
    Claim("a dead writer is not detected in time", 0.0, trials.late_detections),
)


@dataclass(frozen=True)
class Result:
    """A claim, measured. `upper_bound` is one-sided, at CONFIDENCE."""

    claim: str
    asserted: float
    trials: int
    seen: int
    upper_bound: float
    holds: bool
    seconds: float
    how: str


def judge(claim: Claim, outcome: Outcome, seconds: float) -> Result:
    """What was seen, held against what was asserted."""
    bound = upper_bound(outcome.seen, outcome.trials)
    holds = bound <= claim.asserted if claim.asserted else outcome.seen == 0
    return Result(
        claim.name, claim.asserted, outcome.trials, outcome.seen, bound, holds, round(seconds, 1), outcome.how
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, keeps each result at once, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="make claims", description="Claims about the system, with trials and upper bounds."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only claims whose name contains it")
    parser.add_argument("--stack", help="where sandboxes come from (default: processes)", default="processes")
    parser.add_argument("--report-dir", metavar="DIR", help="where the report is written (default: reports)")
    args = parser.parse_args(argv)
    try:
        settings = load_settings({"stack": args.stack, "report_dir": args.report_dir})
    except UsageError as error:
        parser.error(str(error))
    chosen = [claim for claim in CLAIMS if args.only in claim.name]
    if not chosen:
        parser.error(f"no claim contains {args.only!r}")
    results: list[Result] = []
    write(results, len(chosen), settings.report_dir)  # none of an older run
    for claim in chosen:
        print(f"measuring: {claim.name} ...", file=sys.stderr, flush=True)
        results.append(measure(claim, settings))
        write(results, len(chosen), settings.report_dir)
    print(render(results, len(chosen)), end="")
    return 0 if all(result.holds for result in results) else 1


def measure(claim: Claim, settings: Settings) -> Result:
    """A claim, measured; one that cannot be has no trials, and does not hold."""
    began = time.monotonic()
    try:
        return judge(claim, claim.measure(settings), time.monotonic() - began)
    except GateError as error:
        seconds = round(time.monotonic() - began, 1)
        return Result(claim.name, claim.asserted, 0, 0, 1.0, False, seconds, f"not measured, {error}")


def render(results: Sequence[Result], planned: int) -> str:
    """The table; below it how the trials were made, and what is still missing."""
    columns = ("claim", "asserted", "trials", "seen", f"{CONFIDENCE:.0%} upper bound", "holds", "s")
    lines = [
        (
            one.claim,
            f"< {one.asserted:g}" if one.asserted else "never",
            f"{one.trials:,}",
            f"{one.seen:,}",
            f"{one.upper_bound:.2g}",
            "yes" if one.holds else "NO",
            f"{one.seconds:.0f}",
        )
        for one in results
    ]
    text = markdown_table(columns, lines) + "".join(f"\n{one.claim}: {one.how}\n" for one in results)
    if len(results) < planned:
        text += f"\nNot ended: {len(results)} of {planned} claims were measured.\n"
    return text


def write(results: Sequence[Result], planned: int, folder: Path) -> None:
    """Writes the table, and the same as JSON; `complete` says whether every claim that was asked for is there."""
    payload = {
        "confidence": CONFIDENCE,
        "complete": len(results) == planned,
        "claims": [asdict(result) for result in results],
    }
    write_atomically(folder / REPORT, json.dumps(payload, indent=2) + "\n")
    write_atomically(folder / TABLE, render(results, planned))


if __name__ == "__main__":
    sys.exit(main())
