"""
A pytest plugin (entry point) that lets `--l4-report-dir DIR` be written with a space.

pytest looks for its root folder before it knows the options of a conftest.py, and takes every existing path among
the arguments for a test path: `--l4-report-dir /tmp/out` would move the root to /tmp/out, where there is neither a
configuration nor our conftest. Joined by "=" the value is no such path, so pytest is started again in that form.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PREFIX = "--l4-"


def joined(arguments: list[str]) -> list[str]:
    """The arguments with each of ours that is followed by an existing path joined to it by "="."""
    result: list[str] = []
    for argument in arguments:
        before = result[-1] if result else ""
        if before.startswith(_PREFIX) and "=" not in before and Path(argument).exists():
            result[-1] = f"{before}={argument}"
        else:
            result.append(argument)
    return result


def pytest_addoption() -> None:
    """Starts pytest again if an argument of ours was taken for a test path; only where pytest is the program."""
    program = Path(sys.argv[0])
    is_pytest = program.name in ("pytest", "py.test") or program.parts[-2:] == ("pytest", "__main__.py")
    arguments = joined(sys.argv[1:])
    if is_pytest and arguments != sys.argv[1:]:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 - no shell is meant
