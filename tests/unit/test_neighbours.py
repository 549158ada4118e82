"""What may run beside what, on several workers: real runs of pytest on a few tests made for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFTEST = 'pytest_plugins = ["fixtures.neighbours"]\n'
TOGETHER = """
import pytest

@pytest.fixture(scope="module")
def made_once():
    yield 1

@pytest.mark.parametrize("number", range(12))
def test_shares(made_once, number):
    pass
"""
ALONE = """
import os, pathlib, time, pytest

HERE = pathlib.Path(__file__).parent

def others():
    return [path.name for path in HERE.glob("running-*")]

@pytest.mark.parametrize("number", range(16))
def test_ordinary(number):
    mine = HERE / f"running-{number}"
    mine.touch()
    assert "running-alone" not in others()
    time.sleep(0.02)
    mine.unlink()

@pytest.mark.alone
@pytest.mark.parametrize("number", range(2))
def test_alone(number):
    assert others() == []
    mine = HERE / "running-alone"
    mine.touch()
    time.sleep(0.1)
    mine.unlink()
"""


def run(folder: Path, source: str) -> str:
    """The verbose output of a run of these tests on three workers."""
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["alone"]\n')
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_made.py").write_text(source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-n",
        "3",
        "--dist",
        "loadgroup",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", str(folder)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_made_once_for_a_file_keeps_its_tests_on_one_worker(tmp_path: Path) -> None:
    """Tests that share a fixture of their module must run on one worker, or it would be made once on each."""
    workers = re.findall(r"^\[(gw\d)\].*PASSED", run(tmp_path, TOGETHER), re.MULTILINE)

    assert len(workers) == 12
    assert len(set(workers)) == 1


def test_what_wants_to_be_alone_is(tmp_path: Path) -> None:
    """While a test marked `alone` runs no other one must, on any worker."""
    workers = re.findall(r"^\[(gw\d)\].*PASSED", run(tmp_path, ALONE), re.MULTILINE)

    assert len(workers) == 18
    assert len(set(workers)) == 3
