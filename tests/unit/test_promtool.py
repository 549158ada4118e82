"""promtool on this host: the real one, of the newest generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from l4gate.base import StackError
from l4gate.programs import HostPromtool, Program


def script(path: Path, text: str) -> HostPromtool:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return HostPromtool(Program("promtool", path, "9.9.9", "test"))


def test_result_is_handed_over(tmp_path: Path) -> None:
    """Exit code, stdout and stderr must come back as they are; a complaint is no error."""
    result = script(tmp_path / "p", "echo out $1; echo err >&2; exit 3").run("check", folder=tmp_path)

    assert (result.returncode, result.stdout, result.stderr) == (3, "out check\n", "err\n")


def test_it_runs_in_the_folder(tmp_path: Path) -> None:
    """File names must be relative to the folder, and the temporary folder writable and gone afterwards."""
    (tmp_path / "folder").mkdir()
    promtool = script(tmp_path / "p", "touch here; touch $TMPDIR/x; echo $TMPDIR")

    result = promtool.run(folder=tmp_path / "folder")

    assert result.returncode == 0
    assert (tmp_path / "folder/here").exists()
    assert not Path(result.stdout.strip()).exists()


def test_a_hanging_promtool_is_an_error(tmp_path: Path) -> None:
    """A run that does not end must be ended and said."""
    with pytest.raises(StackError, match=r"promtool check in .* did not end within 0 s"):
        script(tmp_path / "p", "exec tail -f /dev/null").run("check", folder=tmp_path, timeout_seconds=0.2)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there must be named."""
    with pytest.raises(StackError, match="gone"):
        script(tmp_path / "p", "").run(folder=tmp_path / "gone")
