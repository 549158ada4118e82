"""`l4gate faults`: the catalogue of faults, and one of them on a stack of our own for a game day."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from typing import Final

from l4gate.base import UsageError, Verdict
from l4gate.faults import Observation, all_faults, expect_go, faults_as_data, find_fault, is_go
from l4gate.report import Progress, decision_lines
from l4gate.settings import Settings

HELP: Final = "list the catalogue of faults, or inject one into a stack of our own (a game day)"
OPTIONS: Final = ("stack", "url", "realm", "factor", "generation", "config-dir", "cache-dir", "keep-stack")
_HELD_SECONDS: Final = 15.0  # at factor 60 long enough for a stale heartbeat to become an abort
_HEALING_SECONDS: Final = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the two actions."""
    parser.add_argument("action", choices=("list", "inject"), help="print the catalogue, or inject one fault")
    parser.add_argument("id", nargs="?", help="the fault to inject, as `list` prints it")
    parser.add_argument("--json", action="store_true", help="list: print JSON")
    parser.add_argument(
        "--seconds",
        type=float,
        default=_HELD_SECONDS,
        help=f"inject: heal after so long ({_HELD_SECONDS:g}), or at Ctrl-C",
    )


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Lists (exit code 0), or injects: 0 if the stack was GO again after healing, else HOLD (10)."""
    if args.action == "inject":
        if not args.id:
            message = "inject needs the id of a fault."
            raise UsageError(message, next_step="`l4gate faults list` prints them.")
        return _inject(args.id, args.seconds, settings)
    if args.id:
        message = f"list takes no id, found {args.id!r}."
        raise UsageError(message)
    if args.json:
        print(json.dumps(faults_as_data(all_faults(settings.contract)), indent=2))
    else:
        for fault in all_faults(settings.contract):
            print(f"{fault.id:<36}{fault.expected:<44}{fault.says}")
    return 0


def _inject(fault_id: str, seconds: float, settings: Settings) -> int:
    from l4gate.faults import open_site

    fault = find_fault(fault_id, settings.contract)
    if settings.url is None and (reason := fault.needs()):
        raise UsageError(f"{fault.id} cannot be injected here: {reason}.")
    with Progress() as progress, open_site(settings, progress.say) as site:
        stack = site.sandbox.stack
        if stack.kind not in fault.stacks:
            raise UsageError(f"{fault.id} is for {', '.join(fault.stacks)}, this stack is {stack.kind}.")
        print(
            f"{stack.kind}: Prometheus {stack.prometheus_url}, Pushgateway {stack.pushgateway_url}",
            file=sys.stderr,
        )
        expect_go(site)
        print(f"GO; injecting {fault.id}: {fault.says} Expected: {fault.expected}.", file=sys.stderr)
        with fault.action(site):
            _follow(Observation(site), seconds)
        print(f"healed {fault.id}", file=sys.stderr)
        healing = Observation(site)
        healed = healing.until(is_go, _HEALING_SECONDS)
        for line in decision_lines(healing.look()):
            print(line)
    return (Verdict.GO if healed else Verdict.HOLD).exit_code


def _follow(observed: Observation, seconds: float) -> None:
    """Prints each change of the verdict until the time is over or Ctrl-C."""
    pause = threading.Event()
    shown = 0
    try:
        while observed.seconds < seconds:
            decision = observed.look()
            if len(observed.trail) > shown:
                shown = len(observed.trail)
                print(f"after {observed.seconds:.1f} s: {decision.verdict.name}")
                for line in decision_lines(decision):
                    print(line)
            pause.wait(0.1)
    except KeyboardInterrupt:
        print("interrupted: healing", file=sys.stderr)
