"""
`l4gate lint`: the checks of obs-lint, and whether a running server has the rules of this repository.

Exit codes: 0 nothing to mend, 10 something to mend or a check that could not be made, 2 usage.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from l4gate.errors import GateError
from l4gate.lint.engine import lint
from l4gate.lint.output import as_github, as_json, as_text
from l4gate.promtool import Promtool, host_promtool
from l4gate.settings import Settings
from l4gate.verdict import Verdict

HELP: Final = "check the Prometheus configuration and rules; with --url, compare a server's rules with them"
OPTIONS: Final = ("url", "generation", "cache-dir", "foreign-rules", "bearer-token-file", "basic-auth-file")
_TIMEOUT_SECONDS: Final = 10.0  # one small answer; a server that takes longer is in trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folder, the choice of checks and the form of the output."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="the folder with prometheus.yml, rules/ and targets/ (default: the repository's)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="a check (realm/label) or an area (realm); repeatable",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the findings as JSON")
    form.add_argument(
        "--github",
        action="store_true",
        default=os.environ.get("GITHUB_ACTIONS") == "true",
        help="also print annotations for GitHub (default inside GitHub Actions)",
    )


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Lints the folder, or compares it with the server of `--url`."""
    folder: Path = settings.config_dir if args.folder is None else args.folder
    if settings.url is not None:
        return _compare(folder, settings)
    promtool, why = _promtool(settings)
    report = lint(folder, promtool=promtool, why_no_promtool=why, only=args.only)
    if args.json:
        print(as_json(report))
    else:
        if args.github and report.findings:
            print(as_github(report))
        print(as_text(report))
    return (Verdict.GO if report.clean else Verdict.HOLD).exit_code


def _promtool(settings: Settings) -> tuple[Promtool | None, str]:
    """promtool, or why there is none: the checks that need none are made all the same."""
    try:
        return host_promtool(settings.generation, settings.cache_dir), ""
    except GateError as error:
        return None, str(error)


def _compare(folder: Path, settings: Settings) -> int:
    """Prints what differs between the rules of the folder and those of the server, as a diff."""
    from l4gate.api import PrometheusApi  # brings HTTP, which the lint itself does without
    from l4gate.rules import diff_rules, groups_from_api, load_rules

    expected = load_rules(folder)
    api = PrometheusApi(
        str(settings.url),
        timeout_seconds=_TIMEOUT_SECONDS,
        bearer_token_file=settings.bearer_token_file,
        basic_auth_file=settings.basic_auth_file,
    )
    difference = diff_rules(expected, groups_from_api(api.rules()), foreign=settings.foreign_rules)
    if not difference:
        print(f"rules: {settings.url} has the rules of {folder}/rules")
        return Verdict.GO.exit_code
    print(difference)
    print(
        f"rules-differ: {settings.url} does not have the rules of {folder}/rules. Next: reload it with `l4gate reload`."
    )
    return Verdict.HOLD.exit_code
