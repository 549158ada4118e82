"""Owners: a live run is never taken for a dead one, and a stranger is never judged."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from l4gate.machine import new_run_id, owner_of, start_time
from l4gate.machine.owner import Owner
from l4gate.stack.reaper import is_dead

DAY = 86_400.0


def run_id_of(owner: Owner) -> str:
    return f"{owner.boot}-{owner.namespace}-{owner.pid}-{owner.started}-abc123"


@pytest.fixture
def me() -> Owner:
    owner = owner_of(new_run_id())
    assert owner is not None
    return owner


def test_a_run_belongs_to_its_process(me: Owner) -> None:
    """The owner of a new run must be this process, here and alive."""
    assert me.pid == os.getpid()
    assert me.is_here()
    assert me.is_alive()
    assert not is_dead(run_id_of(me), age_seconds=10 * DAY)


def test_runs_of_one_process_differ() -> None:
    """Two runs of one process must have two names."""
    assert new_run_id() != new_run_id()


def test_an_ended_process_is_dead(me: Owner) -> None:
    """The run of a process that has ended must be dead at once, also while it is a zombie."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = start_time(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but nobody has taken its exit code

    assert started is not None
    assert is_dead(run_id_of(replace(me, pid=child.pid, started=started)), age_seconds=0)
    child.wait()
    assert is_dead(run_id_of(replace(me, pid=child.pid, started=started)), age_seconds=0)


def test_a_reused_pid_is_another_process(me: Owner) -> None:
    """A PID that belongs to a process with another start time must not keep a dead run alive."""
    assert is_dead(run_id_of(replace(me, started=me.started - 1)), age_seconds=0)


@pytest.mark.parametrize("change", [{"boot": "0123456789ab"}, {"namespace": 1}], ids=["boot", "namespace"])
def test_a_stranger_is_left_for_a_day(change: dict[str, object], me: Owner) -> None:
    """Runs of another boot or PID namespace must be left alone until they are older than a day."""
    stranger = run_id_of(replace(me, pid=999_999_999, **change))

    assert not is_dead(stranger, age_seconds=DAY - 1)
    assert is_dead(stranger, age_seconds=DAY + 1)


@pytest.mark.parametrize("name", ["", "mine", "a-b-c-d-e", "0-1-2-3", "0-1-2-3-zz", "../0-1-2-3-ab"])
def test_other_names_are_nobodys(name: str) -> None:
    """What is not a name that we gave must never count as dead, however old."""
    assert owner_of(name) is None
    assert not is_dead(name, age_seconds=1000 * DAY)
