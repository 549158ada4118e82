"""What a monitor keeps while it runs: nothing by a GO that was earned by the configuration before."""

from __future__ import annotations

import time

from l4gate.base import Verdict, wait_until
from l4gate.operations import Probation, read_configuration
from l4gate.operations.earning import probation_seconds
from tests.ops.episodes.conftest import FACTOR, MONITOR_SECONDS, Scene


def test_change_under_a_running_monitor_is_rolled_back(scene: Scene) -> None:
    """A change that breaks the service under a running monitor must be rolled back, whatever was GO just after it."""
    monitor = scene.monitors.start()
    assert monitor.stdout is not None
    said = ""
    while " GO\n" not in said:
        said += monitor.stdout.readline()

    scene.box.force(scene.box.without_heartbeat)
    more, _ = monitor.communicate(timeout=MONITOR_SECONDS)

    assert monitor.returncode == Verdict.ABORT.exit_code, said + more
    assert scene.restored == [scene.kept.hash], said + more
    assert read_configuration(scene.box.live_dir) == scene.box.good, said + more


def test_change_earns_its_go_when_it_could_have_done_harm(scene: Scene) -> None:
    """A GO just after a change must not count for it; one after the time that an ABORT takes must, and once."""
    probation = Probation(scene.store, scene.box.sandbox.judge, factor=FACTOR)
    looks = scene.box.go()
    scene.box.force(scene.changed)
    began = time.monotonic()

    assert probation.go(looks) is None
    assert scene.store.last_go() == scene.kept

    wait_until(
        lambda: probation.go(scene.box.go()) is not None,
        deadline_seconds=MONITOR_SECONDS,
        interval_seconds=0.2,
        what="the change to be kept",
    )
    assert time.monotonic() - began >= probation_seconds(scene.box.server.pace)
    assert scene.store.last_go().hash == scene.changed.hash
    assert probation.go(scene.box.go()) is None
