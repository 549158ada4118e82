"""`l4gate doctor`: what a run would find on this machine, and what dead runs have left behind."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from l4gate.binaries import find_program
from l4gate.errors import GateError
from l4gate.rules import load_rules, rules_hash
from l4gate.settings import Settings
from l4gate.stack.engine import find_engine
from l4gate.stack.reaper import reap, survey
from l4gate.verdict import Verdict

HELP: Final = (
    "say what a run would find here: Python, programs, container engine, rules, leftovers of dead runs"
)
OPTIONS: Final = ("generation", "cache-dir", "config-dir")
_PROGRAMS: Final = ("prometheus", "promtool", "pushgateway", "node_exporter")
_TOOLS: Final = ("bash", "curl", "flock")  # what scripts/ops/textfile_heartbeat.sh needs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--json` and `--reap`."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--reap", action="store_true", help="remove what dead runs left behind, kept stacks included"
    )


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Looks at everything that a sandbox run needs; HOLD (10) if it could not start one."""
    findings = [
        ("python", *_asked(lambda: f"{platform.python_version()} at {sys.executable}")),
        *((name, *_asked(partial(_program, name, settings))) for name in _PROGRAMS),
        *((name, *_asked(partial(_tool, name))) for name in _TOOLS),
        ("rules", *_asked(lambda: _rules(settings))),
    ]
    engine = _asked(lambda: find_engine().host)
    leftovers = reap(engine=True, include_kept=True) if args.reap else survey()
    ready = all(good for _, good, _ in findings)
    if args.json:
        payload = {
            "ready": ready,
            "findings": {name: {"ok": good, "found": found} for name, good, found in findings},
            "engine": {"ok": engine[0], "found": engine[1]},
            "leftovers": [str(each) for each in leftovers],
            "reaped": args.reap,
        }
        print(json.dumps(payload, indent=2))
    else:
        for name, good, found in findings:
            print(f"{'ok  ' if good else 'MISS'} {name:<14} {found}")
        # No engine is no fault: the processes stack needs none.
        print(f"{'ok  ' if engine[0] else 'none'} {'engine':<14} {engine[1]}")
        for each in leftovers:
            print(f"{'gone' if args.reap else 'left'} {each}")
        if leftovers and not args.reap:
            print("     the next run removes what is not kept; l4gate doctor --reap removes all of it now")
        print("ready: a sandbox can be started here" if ready else "not ready: mend the lines that say MISS")
    return (Verdict.GO if ready else Verdict.HOLD).exit_code


def _asked(question: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, question()
    except GateError as error:
        return False, str(error)


def _program(name: str, settings: Settings) -> str:
    program = find_program(name, settings.generation, settings.cache_dir)
    return f"{program.version} ({program.origin})"


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"no {name} on PATH: the heartbeat script needs it."
        raise GateError(message, next_step=f"install {name}.")
    return found


def _rules(settings: Settings) -> str:
    groups = load_rules(settings.config_dir)
    count = sum(len(group.rules) for group in groups)
    return f"{count} in {settings.config_dir}, sha256 {rules_hash(groups)[:16]}"
