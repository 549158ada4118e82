"""
`l4gate checkpoint`: keep what is live, if it earns a GO now.

Exit codes: 0 kept, 10 not kept (no GO, or the server runs something else), 20 ABORT, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, Final

from l4gate.base import Verdict, worst
from l4gate.commands._operations import (
    FOLDER_OPTIONS,
    JUDGING_OPTIONS,
    needed_live_dir,
    needed_url,
    store_for,
)
from l4gate.commands._sound import ensure_sound_settings
from l4gate.operations import KEEP, Checkpoint, UnusableCheckpoint, checkpoint, read_configuration
from l4gate.report import Progress, decision_lines, plain_line, utc
from l4gate.settings import Settings
from l4gate.verdict import judge_for

HELP: Final = "keep the live configuration for a rollback, if it earns a GO now"
OPTIONS: Final = (*JUDGING_OPTIONS, *FOLDER_OPTIONS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folders, how many are kept, `--list` and `--json`."""
    parser.add_argument(
        "--keep", type=int, default=KEEP, metavar="N", help="how many are kept (default: %(default)s)"
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="only print what is kept for the live folder, the newest first, and what is unusable, with the reason",
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Judges, and keeps the configuration on GO."""
    store = store_for(settings, needed_live_dir(args, settings), keep=args.keep)
    if args.list:
        _print(args, list(store.all()), store.unusable())
        return Verdict.GO.exit_code
    url = needed_url(args, settings)
    ensure_sound_settings(settings)
    judge = judge_for(settings, url)
    before = read_configuration(store.live_dir)
    with Progress() as progress:
        looks = judge.judge(settings.deadline, progress=progress)
    verdict = worst(look.decision.verdict for look in looks)
    if verdict is not Verdict.GO:
        print(f"nothing was kept: expected GO, found {verdict.name}", file=sys.stderr)
        for look in looks:
            for line in decision_lines(look.decision):
                print(line, file=sys.stderr)
        return verdict.exit_code
    _print(args, [checkpoint(store, judge, looks, factor=settings.factor, before=before)])
    return Verdict.GO.exit_code


def as_dict(kept: Checkpoint) -> dict[str, Any]:
    """A checkpoint for programs, without its evidence, which stands in its manifest."""
    return {
        "hash": kept.hash,
        "earned_at": utc(kept.earned_at),
        "rules_hash": kept.manifest.get("rules_hash"),
        "folder": str(kept.folder),
    }


def _print(
    args: argparse.Namespace, kept: list[Checkpoint], unusable: tuple[UnusableCheckpoint, ...] = ()
) -> None:
    spoilt = {each.folder for each in unusable}
    usable = [each for each in kept if each.folder not in spoilt]
    if args.json:
        listed = [*map(as_dict, usable), *map(_unusable_as_dict, unusable)]
        print(json.dumps(listed, indent=2))
    else:
        for each in usable:
            print(plain_line(f"{each} {each.folder}"))
        for none in unusable:
            print(plain_line(str(none)))


def _unusable_as_dict(each: UnusableCheckpoint) -> dict[str, Any]:
    return {"hash": each.folder.name, "unusable": each.reason, "folder": str(each.folder)}
