"""
The scenario that proves that the gate can say no: the heartbeat stops, ABORT follows, a rollback brings GO back.

What earned the GO is kept as a checkpoint; the change of the live configuration after it is what is rolled back.

Scaled by the sandbox's time factor. Runs last, because it breaks what the other gates judge.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from fixtures.judging import hold
from fixtures.pager import Call, Pager, paging
from fixtures.recorder import RunState
from l4gate.base import NotReady, StackError, Verdict, wait_until
from l4gate.contract import Pace
from l4gate.operations import (
    CheckpointStore,
    LiveServer,
    RolledBack,
    checkpoint,
    read_configuration,
    roll_back,
)
from l4gate.report import Event, Progress
from l4gate.sandbox import Sandbox, nobody_told
from l4gate.settings import Settings
from l4gate.verdict import Judge, Look

pytestmark = [pytest.mark.l4_gate, pytest.mark.sandbox_smoke_60s]

_ROOM_SECONDS = 10.0  # on top of the theoretical bound, for a busy machine
_TOLD_SECONDS = 10.0  # from the firing alert to the receiver; takes 0.3 s at factor 60
_WATCHDOG_SECONDS = 60.0  # how often alertmanager.yml has the watchdog sent, in production


@dataclass(frozen=True)
class Silence:
    """What came of stopping the heartbeat: seconds from the last beat, and the look that ended the wait."""

    seconds: float
    look: Look


@pytest.fixture(scope="module")
def store(
    sandbox: Sandbox, looks: dict[str, Look], settings: Settings, run_state: RunState
) -> CheckpointStore:
    """The checkpoints of the sandbox, with the configuration that just earned its GO."""
    for look in looks.values():
        if look.decision.verdict is not Verdict.GO:
            pytest.fail(f"the scenario starts from GO, found {look.decision.verdict.name}", pytrace=False)
    store = CheckpointStore(sandbox.stack.run_dir / "state", sandbox.stack.config_dir)
    kept = checkpoint(store, sandbox.judge, tuple(looks.values()), factor=settings.factor)
    run_state.events.append(Event(time.time(), "checkpoint", kept.hash[:8]))
    return store


@pytest.fixture(scope="module")
def pager(sandbox: Sandbox, store: CheckpointStore, run_state: RunState) -> Iterator[Pager | None]:
    """Whoever the sandbox's Alertmanager calls from now on; without one there is a warning, and no gate asks for it."""
    stack = sandbox.stack
    with contextlib.ExitStack() as cleanup:
        try:
            pager = cleanup.enter_context(paging(stack.host_address)) if stack.alertmanager_url else None
            if pager is not None:
                stack.notify(pager.url)
        except (OSError, StackError) as error:
            warning = nobody_told(f"the Alertmanager cannot be given a receiver: {error}", stack.host_address)
            run_state.decisions = tuple(
                replace(each, warnings=(*each.warnings, warning)) for each in run_state.decisions
            )
            pager = None
        yield pager


@pytest.fixture(scope="module")
def silence(
    sandbox: Sandbox, pager: Pager | None, settings: Settings, run_state: RunState, progress: Progress
) -> Silence:
    """Changes the live configuration, stops the heartbeat, and waits for ABORT."""
    changed = sandbox.stack.config_dir / "prometheus.yml"
    changed.write_text(f"{changed.read_text()}\n# a change, to be rolled back\n")
    sandbox.heart.stop()
    began = time.monotonic()
    run_state.events.append(Event(time.time(), "heartbeat", "stopped"))
    bound = sandbox.pace.fresh_limit + sandbox.pace.abort_for
    slack = 2 * sandbox.pace.scrape_interval + 3 * sandbox.pace.rule_interval
    deadline = bound + slack + _ROOM_SECONDS
    (look,) = sandbox.judge.judge(deadline, until=frozenset({Verdict.ABORT}), progress=progress)
    seconds = time.monotonic() - began
    run_state.events.append(Event(time.time(), "verdict", look.decision.verdict.name))
    with contextlib.suppress(NotReady):  # a scrape that a busy machine lost may come first for a moment
        look = wait_until(
            lambda: _by_the_writer(sandbox.judge),
            deadline_seconds=deadline - seconds,
            interval_seconds=sandbox.pace.rule_interval,
            what="the silent writer to be the first cause",
        )
    return Silence(seconds, look)


def _by_the_writer(judge: Judge) -> Look | None:
    (look,) = judge.look()
    cause, aborts = look.decision.cause, look.decision.verdict is Verdict.ABORT
    return look if aborts and cause is not None and cause.id == "writer/stale" else None


@pytest.mark.gate("smoke/abort")
def test_silence_aborts_and_not_too_early(
    silence: Silence, pager: Pager | None, settings: Settings, found: Callable[[str], None]
) -> None:
    """
    A stopped heartbeat must become ABORT, its cause must be the writer, and never before `for` has passed.

    Where there is an Alertmanager, somebody must be told of it, and the watchdog must keep arriving.
    """
    decision = silence.look.decision
    pace = settings.pace
    earliest = pace.fresh_limit + pace.abort_for - pace.beat_interval

    if decision.verdict is not Verdict.ABORT or decision.cause is None or decision.cause.id != "writer/stale":
        seen = f"{decision.verdict.name} after {silence.seconds:.1f} s: {decision.cause}"
        hold(f"expected ABORT by writer/stale, found {seen}")
    if silence.seconds < earliest:
        hold(f"expected ABORT not before {earliest:.1f} s, found it after {silence.seconds:.1f} s")
    seen = f"ABORT by {decision.cause.id}, {silence.seconds:.1f} s after the last beat"
    found(f"{seen}; {_told(pager, pace)}" if pager else f"{seen}; nobody would be told of it")


def _told(pager: Pager, pace: Pace) -> str:
    """How soon somebody was told of the ABORT, and that the watchdog goes on, in words; no pass without both."""
    limit = max(_TOLD_SECONDS, pace.abort_for)  # a stack in slower time also waits longer to group alerts
    assert pace.contract.watchdog is not None, "expected the contract to name a watchdog, found none"
    watchdog = (pace.contract.watchdog,)

    def both() -> tuple[Call, int] | None:
        calls, beats = pager.told(pace.contract.abort.alerts), pager.told(watchdog)
        oldest = time.monotonic() - 1.5 * _WATCHDOG_SECONDS / pace.factor
        arrives = len(beats) > 1 and beats[-1].at >= oldest
        return (calls[0], len(beats)) if calls and arrives else None

    try:
        call, beats = wait_until(
            both, deadline_seconds=limit, interval_seconds=0.02, what="the receivers to be called"
        )
    except NotReady:
        heard = sorted({(each.receiver, each.alerts[0]["alertname"]) for each in pager.calls})
        hold(f"expected calls for the ABORT and the watchdog within {limit:g} s, found {heard or 'none'}")
    if call.after > limit:
        hold(f"expected a call within {limit:g} s of the firing alert, found it after {call.after:.1f} s")
    return f"{call.receiver} told {call.after:.2f} s after the alert fired, the watchdog heard {beats} times"


@pytest.fixture(scope="module")
def recovery(
    silence: Silence, sandbox: Sandbox, store: CheckpointStore, settings: Settings, run_state: RunState
) -> RolledBack:
    """Beats again, rolls back to what earned the GO, and waits for the next one."""
    sandbox.heart.start()
    run_state.events.append(Event(time.time(), "heartbeat", "started"))
    done = roll_back(
        LiveServer.of_stack(sandbox.stack),
        store,
        sandbox.judge,
        deadline_seconds=settings.deadline,
    )
    run_state.events.append(Event(time.time(), "rollback", done.restored.hash[:8]))
    run_state.events.append(Event(time.time(), "verdict", done.verdict.name))
    return done


@pytest.mark.gate("smoke/recovery")
def test_rollback_is_go_again(
    recovery: RolledBack, store: CheckpointStore, found: Callable[[str], None]
) -> None:
    """After the rollback and new beats the verdict must be GO, on exactly the files that earned the GO before."""
    (look,) = recovery.looks
    live = read_configuration(store.live_dir).hash

    if recovery.verdict is not Verdict.GO:
        cause, waited = look.decision.cause, look.decision.waited_seconds
        hold(f"expected GO after the rollback, found {recovery.verdict.name} after {waited:.1f} s: {cause}")
    if not live == recovery.restored.hash != recovery.replaced_hash:
        hold(f"expected {recovery.restored.hash[:16]} in place of another, found {live[:16]} to be live")
    found(f"GO {look.decision.waited_seconds:.1f} s after the rollback to {live[:16]}")
