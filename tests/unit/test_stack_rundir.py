"""The folders of runs: made for one user, and gone without a trace."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from l4gate.base import StackError
from l4gate.machine import new_run_id
from l4gate.machine.folders import base_dir
from l4gate.stack.rundir import all_run_dirs, new_run_dir


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_run_dir_is_private_and_found_again() -> None:
    """Nobody else may enter the folder; it must be found with its run's name and kind."""
    made = new_run_dir(new_run_id(), "processes")

    assert base_dir().stat().st_mode & 0o777 == 0o700
    assert all_run_dirs() == [made]
    assert (made.kind, made.is_kept) == ("processes", False)
    assert made.root.name == f"run-{made.run_id}"


def test_the_last_run_takes_the_folder_with_it() -> None:
    """A run must not remove another one's folder, and the last one must leave nothing."""
    first, second = (new_run_dir(new_run_id(), "processes") for _ in range(2))

    first.remove()
    assert all_run_dirs() == [second]
    second.remove()
    second.remove()

    assert not base_dir().exists()
    assert all_run_dirs() == []


def test_a_kept_run_says_so() -> None:
    """A run that was marked must be seen as kept."""
    made = new_run_dir(new_run_id(), "processes")

    made.keep()

    assert all_run_dirs()[0].is_kept


def test_a_trap_is_refused(tmp_path: Path) -> None:
    """A link that somebody has put in the place of the folder must not be followed."""
    (tmp_path / "elsewhere").mkdir()
    base_dir().symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StackError, match="to be a folder of this user, found somebody else's"):
        new_run_dir(new_run_id(), "processes")

    assert list((tmp_path / "elsewhere").iterdir()) == []
