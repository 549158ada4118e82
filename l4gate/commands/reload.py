"""
`l4gate reload`: check, reload, and prove that the new configuration is the live one.

Exit codes: 0 live and proven, 10 refused or not proven (the message says what is live), 2 usage.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from l4gate.base import Verdict
from l4gate.commands._operations import live_server
from l4gate.operations import read_configuration, reload_live
from l4gate.settings import Settings

HELP: Final = "check a configuration, make it live, and prove that the server runs it"
OPTIONS: Final = (
    "url",
    "realm",
    "factor",
    "rules-url",
    "scrape-url",
    "shard-url",
    "foreign-rules",
    "bearer-token-file",
    "basic-auth-file",
    "header-file",
    "client-cert",
    "client-key",
    "cache-dir",
    "live-dir",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the source, the live folder and `--json`."""
    parser.add_argument(
        "source",
        nargs="?",
        type=Path,
        metavar="SOURCE",
        help="the folder to make live; without it, the files that stand in the live folder are reloaded",
    )
    parser.add_argument("--json", action="store_true", help="print what is live as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Reloads and prints what is proven."""
    server = live_server(args, settings)
    done = reload_live(server, read_configuration(args.source) if args.source else None)
    if args.json:
        print(json.dumps(asdict(done), indent=2))
    else:
        print(
            f"live: {server.api.base_url} runs {done.rules} rules in {done.groups} groups from {server.live_dir}, "
            f"rules {done.rules_hash[:16]}, files {done.content_hash[:16]}; "
            f"checked by promtool {done.promtool_version} ({done.promtool_origin}), proven in {done.seconds:.1f} s"
        )
    return Verdict.GO.exit_code
