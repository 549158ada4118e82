"""
`l4gate rollback`: back to the last configuration that earned a GO, and a new verdict.

An ABORT that no change is to blame for, or that has been answered, is not rolled back, with the reason.

Exit codes: 0 restored and GO, 10 refused or not proven, 20 restored but an abort alert still fires, 2 usage.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any, Final

from l4gate.base import Verdict
from l4gate.commands._operations import (
    FOLDER_OPTIONS,
    JUDGING_OPTIONS,
    live_server,
    needed_live_dir,
    needed_url,
    store_for,
)
from l4gate.commands._sound import ensure_sound_settings
from l4gate.operations import RolledBack, roll_back
from l4gate.report import Progress, decision_as_dict, decision_lines, plain_line
from l4gate.settings import Settings
from l4gate.verdict import judge_for

HELP: Final = "restore the last configuration that earned a GO, reload, and judge again"
OPTIONS: Final = (*JUDGING_OPTIONS, *FOLDER_OPTIONS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folders, the checkpoint and `--json`."""
    parser.add_argument(
        "--to",
        default="",
        metavar="HASH",
        help="the checkpoint to restore, whatever is live and was answered before (default: that of the last GO)",
    )
    parser.add_argument(
        "--list", action="store_true", help="only print what was answered to each ABORT, the newest last"
    )
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Rolls back and prints the new verdict."""
    if args.list:
        answers = store_for(settings, needed_live_dir(args, settings)).journal.answers()
        if args.json:
            print(json.dumps([asdict(each) for each in answers], indent=2, allow_nan=False))
        else:
            print("".join(plain_line(str(each)) + "\n" for each in answers), end="")
        return Verdict.GO.exit_code
    server = live_server(args, settings)
    ensure_sound_settings(settings)
    judge = judge_for(settings, needed_url(args, settings))
    with Progress() as progress:
        done = roll_back(
            server,
            store_for(settings, server.live_dir),
            judge,
            deadline_seconds=settings.deadline,
            to=args.to,
            progress=progress,
        )
    if args.json:
        print(json.dumps(as_dict(done), indent=2, allow_nan=False))
    else:
        print("\n".join(lines(done)))
    return done.verdict.exit_code


def lines(done: RolledBack) -> list[str]:
    """What was done, for people."""
    what = f"to {done.restored}, in place of {done.replaced_hash[:16]}"
    return [
        f"rolled back in {done.seconds:.1f} s {what}: {done.verdict.name}",
        *(line for look in done.looks for line in decision_lines(look.decision)),
    ]


def as_dict(done: RolledBack) -> dict[str, Any]:
    """What was done, for programs."""
    return {
        "verdict": done.verdict.name,
        "exit_code": done.verdict.exit_code,
        "restored": done.restored.hash,
        "replaced": done.replaced_hash,
        "seconds": round(done.seconds, 3),
        "realms": [decision_as_dict(look.decision) for look in done.looks],
    }
