"""
Measures what was once only asserted about the system: `make claims`.

Prints one table: claim, asserted, trials, seen, 95 % upper bound, holds; the same as JSON in the report folder. A claim
holds if the upper bound is within what was asserted, so the number of trials has to be large enough to say so.

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

from rich.console import Console
from rich.table import Table

from benchmarks import trials
from benchmarks.bounds import CONFIDENCE, upper_bound
from benchmarks.trials import Outcome
from l4gate.settings import Settings, load_settings

REPORT: Final = "l4-claims.json"


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
    """Measures, prints, and writes the report."""
    parser = argparse.ArgumentParser(
        prog="make claims", description="Claims about the system, with trials and upper bounds."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only claims whose name contains it")
    parser.add_argument("--stack", help="where sandboxes come from (default: processes)", default="processes")
    args = parser.parse_args(argv)
    settings = load_settings({"stack": args.stack})
    results = []
    for claim in CLAIMS:
        if args.only not in claim.name:
            continue
        print(f"measuring: {claim.name} ...", file=sys.stderr, flush=True)
        began = time.monotonic()
        results.append(judge(claim, claim.measure(settings), time.monotonic() - began))
    if not results:
        parser.error(f"no claim contains {args.only!r}")
    show(results)
    write(results, settings.report_dir)
    return 0 if all(result.holds for result in results) else 1


def show(results: Sequence[Result]) -> None:
    """Prints the table."""
    table = Table("claim", "asserted", "trials", "seen", f"{CONFIDENCE:.0%} upper bound", "holds", "s")
    for one in results:
        table.add_row(
            one.claim,
            f"< {one.asserted:g}" if one.asserted else "never",
            f"{one.trials:,}",
            f"{one.seen:,}",
            f"{one.upper_bound:.2g}",
            "yes" if one.holds else "NO",
            f"{one.seconds:.0f}",
        )
    console = Console(width=120)
    console.print(table)
    for one in results:
        console.print(f"{one.claim}: {one.how}", highlight=False)


def write(results: Sequence[Result], folder: Path) -> None:
    """Writes the same as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    payload = {"confidence": CONFIDENCE, "claims": [asdict(result) for result in results]}
    (folder / REPORT).write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
