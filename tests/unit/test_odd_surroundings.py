"""Every command under odd users, homes, streams, limits and folders: it works, or says in one line why not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fixtures.strangers import shared_folder
from l4gate.base import PROMETHEUS_DIR
from l4gate.machine import free_port
from l4gate.settings import default_cache_dir, default_state_dir

ROOT = Path(__file__).parents[2]
NAMELESS = 12345  # a user that no passwd file knows
COMMAND = (sys.executable, "-m", "l4gate")
VERBS = {
    "decide": ("decide", "--url", f"http://127.0.0.1:{free_port()}", "--deadline", "0.3"),
    "checkpoint": ("checkpoint", "--list", "--live-dir", str(PROMETHEUS_DIR)),
    "help": ("certify", "--help"),
    "lint": ("lint",),
    "doctor": ("doctor",),
}
# The exit codes: nothing answers decide, nothing is kept as checkpoint, and there are no tools on PATH for doctor.
CODES = {"decide": 10, "checkpoint": 0, "help": 0, "lint": 10, "doctor": 10}


@pytest.fixture(name="folder", scope="module")
def _folder() -> Iterator[Path]:
    """A folder for all with a file, a home of nobody's, and no tools."""
    with shared_folder() as folder:
        (folder / "file").touch()
        (folder / "closed").mkdir(mode=0o700)
        (folder / "tools").mkdir()
        yield folder


def said(done: subprocess.CompletedProcess[str], verb: str, code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") <= 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "foreseen" not in done.stderr + done.stdout
    assert (verb != "help") or "usage: l4gate certify" in done.stdout
    return done.stdout + done.stderr


READING = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def run(*command: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command as a user without a name."""
    drop = (shutil.which("setpriv") or "setpriv", "--reuid", str(NAMELESS), "--regid", str(NAMELESS))
    return subprocess.run(
        [*drop, "--clear-groups", *command],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@cache
def why_not(folder: Path) -> str:
    """What keeps this test from being another user, if anything does."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return "needs root and setpriv, to be another user"
    read = run(sys.executable, "-c", "import l4gate.cli", folder=folder, env={**os.environ, **READING})
    return f"user {NAMELESS} cannot read this checkout and its Python" if read.returncode else ""


def nameless(folder: Path, verb: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a user without a name, with nothing in its environment but what is given."""
    if why := why_not(folder):
        pytest.skip(why)
    given = {name: text.format(folder=folder) for name, text in environment.items()}
    tools = {"PATH": str(folder / "tools")}
    return run(*COMMAND, *VERBS[verb], folder=folder, env={**READING, **tools, **given})


@pytest.mark.parametrize("verb", VERBS)
def test_a_user_without_name_and_home_is_served(verb: str, folder: Path) -> None:
    """A user whom no passwd file knows and who has no HOME must get what can be had, or be told what to name."""
    shown = said(nameless(folder, verb), verb, CODES[verb])

    assert verb != "doctor" or "name another with L4_CACHE_DIR" in shown


HOMES = {
    "empty": {"HOME": ""},
    "relative": {"HOME": "here", "XDG_CACHE_HOME": "there", "XDG_STATE_HOME": "there"},
    "gone": {"HOME": "{folder}/gone"},
    "closed": {"HOME": "{folder}/closed"},
    "root": {"HOME": "/"},
    "a line": {"HOME": "{folder}/a\nb"},
    "no path": {"PATH": "", "HOME": "{folder}"},
    "languages": {"LANG": "xx_YY.UTF-8", "LC_ALL": "nonsense", "HOME": "{folder}"},
    "temporary relative": {"TMPDIR": "here", "HOME": "{folder}"},
    "temporary closed": {"TMPDIR": "{folder}/closed", "HOME": "{folder}"},
    "temporary file": {"TMPDIR": "{folder}/file", "HOME": "{folder}"},
}


@pytest.mark.parametrize("verb", ["decide", pytest.param("doctor", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("home", HOMES)
def test_an_odd_home_is_no_obstacle(home: str, verb: str, folder: Path) -> None:
    """Whatever the home, the language and the folder for temporary files are, there must be no traceback."""
    said(nameless(folder, verb, **HOMES[home]), verb, CODES[verb])


def test_a_home_that_is_a_file_is_said(folder: Path) -> None:
    """Where checkpoints should be and cannot, the message must name the place."""
    shown = said(nameless(folder, "checkpoint", HOME="{folder}/file"), "checkpoint", 10)

    assert f"{folder}/file/.local/state/l4gate/checkpoints" in shown


@pytest.mark.parametrize("text", [None, "", "here", "/a\nb"])
def test_only_absolute_homes_count(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the environment that is no absolute path must count as not set, as the XDG specification has it."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    known = default_cache_dir(), default_state_dir()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME") if text is not None else ():
        monkeypatch.setenv(name, text or "")

    assert (default_cache_dir(), default_state_dir()) == known
    assert all(path.is_absolute() for path in known)


SHELLS = {
    "no streams": "exec <&- >&- 2>&-",
    "no input": "exec <&-",
    "no output": "exec >&-",
    "no errors": "exec 2>&-",
    "nothing for the owner": "umask 0777",
    "few descriptors": "ulimit -n 16",
    "no folder": 'mkdir gone && cd gone && rmdir "$PWD"',
}


@pytest.mark.parametrize("verb", ["decide", pytest.param("doctor", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("odd", SHELLS)
def test_an_odd_start_is_no_obstacle(odd: str, verb: str, tmp_path: Path) -> None:
    """Closed streams, a umask against the owner, few descriptors and a folder that is gone must change no answer."""
    (tmp_path / "home").mkdir()
    (tmp_path / "tools").mkdir()
    environment = {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "PATH": os.defpath}
    command = ["bash", "-c", f'{SHELLS[odd]}; PATH="$0/tools"; exec "$@"', tmp_path, *COMMAND, *VERBS[verb]]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    said(done, verb, CODES[verb])


@pytest.mark.parametrize("verb", ["decide", "doctor"])
def test_an_output_that_takes_nothing_is_hold(verb: str, tmp_path: Path) -> None:
    """A verdict that could not be written down must be HOLD, and the reason be said."""
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": str(tmp_path)}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *VERBS[verb]],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 10
    assert done.stderr == (
        "l4gate: HOLD: this machine refused what was needed: No space left on device. Next: run l4gate doctor.\n"
    )


def test_a_umask_against_the_owner_leaves_files_that_he_can_read(tmp_path: Path) -> None:
    """What a command writes must be for its owner to read, whatever the umask."""
    code = "import os; os.umask(0o777); from l4gate.cli import main; main(['lint', '--only', 'x']); open('out', 'w')"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
