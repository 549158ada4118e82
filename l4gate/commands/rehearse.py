"""`l4gate rehearse`: lose a whole stack, restore it from a snapshot, and prove that nothing is missing."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any, Final

from l4gate.base import GateError, UsageError, Verdict
from l4gate.contract import Pace
from l4gate.rehearsal import RehearsalResult, p95, publish, rehearse
from l4gate.report import Progress, write_atomically
from l4gate.settings import EXTERNAL_FACTOR, Settings

HELP: Final = "rehearse a restore: beat, snapshot, destroy everything, restore, GO; no sample may be lost"
OPTIONS: Final = (
    "stack",
    "realm",
    "factor",
    "deadline",
    "report-dir",
    "generation",
    "config-dir",
    "cache-dir",
)
REPORT: Final = "l4-rehearsal.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the number of rehearsals, where to publish, and `--json`."""
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how often in a row (default: 1)")
    parser.add_argument(
        "--publish",
        metavar="URL",
        help="a production Pushgateway that gets the results too (restore times and outcomes)",
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Rehearses and prints; HOLD (10) if a rehearsal failed or the p95 of the restore times is above its limit."""
    if settings.stack == "external":
        raise UsageError("a rehearsal destroys its stack, so it takes none that is somebody else's.")
    if args.count < 1:
        raise UsageError(f"--count: expected at least 1, found {args.count}.")
    if args.publish:  # known at 0 before the first rehearsal, so that this one counts
        publish(args.publish, settings.realms[0], Pace(EXTERNAL_FACTOR, settings.contract))
    done: list[RehearsalResult] = []
    failure: GateError | None = None
    with Progress() as progress:
        try:
            for rehearsal in rehearse(settings, args.count, progress.say):
                done.append(rehearsal)
                if not args.json:
                    print(_line(rehearsal), flush=True)
        except GateError as error:
            failure = error
    if args.publish:
        results = [*(each.rto_seconds for each in done), *([None] if failure else [])]
        publish(args.publish, settings.realms[0], Pace(EXTERNAL_FACTOR, settings.contract), *results)
    payload = _payload(done, args.count, failure, settings)
    write_atomically(settings.report_dir / REPORT, json.dumps(payload, indent=2))
    if args.json:
        print(json.dumps(payload, indent=2, allow_nan=False))
    else:
        _summary(payload)
    return int(payload["exit_code"])


def _payload(
    done: list[RehearsalResult], asked: int, failure: GateError | None, settings: Settings
) -> dict[str, Any]:
    quantile = p95([each.rto_seconds for each in done]) if done else None
    good = failure is None and quantile is not None and quantile <= settings.contract.rehearsal.limit
    verdict = Verdict.GO if good else Verdict.HOLD
    return {
        "verdict": verdict.name,
        "exit_code": verdict.exit_code,
        "asked": asked,
        "succeeded": len(done),
        "failure": str(failure) if failure else None,
        "rto_p95_seconds": quantile,
        "rto_limit_seconds": settings.contract.rehearsal.limit,
        "samples_lost": sum(each.lost for each in done) if failure is None else None,
        "time_factor": settings.factor,
        "rehearsals": [asdict(each) for each in done],
    }


def _line(one: RehearsalResult) -> str:
    return (
        f"rehearsal {one.number}: GO again {one.rto_seconds:.1f} s after the restore began; "
        f"{one.samples} samples of {one.series} series back, {one.lost} lost; "
        f"{one.blocks} blocks, {one.archive_bytes / 1e6:.1f} MB, {one.groups} pushed groups"
    )


def _summary(payload: dict[str, Any]) -> None:
    if payload["failure"]:
        print(
            f"HOLD: rehearsal {payload['succeeded'] + 1} of {payload['asked']} failed: {payload['failure']}"
        )
        return
    print(
        f"{payload['verdict']}: {payload['succeeded']} of {payload['asked']} rehearsals, "
        f"{payload['samples_lost']} samples lost, restore to GO p95 {payload['rto_p95_seconds']:.1f} s "
        f"(at most {payload['rto_limit_seconds']:g} s; time factor {payload['time_factor']:g})"
    )
