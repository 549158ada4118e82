"""The reaper: it kills what a dead run has left, and nothing that only looks like it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from l4gate.machine import RUN_VARIABLE, new_run_id, owner_of, start_time
from l4gate.stack import reaper, survey
from l4gate.stack.reaper import reap


@pytest.fixture
def dead_run(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a run that is dead for this process alone: whoever else reaps on this machine has to spare it."""
    run_id = new_run_id()
    monkeypatch.setattr(reaper, "is_dead", lambda name, _age: name == run_id)
    return run_id


@contextmanager
def process(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["tail", "-f", "/dev/null"], env={**os.environ, **environment}) as started:
        try:
            yield started
        finally:
            started.kill()


def found(pid: int) -> list[str]:
    return [each.run_id for each in survey(engine=False) if (each.kind, each.name) == ("process", str(pid))]


def test_a_process_of_a_dead_run_is_killed(dead_run: str) -> None:
    """A process that carries the name of a dead run must be found and killed."""
    with process(**{RUN_VARIABLE: dead_run}) as orphan:
        assert found(orphan.pid) == [dead_run]

        reap(engine=False)

        assert orphan.wait(5) == -9


@pytest.mark.parametrize(
    "environment",
    [
        {"COMMENT": f"{RUN_VARIABLE}=1"},
        {"NOT_" + RUN_VARIABLE: "1"},
        {RUN_VARIABLE: ""},
        {RUN_VARIABLE: "mine"},
        {RUN_VARIABLE: "\udcff"},
    ],
    ids=["in-a-value", "in-a-name", "empty", "a-stranger", "no-text"],
)
def test_a_process_that_only_looks_like_it_is_left_alone(environment: dict[str, str]) -> None:
    """A process whose environment holds the variable's name somewhere must neither be taken for ours nor crash us."""
    with process(**environment) as stranger:
        assert found(stranger.pid) == []

        reap(engine=False)

        assert stranger.poll() is None


def test_a_process_of_a_live_run_is_left_alone() -> None:
    """What carries the name of a live run must not be touched."""
    with process(**{RUN_VARIABLE: new_run_id()}) as ours:
        reap(engine=False)

        assert ours.poll() is None


def test_a_pid_that_is_used_again_is_spared(dead_run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a process ends between the survey and the kill and its PID is given again, the new one must live."""
    with process(**{RUN_VARIABLE: dead_run}) as orphan:
        began = start_time(orphan.pid)
        asked: list[int] = []

        def later(pid: int) -> int | None:
            """As if a later process had the PID from the second question on."""
            if pid != orphan.pid:
                return start_time(pid)
            asked.append(pid)
            return began if len(asked) == 1 or began is None else began + 1

        killed: list[int] = []
        monkeypatch.setattr(reaper, "start_time", later)
        monkeypatch.setattr(os, "kill", lambda pid, _signal: killed.append(pid))

        assert str(orphan.pid) in [each.name for each in reap(engine=False)]
        monkeypatch.undo()

    assert killed == []


def test_the_last_moments_remove_what_is_left() -> None:
    """What a process has made itself and still holds when Python ends must go: folders and processes."""
    code = f"""
import os, subprocess
from l4gate.machine.owner import new_run_id
from l4gate.stack.reaper import reap_own
from l4gate.stack.rundir import new_run_dir
run_dir = new_run_dir(new_run_id(), "processes")
child = subprocess.Popen(["tail", "-f", "/dev/null"], env={{**os.environ, {RUN_VARIABLE!r}: run_dir.run_id}})
reap_own(engine=False)
print(child.wait(5), run_dir.root.exists(), run_dir.run_id)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    code, there, run_id = done.stdout.split()
    assert (code, there) == ("-9", "False"), done.stderr
    assert owner_of(run_id) is not None
