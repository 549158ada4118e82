"""What somebody makes live while a rollback is being done, or after one that failed, is theirs and stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from l4gate.base import NothingToRollBack, OperationRefused
from l4gate.operations import LiveServer, read_configuration, reload_live, roll_back
from l4gate.operations.episodes import firing_alerts
from l4gate.operations.journal import begin, over
from l4gate.programs import Promtool
from tests.ops.conftest import GO_SECONDS
from tests.ops.episodes.conftest import Scene


def meanwhile(scene: Scene, act: Callable[[], None]) -> LiveServer:
    """The server, where something happens when the check of a reload begins."""

    def promtool(version: str) -> Promtool:
        act()
        return scene.box.server.promtool(version)

    return replace(scene.box.server, promtool=promtool)


def test_fix_that_goes_live_while_a_rollback_checks_is_left_alone(scene: Scene) -> None:
    """What was made live between the decision and the switch must neither be replaced nor be lost."""
    fix = scene.box.edited("prometheus.yml", b"\n", b"\n# fix\n")
    scene.box.force(scene.changed)
    server = meanwhile(scene, lambda: scene.box.force(fix))

    with pytest.raises(OperationRefused, match=f"somebody has made {fix.hash[:16]} live meanwhile"):
        roll_back(server, scene.store, scene.box.sandbox.judge, deadline_seconds=GO_SECONDS)

    assert read_configuration(scene.box.live_dir) == fix


def test_fix_that_goes_live_while_a_reload_is_refused_is_left_alone(scene: Scene) -> None:
    """The way back from a reload that was not proven must not lead over what somebody else made live meanwhile."""
    fix = scene.box.edited("prometheus.yml", b"\n", b"\n# fix\n")
    api = scene.box.server.api

    class Refusing(type(api)):  # type: ignore[misc]
        def reload(self) -> str:
            scene.box.force(fix)
            return "no"

    server = replace(scene.box.server, api=Refusing(api.base_url, timeout_seconds=30))

    with pytest.raises(OperationRefused, match="that was left alone"):
        reload_live(server, scene.changed)

    assert read_configuration(scene.box.live_dir) == fix


def test_fix_after_a_rollback_that_failed_is_not_taken_back(scene: Scene) -> None:
    """A rollback that failed must be tried again under what it left, and not under what somebody made live after it."""
    scene.box.force(scene.changed)
    scene.silence()
    judge, journal = scene.box.sandbox.judge, scene.store.journal
    with journal.alone():
        begun = begin(firing_alerts(judge), scene.changed.hash, scene.kept.hash, judge.api.now())
        journal.note(over(begun, "failed", "it was not proven", judge.api.now()))
    fix = scene.box.edited("prometheus.yml", b"\n", b"\n# fix\n")
    scene.box.force(fix)

    with pytest.raises(NothingToRollBack, match="this ABORT has been answered"):
        scene.roll_back(automatic=True)

    assert read_configuration(scene.box.live_dir) == fix


def test_unfinished_rollback_whose_checkpoint_is_gone_says_so(scene: Scene) -> None:
    """A checkpoint that was pruned must be said in words, not as a mistake in arguments that nobody gave."""
    scene.box.force(scene.changed)
    scene.silence()
    judge, journal = scene.box.sandbox.judge, scene.store.journal
    with journal.alone():
        journal.note(begin(firing_alerts(judge), scene.changed.hash, "f" * 64, judge.api.now()))

    with pytest.raises(OperationRefused, match="its checkpoint is not kept any more"):
        scene.roll_back(automatic=True)

    assert read_configuration(scene.box.live_dir) == scene.changed
