"""Temporary folders: gone at the end, told from those of the dead, and found by doctor and the next run."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from l4gate.cli import main
from l4gate.machine import RUN_VARIABLE, all_owned, environment_of, is_own, scratch
from l4gate.machine.folders import base_dir
from l4gate.stack import survey
from l4gate.stack.reaper import reap

# Makes a scratch folder, says so, and waits for its end.
HOLD = """
import sys
from l4gate.machine import scratch
with scratch("held") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(temporary: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], Path]]]:
    """Starts processes that hold a scratch folder."""
    started = []

    def start() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def folders_of_the_dead() -> list[str]:
    """Not the processes: other tests on this machine may have killed runs of their own."""
    return [each.name for each in survey(engine=False) if each.kind == "folder"]


def test_a_scratch_folder_is_private_and_goes() -> None:
    """Nobody else may enter the folder; it must be this process's by its name, and leave nothing."""
    with scratch("work") as folder:
        (folder / "file").touch()
        (owned,) = all_owned()

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (owned.root, owned.purpose) == (folder, "work")
        assert is_own(owned.run_id)
        assert environment_of(folder) == {"TMPDIR": str(folder), RUN_VARIABLE: owned.run_id}
        assert folders_of_the_dead() == []

    assert not base_dir().exists()


def test_many_at_once_do_not_disturb_each_other() -> None:
    """Whoever removes the last folder takes the one around it along; another one that is just being made must come."""

    def use(number: int) -> bool:
        with scratch("many") as folder:
            (folder / str(number)).touch()
            return (folder / str(number)).exists()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(400)))
    assert not base_dir().exists()


def test_a_killed_process_leaves_its_folder_to_the_next(
    holder: Callable[[], tuple[subprocess.Popen[str], Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of a killed process must be listed by doctor and reaped; that of a live one must stay."""
    live, kept = holder()
    dead, left = holder()
    dead.send_signal(signal.SIGKILL)
    dead.wait()

    assert folders_of_the_dead() == [str(left)]
    main(["doctor"])
    assert f"left folder {left} of run " in capsys.readouterr().out

    reap(engine=False)

    assert not left.exists()
    assert kept.is_dir()
    live.communicate("")
    assert not base_dir().exists()


def test_an_interrupted_removal_is_made_up_for(temporary: Path) -> None:
    """Ctrl-C while a folder is being removed must not leave it: the last moments of the process do it again."""
    code = """
import shutil
from l4gate.machine import folders
whole = shutil.rmtree
def interrupted(*args, **options):
    shutil.rmtree = whole
    raise KeyboardInterrupt
shutil.rmtree = interrupted
with folders.scratch("work"):
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "KeyboardInterrupt" in done.stderr
    assert list(temporary.iterdir()) == []
