"""What the required check promises by its name: the whole scenario within a minute."""

import time
from collections.abc import Callable

import pytest

from fixtures.recorder import RunState
from l4gate.sandbox import Sandbox
from l4gate.stack.rundir import RunDir

pytestmark = pytest.mark.sandbox_smoke_60s

LIMIT_SECONDS = 60.0


def test_go_abort_rollback_go_take_less_than_a_minute(
    sandbox: Sandbox, run_state: RunState, record_property: Callable[[str, object], None]
) -> None:
    """From a cold machine that has its programs, GO, ABORT, the rollback and GO again must come within 60 s."""
    began = time.time() - RunDir(sandbox.stack.run_dir).age_seconds
    rows = [event.row for event in run_state.events]
    verdicts = [event.state for event in run_state.events if event.row == "verdict"]

    assert verdicts[-3:] == ["GO", "ABORT", "GO"], verdicts
    assert rows[-2:] == ["rollback", "verdict"]
    seconds = run_state.events[-1].at - began
    record_property("seconds to GO, ABORT, rollback and GO", round(seconds, 1))
    assert seconds <= LIMIT_SECONDS
