"""The operators' scripts: from any folder, from cron, and honest when l4gate is not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "ops"
VERBS = {
    "reload_safe.sh": "reload",
    "l4_dryrun_decision.sh": "decide",
    "l4_24h_monitor.sh": "watch",
    "l4_24h_stats.sh": "certify",
    "l4_dryrun_rollback.sh": "rollback",
    "dr_rehearsal.sh": "rehearse",
}
CRON = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


def run(script: Path, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments],
        cwd=cwd,
        env={**CRON, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def l4gate(tmp_path: Path) -> Path:
    """A folder for PATH whose l4gate says what it was called with and exits 20."""
    program = tmp_path / "bin" / "l4gate"
    program.parent.mkdir()
    with program.open("x") as new:
        new.write('#!/bin/sh\nprintf "%s|" "$@"\nexit 20\n')
    program.chmod(0o755)
    return program.parent


@pytest.mark.parametrize("name", VERBS)
def test_script_hands_over_verb_arguments_and_exit_code(name: str, tmp_path: Path, l4gate: Path) -> None:
    """Outside a checkout a script MUST find l4gate on PATH, and its arguments and exit code pass unchanged."""
    script = Path(shutil.copy(SCRIPTS / name, tmp_path))

    done = run(script, "--live-dir", "a b", "", cwd=Path("/"), PATH=f"{l4gate}:{CRON['PATH']}")

    words = done.stdout.split("|")
    assert words[0] == VERBS[name]
    assert words[-4:] == ["--live-dir", "a b", "", ""]
    assert done.returncode == 20


@pytest.mark.parametrize("name", VERBS)
def test_script_without_l4gate_says_so(name: str, tmp_path: Path) -> None:
    """A script that finds no l4gate MUST neither be silent nor succeed."""
    script = Path(shutil.copy(SCRIPTS / name, tmp_path))

    done = run(script, cwd=Path("/"))

    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr.startswith(f"{name}: expected l4gate in ")


@pytest.mark.parametrize("name", VERBS)
def test_script_of_the_checkout_works_from_anywhere(name: str) -> None:
    """From any folder and with cron's environment a script MUST run the checkout's own l4gate."""
    if not (SCRIPTS.parents[1] / ".venv" / "bin" / "l4gate").exists():
        pytest.skip("the checkout has no .venv")

    done = run(SCRIPTS / name, "--help", cwd=Path("/"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: l4gate {VERBS[name]} ")
