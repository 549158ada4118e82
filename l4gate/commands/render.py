"""
`l4gate render`: the configuration for other realms, or for a fleet of them, as files that a server can load.

Exit codes: 0 written, 2 usage.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from l4gate.base import UsageError, why
from l4gate.rules import all_rules, load_rules, render
from l4gate.settings import Settings

HELP: Final = "write the configuration for the realms that are given: one rule set for all of them"
OPTIONS: Final = ("realm", "config-dir")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folder."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new or empty folder to write it into")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Writes prometheus.yml, rules/ and targets/; never over anything."""
    folder: Path = args.folder
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if taken:
            message = f"expected a new or empty folder, found {str(folder)!r}, which has something in it."
            raise UsageError(message, next_step="name another; live files are switched by `l4gate reload`.")
        render(settings.config_dir, folder, factor=1, realms=settings.fleet, addresses={})
        rules = len(all_rules(load_rules(folder)))
    except OSError as error:
        message = f"expected a folder to write to, found {str(folder)!r}: {why(error)}."
        raise UsageError(message) from None
    realms = settings.fleet
    of = (
        f"realm {realms[0]}"
        if len(realms) == 1
        else f"{len(realms)} realms, from {realms[0]} to {realms[-1]}"
    )
    print(f"{folder}: {rules} rules for {of}")
    return 0
