"""
Which time factor a sandbox bears: runs of GO, silence, ABORT, new beats, GO beside busy neighbours, and the wrong ones.

`python -m benchmarks.factor --factor 60 --factor 120 --runs 200`. A run is wrong if a healthy stack is not GO in time
or ABORTs, or if silence does not become ABORT by the writer, or does so before its time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fixtures.contract import ABORT_FOR_SECONDS, FRESH_LIMIT_SECONDS
from l4gate.base import Verdict, wait_until
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import GATE_FACTOR, load_settings

_RUNS_PER_STACK = 20  # then a new one: a cold start is a part of what may go wrong
_HEALTHY_EVALUATIONS = 10
_GO_SECONDS = 20.0
_ROOM_SECONDS = 10.0


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Processes that keep a core busy each."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def wrong(sandbox: Sandbox, *, cold: bool) -> str:
    """What was wrong with one run, or nothing. Unless the stack is cold, it begins in the ABORT of the run before."""
    judge, pace = sandbox.judge, sandbox.pace
    (look,) = judge.judge(_GO_SECONDS, until=frozenset({Verdict.GO, *([Verdict.ABORT] if cold else ())}))
    if look.decision.verdict is not Verdict.GO:
        return f"{look.decision.verdict.name} in place of GO: {look.decision.cause}"
    until = time.monotonic() + _HEALTHY_EVALUATIONS * pace.rule_interval
    seen: list[str] = []

    def looked() -> bool:
        (look,) = judge.look()
        if look.decision.verdict is Verdict.ABORT:
            seen.append(f"ABORT of a healthy stack: {look.decision.cause}")
        return time.monotonic() >= until

    wait_until(
        looked, deadline_seconds=_GO_SECONDS, interval_seconds=pace.rule_interval / 2, what="a healthy time"
    )
    sandbox.heart.stop()
    began = time.monotonic()
    bound = (FRESH_LIMIT_SECONDS + ABORT_FOR_SECONDS) / pace.factor
    (look,) = judge.judge(bound + _ROOM_SECONDS, until=frozenset({Verdict.ABORT}))
    seconds, cause = time.monotonic() - began, look.decision.cause
    sandbox.heart.start()
    if look.decision.verdict is not Verdict.ABORT or cause is None or cause.id != "writer/stale":
        seen.append(f"{look.decision.verdict.name} in place of ABORT by writer/stale: {cause}")
    if seconds < ABORT_FOR_SECONDS / pace.factor:
        seen.append(f"ABORT after {seconds:.2f} s, before its time")
    return "; ".join(seen)


def trial(factor: float, runs: int, stack: str) -> list[str]:
    """What was wrong with each wrong run."""
    settings = load_settings({"stack": stack, "factor": f"{factor:g}"})
    found: list[str] = []
    done = 0
    while done < runs:
        with open_sandbox(settings) as sandbox:
            for number in range(min(_RUNS_PER_STACK, runs - done)):
                done += 1
                why = wrong(sandbox, cold=number == 0)
                if why:
                    found.append(f"run {done}: {why}")
                    print(f"factor {factor:g}, {found[-1]}", file=sys.stderr, flush=True)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a line for each factor; 1 if a run at the factor of the gate was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.factor", description=__doc__)
    parser.add_argument("--factor", action="append", type=float, help="repeatable; that of the gate")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--stack", choices=("processes", "containers"), default="processes")
    parser.add_argument("--neighbours", type=int, default=os.cpu_count(), help="busy processes beside it")
    args = parser.parse_args(argv)
    broken = False
    for factor in args.factor or [GATE_FACTOR]:
        began = time.monotonic()
        with neighbours(args.neighbours):
            found = trial(factor, args.runs, args.stack)
        broken |= bool(found) and factor == GATE_FACTOR
        print(
            f"factor {factor:g}: {len(found)} of {args.runs} runs wrong beside {args.neighbours} busy processes, "
            f"{(time.monotonic() - began) / args.runs:.1f} s a run",
            flush=True,
        )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
