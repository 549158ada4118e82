"""`l4gate decide`: GO, HOLD or ABORT for a running server."""

from __future__ import annotations

import argparse
import time
from typing import Final

from l4gate.base import UsageError, worst
from l4gate.commands._sound import ensure_sound_settings
from l4gate.report import (
    HEADLINES,
    Progress,
    decisions_as_list,
    fleet_lines,
    judged_by,
    judged_lines,
    plain_line,
)
from l4gate.settings import Settings
from l4gate.verdict import judge_for

HELP: Final = "judge a running server: GO (exit 0), HOLD (10) or ABORT (20)"
OPTIONS: Final = (
    "url",
    "realm",
    "factor",
    "deadline",
    "rules-url",
    "scrape-url",
    "shard-url",
    "engine",
    "external-label",
    "foreign-rules",
    "config-dir",
    "bearer-token-file",
    "basic-auth-file",
    "header-file",
    "client-cert",
    "client-key",
    "cache-dir",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="print the decision with its evidence as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Asks until the verdict is known or the deadline passes; prints it."""
    if settings.url is None:
        message = "decide needs a server to judge."
        raise UsageError(
            message, next_step="give --url http://HOST:PORT, or run pytest -m l4_gate for a sandbox."
        )
    ensure_sound_settings(settings)
    with Progress() as progress:
        judge = judge_for(settings, settings.url)
        named = judged_by(settings, judge.expectation.groups, judge.api, deadline_seconds=settings.deadline)
        # The caller's deadline began with the command; half of it is kept for asking, however slow this machine is.
        left = settings.deadline - (time.monotonic() - args.began)
        looks = judge.judge(max(left, settings.deadline / 2), progress=progress)
    verdict = worst(look.decision.verdict for look in looks)
    facts = named.after(looks).facts()
    if args.json:
        import json

        payload = {
            "verdict": verdict.name,
            "exit_code": verdict.exit_code,
            "realms": decisions_as_list([look.decision for look in looks]),
            "judged_by": facts,
        }
        print(json.dumps(payload, indent=2, allow_nan=False))
    else:
        print(f"L4 gate: {HEADLINES[verdict] if verdict.exit_code else 'GO: proven'}")
        for line in fleet_lines([look.decision for look in looks]):
            print(line)
        for line in judged_lines(facts):
            print(plain_line(line))
    return verdict.exit_code
