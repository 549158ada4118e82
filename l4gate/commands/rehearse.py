"""`l4gate rehearse`: lose a whole stack, restore it from a snapshot, and prove that nothing is missing."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from l4gate.base import GateError, UsageError, Verdict
from l4gate.prometheus_api import PrometheusApi, caller_of
from l4gate.rehearsal import (
    RehearsalResult,
    Size,
    ensure_given,
    ensure_productions_own,
    p95,
    publish_as_productions,
    rehearse,
)
from l4gate.report import Progress, write_atomically
from l4gate.settings import OPTIONS as SETTINGS
from l4gate.settings import Settings

HELP: Final = "rehearse a restore: beat, snapshot, destroy everything, restore, GO; no sample may be lost"
OPTIONS: Final = (
    "stack",
    "realm",
    "factor",
    "deadline",
    "report-dir",
    "generation",
    "config-dir",
    "bearer-token-file",
    "basic-auth-file",
    "header-file",
    "client-cert",
    "client-key",
    "cache-dir",
)
REPORT: Final = "l4-rehearsal.json"


@dataclass(frozen=True)
class _Published:
    """Where results go as production's, and the size that they are measured on."""

    url: str
    size: Size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the number of rehearsals, where to publish, and `--json`."""
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how often in a row (default: 1)")
    parser.add_argument(
        "--publish",
        metavar="URL",
        help="production's Pushgateway, which gets the results too: at --factor 1, with --snapshot and --production",
    )
    parser.add_argument(
        "--snapshot",
        metavar="DIR",
        help="a snapshot of a Prometheus, on whose blocks the drill's stack starts in place of a simulated day",
    )
    parser.add_argument(
        "--production",
        metavar="URL",
        help="the Prometheus that the snapshot is of; what is published must be measured on its size",
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Rehearses and prints; HOLD (10) if a rehearsal failed or the p95 of the restore times is above its limit."""
    if settings.stack == "external":
        raise UsageError("a rehearsal destroys its stack, so it takes none that is somebody else's.")
    if args.count < 1:
        raise UsageError(f"--count: expected at least 1, found {args.count}.")
    snapshot = _given("snapshot", args.snapshot, like="live-dir")
    if snapshot:
        ensure_given(snapshot, settings.pace)
    published = _published(args, settings, snapshot)
    settings = settings.for_ours
    if published:  # known at 0 before the first rehearsal, so that this one counts
        publish_as_productions(published.url, settings, published.size)
    done: list[RehearsalResult] = []
    failure: GateError | None = None
    with Progress() as progress:
        try:
            for rehearsal in rehearse(settings, args.count, progress.say, snapshot):
                done.append(rehearsal)
                if not args.json:
                    print(_line(rehearsal), flush=True)
        except GateError as error:
            failure = error
    if published:
        results = [*(each.rto_seconds for each in done), *([None] if failure else [])]
        publish_as_productions(published.url, settings, published.size, *results)
    payload = _payload(done, args.count, failure, settings)
    write_atomically(settings.report_dir / REPORT, json.dumps(payload, indent=2))
    if args.json:
        print(json.dumps(payload, indent=2, allow_nan=False))
    else:
        _summary(payload)
    return int(payload["exit_code"])


def _published(args: argparse.Namespace, settings: Settings, snapshot: Path | None) -> _Published | None:
    """Where the results go, and the size that they are measured on; raises if they must not go there."""
    gateway = _given("publish", args.publish, like="url")
    production = _given("production", args.production, like="url")
    if gateway is None:
        return None
    api = None
    if production is not None:
        api = PrometheusApi(
            production,
            caller=caller_of(settings),
        )
    return _Published(gateway, ensure_productions_own(settings.factor, snapshot, api))


def _given(name: str, found: str | None, *, like: str) -> Any:
    """What an option of this command says, read like a setting; None if it was not given."""
    (parse,) = (option.parse for option in SETTINGS if option.name == like)
    try:
        return None if found is None else parse(found)
    except UsageError as error:
        raise UsageError(f"--{name}: {error.message}", next_step=error.next_step) from None


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
        f"{one.blocks} blocks, {one.tsdb_bytes / 1e6:.1f} MB, {one.archive_bytes / 1e6:.1f} MB archived, "
        f"{one.groups} pushed groups; "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in one.steps.items())
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
