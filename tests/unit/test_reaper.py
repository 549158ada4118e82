"""The reaper: it kills what a dead run has left, and nothing that only looks like it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.strangers import as_user, needs_root, shared_folder
from fixtures.writer import NOBODY
from l4gate.base import wait_until
from l4gate.machine import RUN_VARIABLE, make_owned, new_run_id, owner_of
from l4gate.machine.folders import base_dir
from l4gate.stack import reaper, remove_leftovers, survey
from l4gate.stack.reaper import reap

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dead_run(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a run that is dead for this process alone: whoever else reaps on this machine has to spare it."""
    run_id = new_run_id()
    monkeypatch.setattr(reaper, "is_dead", lambda name, _age: name == run_id)
    return run_id


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, **options) as started:
        try:
            yield started
        finally:
            started.kill()


def process(**environment: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running(["tail", "-f", "/dev/null"], env={**os.environ, **environment})


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


@pytest.mark.parametrize(
    "changed", [{"started": 1}, {"run_id": "0-1-2-3-abc"}], ids=["another-process", "another-run"]
)
def test_what_has_changed_since_it_was_found_is_spared(changed: dict[str, Any], dead_run: str) -> None:
    """At the moment of the kill a process must still be the one that was found, or it must live."""
    with process(**{RUN_VARIABLE: dead_run}) as orphan:
        (left,) = [each for each in survey(engine=False) if each.name == str(orphan.pid)]

        assert remove_leftovers([replace(left, **changed)]) == []
        assert orphan.poll() is None
        assert remove_leftovers([left]) == [left]
        assert orphan.wait(5) == -9


def test_a_process_that_has_left_the_run_is_spared(dead_run: str) -> None:
    """A process that has become another program since it was found, without the run's name, must live."""
    command = ["sh", "-c", f"read -r _; exec env -u {RUN_VARIABLE} sh -c 'echo; exec tail -f /dev/null'"]
    environment = {**os.environ, RUN_VARIABLE: dead_run}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, env=environment, **pipes) as changing:
        (left,) = [each for each in survey(engine=False) if each.name == str(changing.pid)]
        changing.stdin.write(b"\n")
        changing.stdin.flush()
        changing.stdout.readline()  # the other program runs: same PID, same start time

        removed = remove_leftovers([left])
        lives = changing.poll() is None

    assert (removed, lives) == ([], True)


# Execs itself with an environment that no dict can hold, or under a name that /proc shows in parentheses.
ODD = """
import os, sys
class Pairs(dict):
    def __init__(self, *pairs): self.pairs = pairs
    def __len__(self): return len(self.pairs)
    def keys(self): return [key for key, _ in self.pairs]
    def values(self): return [value for _, value in self.pairs]
variable, run_id, program, how = sys.argv[1:]
pairs = [(variable, run_id)] * (2 if how == "twice" else 1)
pairs += [(f"X{i}", "x" * 100_000) for i in range(15 if how == "huge" else 0)]
if how == "number":
    pairs = [(variable, run_id.replace("-", "-" + "9" * 5000))]
if how == "digits":
    pairs = [(variable, run_id.translate({ord("0") + i: 0x660 + i for i in range(10)}))]
if how == "bytes":
    pairs = [(variable.encode(), run_id.encode() + b"\\xff")]
print(flush=True)
os.execve(program, [program, "-f", "/dev/null"], Pairs(*pairs))
"""


@pytest.mark.parametrize(
    ("how", "taken"),
    [
        ("plain", True),
        ("huge", True),
        ("name", True),
        *((how, False) for how in ("twice", "number", "digits", "bytes")),
    ],
)
def test_an_odd_process_is_no_error(how: str, taken: bool, dead_run: str, tmp_path: Path) -> None:
    """Whatever the name and environment of a process are, the reaper must go on, and take it only if it is ours."""
    tail = shutil.copy(
        shutil.which("tail") or "", tmp_path / ("a) Z\n\x1b[31m 0 (" if how == "name" else "tail")
    )
    command = [sys.executable, "-c", ODD, RUN_VARIABLE, dead_run, tail, how]
    with running(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as odd:
        wait_until(
            # The kernel names the new program a moment before it shows the new environment.
            lambda: (
                Path(f"/proc/{odd.pid}/exe").readlink() == Path(tail)
                and Path(f"/proc/{odd.pid}/environ").read_bytes()
            ),
            deadline_seconds=10,
            interval_seconds=0.01,
            what="the program to be another",
        )

        reap(engine=False)
        lives = odd.poll() is None

    assert lives is not taken


def test_whoever_sits_at_a_terminal_is_spared(dead_run: str) -> None:
    """A shell or editor that somebody has started with the environment of a run must not be killed under him."""
    ours, theirs = os.openpty()
    command = ["tail", "-f", "/dev/null"]
    with running(command, stdin=theirs, env={**os.environ, RUN_VARIABLE: dead_run}) as shell:
        assert found(shell.pid) == []

        reap(engine=False)
        lives = shell.poll() is None
    os.close(ours)
    os.close(theirs)

    assert lives


def test_nobody_reaps_himself(dead_run: str) -> None:
    """A command that was itself started with the environment of a dead run must spare itself and its callers."""
    code = f"""
from l4gate.stack import reaper
reaper.is_dead = lambda name, _age: name == {dead_run!r}
print(reaper.reap(engine=False))
"""
    # The shell waits for it, with the name of the run in its own environment too.
    done = subprocess.run(
        ["sh", "-c", '"$@"; echo "the shell lives"', "sh", sys.executable, "-c", code],
        env={**os.environ, RUN_VARIABLE: dead_run, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "[]\nthe shell lives\n", done


@needs_root
def test_a_process_of_another_user_is_spared(dead_run: str) -> None:
    """What another user started with the name of a run must live, and be no error."""
    command = ["tail", "-f", "/dev/null"]
    environment = {**os.environ, RUN_VARIABLE: dead_run}
    with running(command, env=environment, stdin=subprocess.DEVNULL, **as_user(NOBODY)) as stranger:
        assert found(stranger.pid) == []

        reap(engine=False)
        lives = stranger.poll() is None

    assert lives


@needs_root
def test_a_program_with_rights_of_root_is_spared(dead_run: str) -> None:
    """What another user started with the rights of ours (set-user-ID) carries what he likes, and must live."""
    environment = {**os.environ, RUN_VARIABLE: dead_run}
    with shared_folder() as folder:
        tail = shutil.copy(shutil.which("tail") or "", folder / "tail")
        Path(tail).chmod(0o4755)
        with running([tail, "-f", "/dev/null"], env=environment, **as_user(NOBODY)) as stranger:
            as_root = Path(f"/proc/{stranger.pid}").stat().st_uid == 0
            reap(engine=False)
            lives = stranger.poll() is None

    if not as_root:
        pytest.skip("set-user-ID programs have no effect on this machine")
    assert lives


@pytest.mark.parametrize("how", ["file", "link", "strange", "open", "base-link", "base-open", "another's"])
def test_a_folder_that_is_not_provably_ours_is_spared(
    how: str, dead_run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a real folder of this user's, with a name that we gave, in one for nobody else to write to, must go."""
    if how == "another's" and os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    precious = tmp_path / "precious"
    (precious / f"work-{dead_run}" / "in it").mkdir(parents=True)
    precious.chmod(0o700)
    root = base_dir() / f"work-{dead_run}"
    if how != "base-link":
        base_dir().mkdir(mode=0o700)
    if how == "file":
        root.touch()
    elif how == "link":
        root.symlink_to(precious)
    elif how == "base-link":
        base_dir().symlink_to(precious)
    else:
        root = base_dir() / f"wo\nrk-{dead_run}" if how == "strange" else root
        root.mkdir()
        root.chmod(0o777 if how == "open" else 0o755)
        base_dir().chmod(0o777 if how == "base-open" else 0o700)
        if how == "another's":
            os.chown(root, NOBODY, NOBODY)

    assert reap(engine=False) == []

    assert root.exists()
    assert (precious / f"work-{dead_run}" / "in it").exists()


def test_a_folder_of_a_dead_run_goes(dead_run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a dead run must go, with a link in it but not what that leads to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "precious").mkdir()
    root = make_owned("work", dead_run, mode=0o700)
    (root / "link").symlink_to(tmp_path / "precious")

    assert [each.name for each in reap(engine=False)] == [str(root)]

    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


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
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    code, there, run_id = done.stdout.split()
    assert (code, there) == ("-9", "False"), done.stderr
    assert owner_of(run_id) is not None
