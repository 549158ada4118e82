"""
`l4gate lint`: the checks of obs-lint. Whether a running server has these rules is another question: `l4gate diff`.

Exit codes: 0 nothing to mend, 10 something to mend or a check that could not be made, 2 usage.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from l4gate.base import GateError, Verdict
from l4gate.contract import CONTRACT_NAME
from l4gate.lint import as_github, as_json, as_junit, as_text, lint
from l4gate.programs import Promtool, host_promtool
from l4gate.settings import Settings

HELP: Final = "check the Prometheus configuration and rules"
OPTIONS: Final = ("generation", "cache-dir", "config-dir")


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
    parser.add_argument(
        "--junit", type=Path, metavar="FILE", help="also write JUnit XML: a test case per check"
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
    """Lints the folder; a JUnit file of an older run is gone before anything can go wrong with this one."""
    folder: Path = settings.config_dir if args.folder is None else args.folder
    if args.junit is not None:
        _written(args.junit, lambda: args.junit.unlink(missing_ok=True))
    promtool, why = _promtool(settings)
    held_to = None if (folder / CONTRACT_NAME).exists() else settings.contract
    report = lint(folder, promtool=promtool, why_no_promtool=why, only=args.only, contract=held_to)
    if args.json:
        print(as_json(report))
    else:
        if args.github and (report.findings or report.waived):
            print(as_github(report))
        print(as_text(report))
    if args.junit is not None:
        from l4gate.report import write_atomically

        _written(args.junit, lambda: write_atomically(args.junit, as_junit(report)))
    return (Verdict.GO if report.clean else Verdict.HOLD).exit_code


def _promtool(settings: Settings) -> tuple[Promtool | None, str]:
    """promtool, or why there is none: the checks that need none are made all the same."""
    try:
        return host_promtool(settings.generation, settings.cache_dir), ""
    except GateError as error:
        return None, str(error)


def _written(path: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        message = f"expected to write {path}, found: {error.strerror or error}."
        raise GateError(message, next_step="name a file in a folder of your own with --junit.") from None
