"""A monitor that is killed at any write of its rollback, and started again."""

from __future__ import annotations

import signal

import pytest

from l4gate.base import Verdict
from l4gate.operations import read_configuration
from tests.ops.episodes.conftest import Scene

# Of some 40 writes of a rollback: the journal's first, the switch, the journal's last; in the night all over them.
QUICK_KILLS = (12,)
NIGHTLY_KILLS = tuple(number for number in range(1, 46, 2) if number not in QUICK_KILLS)
# In each of them nobody beats for a while, all of which counts against one sandbox's uptime of the day.
OF_ONE_SANDBOX = 6


@pytest.mark.parametrize(
    ("opened", "write"),
    [
        *((0, write) for write in QUICK_KILLS),
        *(
            pytest.param(at // OF_ONE_SANDBOX, write, marks=pytest.mark.nightly)
            for at, write in enumerate(NIGHTLY_KILLS)
        ),
    ],
    indirect=["opened"],
)
def test_monitor_killed_at_a_write_rolls_back_once(scene: Scene, write: int) -> None:
    """A monitor that is killed at any write and started again must have rolled back once, not twice and not never."""
    scene.box.force(scene.changed)
    scene.silence()

    first, said = scene.monitors.run(killed_at=write)
    second, again = scene.monitors.run()

    assert first in (-signal.SIGKILL, Verdict.ABORT.exit_code), said
    assert second == Verdict.ABORT.exit_code, again
    assert read_configuration(scene.box.live_dir) == scene.box.good
    answers = scene.store.journal.answers()
    assert scene.restored == [scene.kept.hash], again
    assert {each.outcome for each in answers} == {"restored"}
