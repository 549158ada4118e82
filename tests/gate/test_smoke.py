"""
The scenario that proves that the gate can say no: the heartbeat stops, ABORT follows, it recovers, GO follows.

Scaled by the sandbox's time factor. Runs last, because it breaks what the other gates judge.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from fixtures.judging import hold
from fixtures.recorder import RunState
from l4gate.commands.decide import Progress
from l4gate.contract import ABORT_FOR_SECONDS, FRESH_LIMIT_SECONDS
from l4gate.decide import Look
from l4gate.report.model import Event
from l4gate.sandbox import Sandbox
from l4gate.settings import Settings
from l4gate.verdict import Verdict

pytestmark = [pytest.mark.l4_gate, pytest.mark.sandbox_smoke_60s]

_ROOM_SECONDS = 10.0  # on top of the theoretical bound, for a busy machine


@dataclass(frozen=True)
class Silence:
    """What came of stopping the heartbeat: seconds from the last beat, and the look that ended the wait."""

    seconds: float
    look: Look


@pytest.fixture(scope="module")
def silence(
    sandbox: Sandbox, looks: dict[str, Look], settings: Settings, run_state: RunState, progress: Progress
) -> Silence:
    """Stops the heartbeat and waits for ABORT."""
    for look in looks.values():
        if look.decision.verdict is not Verdict.GO:
            pytest.fail(f"the scenario starts from GO, found {look.decision.verdict.name}", pytrace=False)
    sandbox.heart.stop()
    began = time.monotonic()
    run_state.events.append(Event(time.time(), "heartbeat", "stopped"))
    bound = (FRESH_LIMIT_SECONDS + ABORT_FOR_SECONDS) / settings.factor
    slack = 2 * sandbox.pace.scrape_interval + 3 * sandbox.pace.rule_interval
    (look,) = sandbox.judge.judge(
        bound + slack + _ROOM_SECONDS, until=frozenset({Verdict.ABORT}), progress=progress
    )
    run_state.events.append(Event(time.time(), "verdict", look.decision.verdict.name))
    return Silence(time.monotonic() - began, look)


@pytest.mark.gate("smoke/abort")
def test_silence_aborts_and_not_too_early(silence: Silence, settings: Settings) -> None:
    """A stopped heartbeat MUST become ABORT, its cause MUST be the writer, and never before `for` has passed."""
    decision = silence.look.decision
    earliest = (FRESH_LIMIT_SECONDS + ABORT_FOR_SECONDS - 60) / settings.factor

    if decision.verdict is not Verdict.ABORT or decision.cause is None or decision.cause.id != "writer/stale":
        found = f"{decision.verdict.name} after {silence.seconds:.1f} s: {decision.cause}"
        hold(f"expected ABORT by writer/stale, found {found}")
    if silence.seconds < earliest:
        hold(f"expected ABORT not before {earliest:.1f} s, found it after {silence.seconds:.1f} s")


@pytest.fixture(scope="module")
def recovery(
    sandbox: Sandbox, silence: Silence, settings: Settings, run_state: RunState, progress: Progress
) -> Look:
    """Beats again and waits for GO."""
    sandbox.heart.start()
    run_state.events.append(Event(time.time(), "heartbeat", "started"))
    # The alert still fires at the first looks: ABORT does not end this wait.
    (look,) = sandbox.judge.judge(settings.deadline, until=frozenset({Verdict.GO}), progress=progress)
    run_state.events.append(Event(time.time(), "verdict", look.decision.verdict.name))
    return look


@pytest.mark.gate("smoke/recovery")
def test_recovery_is_go_again(recovery: Look) -> None:
    """After new beats the verdict MUST be GO again."""
    decision = recovery.decision

    if decision.verdict is not Verdict.GO:
        hold(
            f"expected GO, found {decision.verdict.name} after {decision.waited_seconds:.1f} s: {decision.cause}"
        )
