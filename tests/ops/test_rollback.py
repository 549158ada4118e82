"""Rollback on a real server: ABORT, back to what earned a GO, GO again; or a refusal that changes nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from l4gate.base import NothingToRollBack, OperationRefused, Verdict
from l4gate.cli import main
from l4gate.operations import (
    Checkpoint,
    CheckpointStore,
    RolledBack,
    checkpoint,
    read_configuration,
    roll_back,
)
from l4gate.settings import Settings
from tests.ops.conftest import GO_SECONDS, Box

ABORT_SECONDS = 40.0  # for: 5 s at factor 60, and room for a busy machine
LIMIT_SECONDS = 15.0  # from ABORT to GO at factor 60: the bar of the design
HEART = "rules/heartbeat.rules.yml"


def abort_by_a_change(box: Box) -> float:
    """Makes a change live that cuts the heartbeat off; returns when ABORT was seen."""
    box.force(box.without_heartbeat)
    looks = box.sandbox.judge.judge(ABORT_SECONDS, until=frozenset({Verdict.ABORT}))
    assert looks[0].decision.verdict is Verdict.ABORT, looks[0].decision.cause
    return time.monotonic()


def back(box: Box, store: CheckpointStore, to: str = "") -> RolledBack:
    return roll_back(box.server, store, box.sandbox.judge, deadline_seconds=GO_SECONDS, to=to)


@pytest.mark.parametrize("number", [0, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(1, 20))])
def test_rollback_from_a_wrong_change_brings_go(
    box: Box, store: CheckpointStore, kept: Checkpoint, number: int, record_property: pytest.RecordProperty
) -> None:
    """A change that cuts the heartbeat off becomes ABORT, and the rollback must bring GO within 15 s, on kept files."""
    began = abort_by_a_change(box)

    done = back(box, store)

    seconds = time.monotonic() - began
    record_property("seconds from ABORT to GO", round(seconds, 2))
    assert done.verdict is Verdict.GO, done.looks[0].decision.cause
    assert done.restored.hash == kept.hash
    assert done.replaced_hash == box.without_heartbeat.hash
    assert read_configuration(box.live_dir) == box.good
    assert seconds < LIMIT_SECONDS


def test_without_a_checkpoint_nothing_happens(box: Box, store: CheckpointStore) -> None:
    """Where nothing has earned a GO, a rollback must be refused."""
    with pytest.raises(OperationRefused, match="nothing to go back to"):
        back(box, store)

    assert read_configuration(box.live_dir) == box.good


def test_live_configuration_is_no_way_back(box: Box, store: CheckpointStore, kept: Checkpoint) -> None:
    """When what earned the last GO is live, that must be said: the cause is somewhere else."""
    with pytest.raises(
        NothingToRollBack, match=rf"earned the last GO: {kept.hash[:16]}.*no abort alert fires"
    ):
        back(box, store)


def test_damaged_checkpoint_is_refused(box: Box, store: CheckpointStore, kept: Checkpoint) -> None:
    """A checkpoint that is not what earned its GO must not be made live, and the message must say it was damaged."""
    changed = box.edited("prometheus.yml", b"\n", b"\n# change\n")
    box.force(changed)
    rule = kept.folder / "config" / HEART
    rule.write_bytes(rule.read_bytes() + b"\n")

    with pytest.raises(OperationRefused, match="it was damaged or edited"):
        back(box, store)

    assert read_configuration(box.live_dir) == changed


def test_checkpoint_that_would_not_pass_lint_is_refused(
    box: Box, store: CheckpointStore, kept: Checkpoint
) -> None:
    """A kept configuration that today's lint refuses must not be made live, although its hash is right."""
    bad = box.edited(HEART, b"< bool 2", b"< 2")
    forged = store.folder / bad.hash
    (forged / "config").mkdir(parents=True)
    bad.write(forged / "config")
    (forged / "manifest.json").write_text(json.dumps({"earned_at": time.time()}))

    with pytest.raises(OperationRefused, match="did not pass the check, and nothing was changed"):
        back(box, store, to=bad.hash)

    assert read_configuration(box.live_dir) == box.good


def test_checkpoint_needs_the_server_to_run_the_folder(box: Box, store: CheckpointStore) -> None:
    """Files that were edited and not reloaded must count as having earned nothing, GO or not."""
    looks = box.go()
    rules = box.live_dir / HEART
    rules.write_bytes(box.good.files[HEART].replace(b"interval: 500ms", b"interval: 500ms\n    limit: 9"))

    with pytest.raises(OperationRefused, match=r"(?s)found something else:.*limit 9"):
        checkpoint(store, box.sandbox.judge, looks, factor=60)

    assert store.all() == ()


def test_commands_keep_list_and_roll_back(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    """`l4gate checkpoint` must keep on GO, `--list` show it, `l4gate rollback` restore it once and refuse a second."""
    where = ["--live-dir", str(box.live_dir), "--state-dir", str(tmp_path / "s")]
    server = ["--url", box.server.api.base_url, "--factor", "60"]
    assert main(["checkpoint", "--json", *where, *server]) == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert kept["hash"] == box.good.hash
    assert main(["checkpoint", "--list", *where]) == 0
    assert kept["hash"][:16] in capsys.readouterr().out
    box.force(box.edited("prometheus.yml", b"\n", b"\n# change\n"))

    assert main(["rollback", "--json", *where, *server, "--cache-dir", str(settings.cache_dir)]) == 0

    done = json.loads(capsys.readouterr().out)
    assert (done["verdict"], done["restored"]) == ("GO", box.good.hash)
    assert read_configuration(box.live_dir) == box.good
    assert (
        main(["rollback", *where, *server, "--cache-dir", str(settings.cache_dir)]) == Verdict.HOLD.exit_code
    )
    assert "earned the last GO" in capsys.readouterr().err
    assert main(["rollback", "--list", *where]) == 0
    assert "restored" in capsys.readouterr().out
