"""`l4gate doctor`: what a run would find on this machine, and what dead runs have left behind."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from l4gate.base import GateError, Verdict
from l4gate.programs import find_program, is_named
from l4gate.rules import load_rules, rules_hash
from l4gate.settings import ADVISORY_PROGRAMS, PROGRAMS, InForce, Settings, in_force
from l4gate.stack import find_engine, remove_leftovers, survey

HELP: Final = (
    "say what a run would find here: programs, container engine, rules, settings, leftovers of dead runs"
)
OPTIONS: Final = ("generation", "cache-dir", "config-dir")
_CHECKER: Final = "promtool"  # the gates rules/lint and rules/unit-tests run it on this host
_TOOLS: Final = ("bash", "curl", "flock")  # what scripts/ops/textfile_heartbeat.sh needs
_PROGRAMS_NEEDED: Final = (
    "put the programs on PATH, or name them (L4_PROMETHEUS=/path/to/prometheus), or use Debian, where apt can "
    "fetch them"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--json` and `--reap`."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--reap", action="store_true", help="remove what dead runs left behind, kept stacks included"
    )


@dataclass(frozen=True)
class Prerequisite:
    """
    What was looked for, whether it is there, and what was found.

    Attributes:
        wanted: the generation that was asked for, when the program is of another one.
        why: why that one could not be had.
        spare: whether a run can do without, when an engine answers.
        advisory: whether a run can do without, and nobody is told of an ABORT then.
    """

    name: str
    ok: bool
    found: str
    wanted: str = ""
    why: str = ""
    spare: bool = False
    advisory: bool = False

    def line(self, missing: str) -> str:
        """A line for people, with a mark in front; `missing` is the one for what is not there."""
        mark = "near" if self.wanted else "ok" if self.ok else missing
        return f"{mark:<4} {self.name:<14} {self.found}"

    def fields(self) -> dict[str, Any]:
        """The same for JSON."""
        other = {"wanted": self.wanted, "why": self.why} if self.wanted else {}
        return {"ok": self.ok, "found": self.found, **other}


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Looks at everything that a sandbox run needs; HOLD (10) if it could not start one."""
    findings = [
        _asked("python", lambda: f"{platform.python_version()} at {sys.executable}"),
        *(_program(name, settings) for name in PROGRAMS),
        *(_asked(name, partial(_tool, name)) for name in _TOOLS),
        _asked("rules", lambda: _rules(settings)),
    ]
    engine = _asked("engine", lambda: find_engine().host)
    leftovers = survey()
    gone = remove_leftovers(leftovers) if args.reap else []
    in_use = in_force(vars(args))
    ready, advice = _advice(findings, engine, in_use)
    if args.json:
        payload = {
            "ready": ready,
            "advice": advice,
            "findings": {each.name: each.fields() for each in findings},
            "engine": engine.fields(),
            "settings": {each.env: _fields(each) for each in in_use},
            "leftovers": [str(each) for each in leftovers],
            "reaped": args.reap,
        }
        print(json.dumps(payload, indent=2))
    else:
        for each in findings:
            print(each.line("none" if each.advisory or (each.spare and engine.ok) else "MISS"))
        print(engine.line("none"))  # no engine is no fault: the processes stack needs none
        for setting in in_use:
            print(_line(setting))
        for why in dict.fromkeys(each.why for each in findings if each.why):
            print(f"why  {why}")
        for left in leftovers:
            print(f"{'gone' if left in gone else 'left'} {left}")
        if leftovers and not args.reap:
            print("     the next run removes what is not kept; l4gate doctor --reap removes all of it now")
        print(advice)
    return (Verdict.GO if ready else Verdict.HOLD).exit_code


def _line(setting: InForce) -> str:
    """A setting for people: what is in force and where it is from, and what is wrong with it."""
    wrong = f": {setting.wrong}" if setting.wrong else ""
    return f"{'BAD' if wrong else 'set':<4} {setting.env:<24} {setting.value} ({setting.origin}){wrong}"


def _fields(setting: InForce) -> dict[str, str]:
    """The same for JSON."""
    wrong = {"wrong": setting.wrong} if setting.wrong else {}
    return {"value": setting.value, "origin": setting.origin, **wrong}


def _advice(
    findings: Sequence[Prerequisite], engine: Prerequisite, settings: Sequence[InForce]
) -> tuple[bool, str]:
    """Whether a sandbox can be started, and of what kind; if not, what to do."""
    bad = [each.env for each in settings if each.wrong]
    if bad:
        return False, f"not ready: correct or unset {', '.join(bad)}"
    missing = [each for each in findings if not each.ok and not each.advisory]
    if any(not each.spare for each in missing):
        return False, "not ready: mend the lines that say MISS"
    if _CHECKER in {each.name for each in missing}:
        return False, f"not ready: {_PROGRAMS_NEEDED}; {_CHECKER} is needed beside a container engine too"
    if missing and not engine.ok:
        return False, f"not ready: {_PROGRAMS_NEEDED}, or start a container engine"
    if missing:
        return True, f"ready: containers, if their images can be had; for all else, {_PROGRAMS_NEEDED}"
    if not engine.ok:
        return True, "ready: a sandbox can be started here, of processes; containers need an engine"
    return True, "ready: a sandbox can be started here, of processes or of containers"


def _asked(name: str, question: Callable[[], str]) -> Prerequisite:
    try:
        return Prerequisite(name, True, question())
    except GateError as error:
        return Prerequisite(name, False, str(error))


def _program(name: str, settings: Settings) -> Prerequisite:
    try:
        program = find_program(name, settings.generation, settings.cache_dir)
    except GateError as error:
        advisory = name in ADVISORY_PROGRAMS
        return Prerequisite(name, False, str(error), spare=not is_named(name), advisory=advisory)
    found = f"{program.version} ({program.source})"
    if program.wanted:
        found = f"wanted generation {program.wanted}, found {found}"
    return Prerequisite(name, True, found, program.wanted, program.why)


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
