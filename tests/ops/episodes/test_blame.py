"""One ABORT is answered once, and only by a change that can be to blame for it."""

from __future__ import annotations

import pytest

from l4gate.base import NothingToRollBack, Verdict
from l4gate.operations import read_configuration
from tests.ops.episodes.conftest import FACTOR, OFTEN, Scene


@pytest.mark.parametrize("number", OFTEN)
def test_dead_writer_under_a_good_configuration_rolls_nothing_back(scene: Scene, number: int) -> None:
    """What earned the last GO is live and the writer dies: ABORT, nothing touched, and the reason must be said."""
    older = scene.box.edited("prometheus.yml", b"\n", b"\n# older\n")
    scene.store.save(older, scene.box.go(), factor=FACTOR, url="")
    scene.store.save(scene.box.good, scene.box.go(), factor=FACTOR, url="")
    scene.silence()

    code, said = scene.monitors.run()

    assert code == Verdict.ABORT.exit_code, said
    assert read_configuration(scene.box.live_dir) == scene.box.good
    assert "not rolled back: the change is not to blame" in said
    assert "writer/stale" in said.partition("not rolled back")[2]
    assert scene.restored == []


def test_fix_is_not_taken_back_for_an_abort_that_was_answered(scene: Scene) -> None:
    """What is made live after the answer must stay live while the ABORT goes on, also after a restart of Prometheus."""
    scene.silence()
    code, _ = scene.monitors.run()
    scene.box.force(scene.changed)

    again, said = scene.monitors.run()
    scene.box.sandbox.stack.kill("prometheus")
    scene.box.sandbox.stack.start("prometheus")
    once_more, after_restart = scene.monitors.run()

    assert (code, again, once_more) == (Verdict.ABORT.exit_code,) * 3
    for text in (said, after_restart):
        assert "not rolled back: this ABORT has been answered" in text
    assert read_configuration(scene.box.live_dir) == scene.changed
    assert scene.restored == []


@pytest.mark.nightly
def test_next_abort_is_a_new_episode(scene: Scene) -> None:
    """An ABORT after a GO must be answered again: what was answered was another one."""
    for _ in range(2):
        scene.box.force(scene.changed)
        scene.silence()
        code, said = scene.monitors.run()
        assert code == Verdict.ABORT.exit_code, said
        scene.box.sandbox.heart.start()
        scene.box.go()

    assert scene.restored == [scene.kept.hash] * 2


def test_edits_that_nobody_loaded_are_left_alone(scene: Scene) -> None:
    """Files that were edited and not reloaded are not what runs, so an ABORT must not overwrite them."""
    rule = scene.box.live_dir / "rules" / "heartbeat.rules.yml"
    scene.silence()
    edited = rule.read_bytes().replace(b"duri_heartbeat_stall", b"duri_heartbeat_silence")
    rule.write_bytes(edited)

    with pytest.raises(NothingToRollBack, match="the server runs what earned the last GO"):
        scene.roll_back()

    assert rule.read_bytes() == edited


@pytest.mark.parametrize("content", ["", "[{}]", '[{"began_at": NaN}]', "null"])
def test_journal_that_cannot_be_read_rolls_nothing_back(scene: Scene, content: str) -> None:
    """Whether an ABORT was answered must be known before it is; what is wrong with the journal must be said."""
    scene.box.force(scene.changed)
    scene.store.journal.path.parent.mkdir(parents=True)
    scene.store.journal.path.write_text(content)

    with pytest.raises(Exception, match=r"expected a journal of rollbacks in .*journal\.json, found: "):
        scene.roll_back()

    assert read_configuration(scene.box.live_dir) == scene.changed


def test_unreadable_checkpoint_may_be_the_last_go(scene: Scene) -> None:
    """While nobody can tell which configuration earned the last GO, an older one must not take its place."""
    newer = scene.store.save(
        scene.box.edited("prometheus.yml", b"\n", b"\n# newer\n"), scene.box.go(), factor=FACTOR, url=""
    )
    (newer.folder / "manifest.json").write_text("{")
    scene.box.force(scene.changed)

    with pytest.raises(Exception, match="earned the last GO cannot be told") as refused:
        scene.roll_back()

    assert not isinstance(refused.value, NothingToRollBack)
    assert read_configuration(scene.box.live_dir) == scene.changed


def test_abort_that_is_over_is_not_rolled_back_by_itself(scene: Scene) -> None:
    """A monitor that comes to its rollback when the ABORT is over must leave the live configuration alone."""
    scene.box.force(scene.changed)
    scene.box.go()

    with pytest.raises(NothingToRollBack, match="the ABORT did not come again: GO"):
        scene.roll_back(automatic=True)

    assert read_configuration(scene.box.live_dir) == scene.changed
