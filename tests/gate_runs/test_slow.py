"""What takes minutes runs only where it was asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRILL = "tests/rehearsal/test_drill.py"


@pytest.mark.parametrize(
    ("arguments", "collected"),
    [
        (("tests/rehearsal",), False),
        (("tests/rehearsal", "-m", "dr_rehearsal"), True),
        ((DRILL,), True),
    ],
    ids=["plain", "by-marker", "by-name"],
)
def test_rehearsals_wait_to_be_asked_for(arguments: tuple[str, ...], collected: bool) -> None:
    """Plain pytest must leave rehearsals out and count them as deselected; marker or name must bring them in."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (DRILL in done.stdout) is collected, done.stdout[-500:] + done.stderr
    if not collected:
        assert "deselected" in done.stdout.splitlines()[-1]
