"""
What is asked of fresh stacks beside a busy neighbour: reloads, GO of what is healthy, the end of a dead writer.

Long because the three are made on the same stacks, by the same two processes.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final, TypeVar

from benchmarks.factor import neighbours
from benchmarks.outcome import AT_A_TIME, Outcome, share, two_at_a_time
from fixtures.contract import (
    DEFAULT_REALM,
    FRESH,
    FRESH_LIMIT_SECONDS,
    JOB_PROMETHEUS,
    JOB_PUSHGATEWAY,
    RAW_TS,
    REALM_LABEL,
    RULE_INTERVAL_SECONDS,
    SCRAPE_INTERVAL_SECONDS,
)
from fixtures.writer import exposed
from l4gate.base import GateError, NotReady, StackError, Verdict, format_duration, wait_until
from l4gate.operations import Configuration, LiveServer, read_configuration, reload_live
from l4gate.rules import groups_from_api, rules_hash
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import Settings
from l4gate.stack import find_engine

RELOADS: Final = 5  # on one stack
RELOADING_SECONDS: Final = 100.0  # this and the next: then no stack is begun
LIVING_SECONDS: Final = 120.0
DETECTED_WITHIN: Final = FRESH_LIMIT_SECONDS + SCRAPE_INTERVAL_SECONDS + RULE_INTERVAL_SECONDS
_NEIGHBOURS: Final = 1
_ROOM_SECONDS: Final = 10.0  # on top of twice the bound, for a detection that is late to be told from none

RELOADED: Final = (
    f"a fresh stack, beside a process that keeps a core busy, on which {RELOADS} safe reloads follow each other, each "
    "to a configuration drawn at random; those of one stack are not independent, so it went wrong if any of them did, "
    "which is at least as likely as that one does"
)
STARTED: Final = "a fresh stack beside a process that keeps a core busy; it must be GO by the deadline"
STOPPED: Final = (
    "the writer of a fresh stack that has been GO, beside a process that keeps a core busy; once it is stopped, "
    f"{FRESH} must end within {DETECTED_WITHIN:.0f} s of production time since its last beat"
)

Made = TypeVar("Made")


@dataclass(frozen=True)
class Reloads:
    """Of one stack: how many reloads were made, and what each failed one said."""

    kind: str
    made: int
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Life:
    """Of one stack: seconds until GO and, in production time, from the last beat to its end being seen; None: never."""

    kind: str
    go: float | None
    why_not: str = ""
    detected: float | None = None


def failed_reloads(settings: Settings) -> Outcome:
    """Safe reloads, and whether exactly those rules and files are live afterwards."""
    found = _on_fresh_stacks(_reloads, settings, RELOADING_SECONDS)
    words = [said for each in found for said in each.failed]
    how = (
        f"{share(len(words), sum(each.made for each in found))} reloads failed; {_kinds_of(found, settings)}"
    )
    return Outcome(len(found), sum(bool(each.failed) for each in found), how + _first(words))


def missed_go(settings: Settings) -> Outcome:
    """Fresh stacks, and whether each is GO in time."""
    lives = _lives(settings)
    took = sorted(each.go for each in lives if each.go is not None)
    how = f"GO {took[0]:.1f} to {took[-1]:.1f} s after the stack was up; " if took else ""
    words = [each.why_not for each in lives if each.go is None]
    return Outcome(len(lives), len(words), f"{how}{_kinds_of(lives, settings)}{_first(words)}")


def late_detections(settings: Settings) -> Outcome:
    """The same stacks after their GO, and when the recorded freshness said that the writer is dead."""
    lives = [each for each in _lives(settings) if each.go is not None]
    if not lives:
        message = "expected a writer to stop on a stack that was GO, found no such stack."
        raise StackError(message)
    took = sorted(each.detected for each in lives if each.detected is not None)
    how = (
        f"On the stacks of the claim before that were GO: detected after {took[0]:.0f} to {took[-1]:.0f} s. "
        if took
        else ""
    )
    late = [each for each in lives if each.detected is None or each.detected > DETECTED_WITHIN]
    return Outcome(len(lives), len(late), how + f"{len(lives) - len(took)} were not detected at all.")


@cache
def _lives(settings: Settings) -> tuple[Life, ...]:
    """The stacks that two claims are measured on, made once."""
    return _on_fresh_stacks(_life, settings, LIVING_SECONDS)


def _on_fresh_stacks(
    trial: Callable[[Settings, int], Made], settings: Settings, seconds: float
) -> tuple[Made, ...]:
    """Trials on stacks of each kind in turn, until the time is over or none of the first could be made."""
    kinds, end = kinds_to_try(settings.stack), time.monotonic() + seconds
    with neighbours(_NEIGHBOURS):
        parts = two_at_a_time(partial(_slot, trial, settings, tuple(kinds), end), range(AT_A_TIME))
    found = tuple(each for part in parts for each in part)
    if not found:
        message = f"expected stacks within {seconds:g} s, found none."
        raise StackError(message)
    return found


def _slot(
    trial: Callable[[Settings, int], Made], settings: Settings, kinds: Sequence[str], end: float, slot: int
) -> list[Made]:
    found = []
    number = slot
    while time.monotonic() < end:
        kind = kinds[(number // AT_A_TIME + slot) % len(kinds)]
        found.append(trial(replace(settings, stack=kind, keep_stack=False), number))
        number += AT_A_TIME
    return found


def kinds_to_try(asked: str) -> list[str]:
    """The kinds of stack that trials take in turn: both where an engine answers, unless one was asked for."""
    if asked != "auto":
        return [asked]
    try:
        find_engine()
    except StackError:
        return ["processes"]
    return ["processes", "containers"]


def _kinds_of(found: Sequence[Reloads] | Sequence[Life], settings: Settings) -> str:
    counts = Counter(each.kind for each in found)
    said = ", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items()))
    without = settings.stack == "auto" and "containers" not in counts
    return f"stacks: {said}" + (", as no container engine answers" if without else "") + "."


def _first(words: Sequence[str]) -> str:
    return f" Seen, the first: {' '.join(words[0].split())}" if words else ""


def _reloads(settings: Settings, number: int) -> Reloads:
    made, failed = 0, []
    try:
        with open_sandbox(settings) as sandbox:
            server = LiveServer.of_stack(sandbox.stack)
            base = read_configuration(server.live_dir)
            draw = random.Random(number)  # noqa: S311 - the same every time
            before = base
            for _ in range(RELOADS):
                wanted = before
                while wanted.hash == before.hash:
                    wanted = drawn(base, sandbox, draw)
                made += 1
                said = _reload(server, sandbox, wanted)
                failed += [said] if said else []
                before = read_configuration(server.live_dir)
    except GateError as error:
        failed.append(f"the stack of trial {number}: {error}")
    return Reloads(settings.stack, made, tuple(failed))


def _reload(server: LiveServer, sandbox: Sandbox, wanted: Configuration) -> str:
    """What was wrong with one reload, asked of the server once more; or nothing."""
    try:
        reload_live(server, wanted)
    except GateError as error:
        return str(error)
    live = rules_hash(groups_from_api(sandbox.judge.api.rules()))
    if live != rules_hash(wanted.rules()) or read_configuration(server.live_dir).hash != wanted.hash:
        return "the reload said that the configuration is live, and other rules or files are"
    return ""


def drawn(base: Configuration, sandbox: Sandbox, draw: random.Random) -> Configuration:
    """A configuration at random: that of the stack and a group of one to five rules, each over a time of its own."""
    interval = format_duration(sandbox.pace.rule_interval)
    lines = ["groups:", "  - name: drawn", f"    interval: {interval}", "    rules:"]
    for number in range(draw.randint(1, 5)):
        job, beats = draw.choice((JOB_PROMETHEUS, JOB_PUSHGATEWAY)), draw.randint(6, 60)
        window = format_duration(round(beats * sandbox.pace.beat_interval, 3))
        lines += [
            f"      - record: realm:drawn_{number}:min",
            "        expr: |",
            f"          min by ({REALM_LABEL}) (",
            f'            min_over_time(up{{{REALM_LABEL}="{DEFAULT_REALM}", job="{job}"}}[{window}])',
            "          )",
            "        labels:",
            f"          {REALM_LABEL}: {DEFAULT_REALM}",
        ]
    return Configuration(
        {**base.files, "rules/drawn.rules.yml": ("\n".join(lines) + "\n").encode()}, base.access
    )


def _life(settings: Settings, number: int) -> Life:
    try:
        with open_sandbox(settings) as sandbox:
            began = time.monotonic()
            (look,) = sandbox.judge.judge(settings.deadline, until=frozenset({Verdict.GO}))
            if look.decision.verdict is not Verdict.GO:
                return Life(settings.stack, None, f"{look.decision.verdict.name}: {look.decision.cause}")
            return Life(settings.stack, time.monotonic() - began, detected=_detected(sandbox))
    except GateError as error:  # a stack that does not come up is not GO either
        return Life(settings.stack, None, f"the stack of trial {number}: {error}")


def _detected(sandbox: Sandbox) -> float | None:
    """Stops the writer: from its last beat until the recorded freshness ended, in production time; None for never."""
    api, factor = sandbox.judge.api, sandbox.pace.factor
    window = round(4_000 * DETECTED_WITHIN / factor)
    asked = f'{FRESH}{{{REALM_LABEL}="{DEFAULT_REALM}"}}[{window}ms]'
    sandbox.heart.stop()
    file = sandbox.stack.textfile_dir / f"{RAW_TS}.prom"
    beat = float(exposed(file.read_text(encoding="utf-8"))[RAW_TS].sample.value)

    def stale_since() -> float:
        series = api.query(asked).series
        late = [each.at for one in series for each in one.samples if each.at > beat and each.value != 1]
        return min(late, default=0.0)

    try:
        seen = wait_until(
            stale_since,
            deadline_seconds=2 * DETECTED_WITHIN / factor + _ROOM_SECONDS,
            interval_seconds=sandbox.pace.rule_interval / 4,
            what="the freshness of a dead writer to end",
        )
    except NotReady:
        return None
    return (seen - beat) * factor
