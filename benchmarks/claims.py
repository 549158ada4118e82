"""
Measures what was once only asserted about the system: `make claims`.

Prints one table: claim, asserted, independent trials, seen, 95 % bounds, answer. The same is in the report folder as
Markdown and JSON, each claim as soon as it is measured. The answer is

    yes        the upper bound is within what was asserted
    NO         the lower bound is above it, or something was seen that was never to be
    not shown  too few trials to tell; "never" is this at best, as no number of trials shows it

Exit codes: 0 no claim is contradicted, 1 one is, or could not be measured, 2 usage.
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

from benchmarks import collisions, fresh_stacks, mismatches, trials
from benchmarks.bounds import CONFIDENCE, lower_bound, upper_bound
from benchmarks.outcome import Outcome
from l4gate.base import GateError, UsageError
from l4gate.report import markdown_table, write_atomically
from l4gate.settings import Settings, load_settings

REPORT: Final = "l4-claims.json"
TABLE: Final = "l4-claims.md"
YES: Final = "yes"  # this and the next three: the answers, none of which is ever a matter of wording
NO: Final = "NO"
NOT_SHOWN: Final = "not shown"
NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True)
class Claim:
    """One claim: at most this share of trials goes wrong. 0 stands for never. `trial` is what an independent one is."""

    name: str
    asserted: float
    trial: str
    measure: Callable[[Settings], Outcome]


# The figures are those of the first reports on the system.
CLAIMS: Final = (
    Claim(
        "false alarm of the rules, per evaluation of a healthy day",
        0.001,
        trials.INSTANCE,
        trials.false_alarms,
    ),
    Claim("two writers collide, per run", 0.001, collisions.ROUND, collisions.writer_collisions),
    Claim("a reload fails", 0.005, fresh_stacks.RELOADED, fresh_stacks.failed_reloads),
    Claim("a label mismatch is not noticed", 0.01, mismatches.DRAW, mismatches.unseen_mismatches),
    Claim("no GO although everything is healthy", 0.002, fresh_stacks.STARTED, fresh_stacks.missed_go),
    Claim("a dead writer is not detected in time", 0.0, fresh_stacks.STOPPED, fresh_stacks.late_detections),
)


@dataclass(frozen=True)
class Result:
    """A claim, measured. The bounds are one-sided, each at CONFIDENCE; `answer` is one of the four above."""

    claim: str
    asserted: float
    trial: str
    trials: int
    seen: int
    lower_bound: float
    upper_bound: float
    answer: str
    seconds: float
    how: str


def answer_to(asserted: float, seen: int, trials: int) -> str:
    """What so many events in so many independent trials say of a claim."""
    if not asserted:
        return NO if seen else NOT_SHOWN
    if upper_bound(seen, trials) <= asserted:
        return YES
    return NO if lower_bound(seen, trials) > asserted else NOT_SHOWN


def judge(claim: Claim, outcome: Outcome, seconds: float) -> Result:
    """What was seen, held against what was asserted."""
    seen, count = outcome.seen, outcome.trials
    return Result(
        claim.name,
        claim.asserted,
        claim.trial,
        count,
        seen,
        lower_bound(seen, count),
        upper_bound(seen, count),
        answer_to(claim.asserted, seen, count),
        round(seconds, 1),
        outcome.how,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, keeps each result at once, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="make claims", description="Claims about the system, with trials and upper bounds."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only claims whose name contains it")
    parser.add_argument(
        "--stack",
        choices=("auto", "processes", "containers"),
        default="auto",
        help="kinds of fresh stacks (default: auto, processes and, where an engine answers, containers)",
    )
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
    return 1 if any(result.answer in (NO, NOT_MEASURED) for result in results) else 0


def measure(claim: Claim, settings: Settings) -> Result:
    """A claim, measured; one that cannot be has no trials and no bounds that say anything."""
    began = time.monotonic()
    try:
        outcome = claim.measure(settings)
        return judge(claim, outcome, time.monotonic() - began)
    except GateError as error:
        seconds, how = round(time.monotonic() - began, 1), f"not measured, {error}"
        return Result(claim.name, claim.asserted, claim.trial, 0, 0, 0.0, 1.0, NOT_MEASURED, seconds, how)


def render(results: Sequence[Result], planned: int) -> str:
    """The table; below it what a trial was and what was seen, and what is still missing."""
    columns = ("claim", "asserted", "trials", "seen", f"{CONFIDENCE:.0%} bounds", "answer", "s")
    lines = [
        (
            one.claim,
            f"< {one.asserted:g}" if one.asserted else "never",
            f"{one.trials:,}",
            f"{one.seen:,}",
            f"> {one.lower_bound:.2g}, < {one.upper_bound:.2g}" if one.seen else f"< {one.upper_bound:.2g}",
            one.answer,
            f"{one.seconds:.0f}",
        )
        for one in results
    ]
    text = markdown_table(columns, lines)
    for one in results:
        trial = f"a trial is {one.trial}. " if one.trials else ""
        text += f"\n{one.claim}: {trial}{one.how}\n"
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
