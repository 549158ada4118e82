"""The monitor on a real server: it sees what happens, survives what breaks, and rolls back once."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from l4gate.base import Verdict
from l4gate.certificate import Window
from l4gate.cli import main
from l4gate.operations import (
    Change,
    Checkpoint,
    CheckpointStore,
    RolledBack,
    Watch,
    read_configuration,
    roll_back,
)
from l4gate.settings import Settings
from tests.ops.conftest import GO_SECONDS, Box

HEART = "rules/heartbeat.rules.yml"
FOREVER_SECONDS = 60.0  # more than any abort takes to fire


def window(box: Box, seconds: float) -> tuple[Window, float]:
    now = box.sandbox.judge.api.now()
    return Window(now, now + seconds, box.server.pace), now


def cut_the_heartbeat_off(box: Box) -> None:
    box.force(box.without_heartbeat)


def test_healthy_window_ends_with_its_certificate(box: Box) -> None:
    """A window without an event must have one change, to GO, and its end must be what its certificate says."""
    whole, now = window(box, 5)
    lines: list[str] = []

    done = Watch(box.sandbox.judge, whole, progress=lines.append).run(now)

    assert [each.verdict for each in done.changes] == [Verdict.GO]
    assert done.worst is None
    (certificate,) = done.certificates
    assert certificate.window == whole
    assert certificate.aborts == ()
    assert done.verdict is certificate.verdict
    assert lines[0].endswith(" left, GO, longest not GO: none")
    assert len(lines) > 5


def test_abort_is_rolled_back_once(box: Box, store: CheckpointStore, kept: Checkpoint) -> None:
    """An ABORT must end the watch at once, with one rollback, which brings GO; the answer must stay ABORT."""
    cut_the_heartbeat_off(box)
    whole, now = window(box, FOREVER_SECONDS)
    rolled: list[RolledBack] = []

    def restore() -> RolledBack:
        rolled.append(roll_back(box.server, store, box.sandbox.judge, deadline_seconds=GO_SECONDS))
        return rolled[-1]

    done = Watch(box.sandbox.judge, whole, on_abort=restore).run(now)

    assert done.verdict is Verdict.ABORT
    assert [done.rolled_back] == rolled
    assert rolled[0].verdict is Verdict.GO
    assert [each.verdict for each in done.changes][-1] is Verdict.ABORT
    assert done.worst is not None
    assert read_configuration(box.live_dir) == box.good


def test_abort_that_nobody_watched_is_found_after_a_restart(box: Box) -> None:
    """A watch that was dead while an alert fired and ended must find it in Prometheus, and not touch the live files."""
    whole, _ = window(box, FOREVER_SECONDS)
    cut_the_heartbeat_off(box)
    box.sandbox.judge.judge(FOREVER_SECONDS, until=frozenset({Verdict.ABORT}))
    box.force(box.good)
    box.go()
    rolled: list[str] = []

    def restore() -> RolledBack:
        rolled.append("rolled back")
        raise AssertionError

    done = Watch(box.sandbox.judge, whole, on_abort=restore).run(box.sandbox.judge.api.now())

    assert done.verdict is Verdict.ABORT
    assert "L4AbortHeartbeat" in done.aborted
    assert done.worst is not None
    assert done.worst.seconds > 3
    assert rolled == []


def test_command_rolls_back_and_exits_4(
    box: Box, kept: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    """`l4gate watch --rollback` must exit 20 after an ABORT, although the rollback brought GO, and say so in JSON."""
    cut_the_heartbeat_off(box)

    code = main(
        [
            *(
                "watch",
                "--for",
                "1h",
                "--rollback",
                "--json",
                "--url",
                box.server.api.base_url,
                "--factor",
                "60",
            ),
            *("--live-dir", str(box.live_dir), "--state-dir", str(tmp_path / "state")),
            *("--cache-dir", str(settings.cache_dir)),
        ]
    )

    out, err = capsys.readouterr()
    done = json.loads(out)
    assert code == done["exit_code"] == 20
    assert done["rollback"]["verdict"] == "GO"
    assert done["rollback"]["restored"] == kept.hash
    assert done["judged_by"]["contract"].startswith("DuRi, sha256 ")
    assert {"server version", "rules loaded"} < done["judged_by"].keys()
    assert "to go on after a restart: --since " in err
    assert " ABORT: " in err


@pytest.mark.parametrize(
    "arguments",
    [["--for", "0s"], ["--for", "soon"], ["--since", "4000000000"], ["--rollback"]],
    ids=" ".join,
)
def test_bad_arguments_are_usage_errors(box: Box, arguments: list[str]) -> None:
    """What cannot be meant must be exit 2, and nothing must be watched."""
    assert main(["watch", "--url", box.server.api.base_url, "--factor", "60", *arguments]) == 2


def test_restart_of_prometheus_is_a_hold_and_not_the_end(box: Box) -> None:
    """While Prometheus is away it must be HOLD; when it is back the watch must go on, with the gap as a violation."""
    whole, now = window(box, 25)
    stack = box.sandbox.stack

    def disturb(change: Change) -> None:
        if change.verdict is Verdict.GO and len(changes) == 0:
            stack.kill("prometheus")
        if change.verdict is Verdict.HOLD and "unreachable" in change.cause:
            stack.start("prometheus")
        changes.append(change)

    changes: list[Change] = []
    began = time.monotonic()
    done = Watch(box.sandbox.judge, whole, on_change=disturb).run(now)

    verdicts = [each.verdict for each in changes]
    assert verdicts[0] is verdicts[-1] is Verdict.GO
    assert "query/unreachable" in {each.cause for each in changes}
    assert Verdict.ABORT not in verdicts
    assert time.monotonic() - began > 20
    assert done.worst is not None
    assert not done.certificates[0].certified  # a gap is a violation
