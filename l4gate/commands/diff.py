"""
`l4gate diff`: whether a running server has the rules of this repository, and what differs.

Exit codes: 0 equal, 10 different or not answered, 2 usage.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from l4gate.base import ApiError, UsageError, Verdict, deadline
from l4gate.commands import decide
from l4gate.commands._operations import needed_url
from l4gate.lint import CONFIG_NAME
from l4gate.report import plain_line
from l4gate.rules import diff_rules, groups_from_api
from l4gate.settings import Settings
from l4gate.verdict import judge_for

HELP: Final = "compare the rules of a running server with the repository's: equal (exit 0) or not (10)"
OPTIONS: Final = (
    decide.OPTIONS
)  # which rules are expected and who is asked for the live ones: both must say the same


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folder and `--json`."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help=f"the folder with {CONFIG_NAME}, rules/ and targets/ (default: the repository's)",
    )
    parser.add_argument("--json", action="store_true", help="print the difference as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints what differs, as a diff from the repository's rules to the server's."""
    url = needed_url(args, settings)
    if settings.shard_urls:
        message = "diff compares the rules of one server, found --shard-url."
        raise UsageError(message, next_step="give the shard as --url, with the realms that it has.")
    folder: Path = settings.config_dir if args.folder is None else args.folder
    if not (folder / CONFIG_NAME).is_file():
        message = f"expected a folder with {CONFIG_NAME}, found none in {folder}."
        raise UsageError(message, next_step="name the folder, or call this from the repository's root.")
    judge = judge_for(replace(settings, config_dir=folder), url)
    asked = judge.rules_api.base_url
    try:
        with deadline(args.began + settings.deadline):
            live = groups_from_api(judge.rules_api.rules())
            difference = diff_rules(judge.expectation.groups, live, only_of=judge.expectation.only_of)
    except ApiError as error:
        if not args.json:
            raise
        print(json.dumps(_payload(asked, folder, answered=False, said=str(error)), indent=2))
        return Verdict.HOLD.exit_code
    if difference:
        said = (
            f"rules-differ: {asked} does not have the rules of {folder}/rules. "
            "Next: reload it with `l4gate reload`."
        )
    else:
        said = f"rules: {asked} has the rules of {folder}/rules"
    if args.json:
        print(json.dumps(_payload(asked, folder, answered=True, said=said, difference=difference), indent=2))
    else:
        print(*map(plain_line, difference.splitlines()), said, sep="\n")
    return (Verdict.HOLD if difference else Verdict.GO).exit_code


def _payload(url: str, folder: Path, *, answered: bool, said: str, difference: str = "") -> dict[str, object]:
    return {
        "equal": answered and not difference,
        "answered": answered,
        "url": url,
        "folder": str(folder),
        "difference": difference.splitlines(),
        "message": said,
    }
