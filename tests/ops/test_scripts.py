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
LAUNCHER = "_l4gate.sh"  # what they share
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


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """The scripts in a folder outside of any checkout."""
    return Path(shutil.copytree(SCRIPTS, tmp_path / "srv" / "scripts" / "ops"))


def test_the_verbs_are_those_of_all_scripts() -> None:
    """Every script but the launcher and the heartbeat must be one of those that are tested here."""
    others = {LAUNCHER, "textfile_heartbeat.sh"}

    assert {path.name for path in SCRIPTS.iterdir()} - others == set(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_script_hands_over_verb_arguments_and_exit_code(name: str, copies: Path, l4gate: Path) -> None:
    """Outside a checkout a script must find l4gate on PATH, and its arguments and exit code pass unchanged."""
    script = copies / name

    done = run(script, "--live-dir", "a b", "", cwd=Path("/"), PATH=f"{l4gate}:{CRON['PATH']}")

    words = done.stdout.split("|")
    assert words[0] == VERBS[name]
    assert words[-4:] == ["--live-dir", "a b", "", ""]
    assert done.returncode == 20


@pytest.mark.parametrize("name", VERBS)
def test_script_without_l4gate_says_so(name: str, copies: Path) -> None:
    """A script that finds no l4gate must neither be silent nor succeed."""
    done = run(copies / name, cwd=Path("/"))

    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr.startswith(f"{name}: expected l4gate in ")


@pytest.mark.parametrize("name", VERBS)
def test_script_of_the_checkout_works_from_anywhere(name: str) -> None:
    """From any folder and with cron's environment a script must run the checkout's own l4gate."""
    if not (SCRIPTS.parents[1] / ".venv" / "bin" / "l4gate").exists():
        pytest.skip("the checkout has no .venv")

    done = run(SCRIPTS / name, "--help", cwd=Path("/"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: l4gate {VERBS[name]} ")


@pytest.mark.parametrize("name", VERBS)
def test_script_without_its_launcher_does_nothing(name: str, tmp_path: Path, l4gate: Path) -> None:
    """A script that was copied alone must say which file is missing, and exit as without l4gate."""
    script = Path(shutil.copy(SCRIPTS / name, tmp_path))

    done = run(script, cwd=Path("/"), PATH=f"{l4gate}:{CRON['PATH']}")

    assert (done.returncode, done.stdout) == (69, "")
    assert f"{tmp_path}/{LAUNCHER}" in done.stderr


@pytest.mark.parametrize("name", VERBS)
def test_link_to_a_script_is_the_script(name: str, tmp_path: Path, copies: Path, l4gate: Path) -> None:
    """A link in a folder of PATH must do what the script does that it leads to."""
    link = tmp_path / name
    link.symlink_to(copies / name)

    done = run(link, cwd=Path("/"), PATH=f"{l4gate}:{CRON['PATH']}")

    assert done.stdout.startswith(f"{VERBS[name]}|"), done.stderr


def test_script_of_a_wheel_takes_the_environment_it_is_in(tmp_path: Path, l4gate: Path) -> None:
    """A script that was installed with l4gate must run that one, whatever PATH has or has not."""
    packaged = tmp_path / "lib" / "python3.11" / "site-packages" / "l4gate" / "_files" / "scripts" / "ops"
    shutil.copytree(SCRIPTS, packaged)

    done = run(packaged / "l4_24h_stats.sh", cwd=Path("/"))

    assert done.stdout.startswith("certify|--window|24h|"), done.stderr
