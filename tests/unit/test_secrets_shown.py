"""What a server says of the gate's own credentials, and to a terminal, reaches neither terminal nor report."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from fixtures.echo import echoing
from l4gate.base import PROMETHEUS_DIR, Verdict

ROOT = Path(__file__).parents[2]
TOKEN = "tok/EN+" + "4f9c01ab77" * 60 + "=="  # longer than any message quotes
PASSWORD = "p\"ss<w&rd>' \\%ü"
LOGIN = f"duri:{PASSWORD}"
ENCODED = base64.b64encode(LOGIN.encode()).decode()
MANNERS = ("error", "data", "page", "type", "age", "redirect", "warning")
KINDS = ("bearer-token-file", "basic-auth-file", "header-file")
COMMANDS = {
    "decide": ["decide", "--deadline", "1"],
    "decide --json": ["decide", "--deadline", "1", "--json"],
    "diff": ["diff"],
    "watch": ["watch", "--for", "1s"],
    "certify": ["certify", "--window", "1m"],
    "certify --json": ["certify", "--window", "1m", "--json"],
    "reload": ["reload"],
    "checkpoint": ["checkpoint", "--deadline", "1"],
}


@dataclass
class Told:
    """All that a run has told: its streams, and each file that it left."""

    code: int
    texts: dict[str, str]

    def hold(self, secrets: Iterable[str]) -> None:
        """Finds no spelling of a secret, nor a piece of it, nor anything that a terminal would obey."""
        for name, text in self.texts.items():
            for secret in secrets:
                for spelt in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe="")):
                    for piece in {spelt[:14], spelt[-14:], spelt[len(spelt) // 2 :][:14]}:
                        assert piece not in text, f"{piece!r} in {name}"
            obeyed = {each for each in text if not (each.isprintable() or each in "\n\t\xa0")}
            assert not obeyed, f"{obeyed} in {name}: {text[:2000]!r}"


def told(tmp_path: Path, *arguments: str, **environment: str) -> Told:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("L4_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**environ, "XDG_STATE_HOME": str(tmp_path / "state"), **environment},
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    texts = {"stdout": done.stdout.decode(), "stderr": done.stderr.decode()}
    assert "Traceback (most" not in texts["stderr"], texts["stderr"]
    for folder in (tmp_path / "reports", tmp_path / "state"):
        texts |= {str(each): each.read_text() for each in folder.rglob("*") if each.is_file()}
    return Told(done.returncode, texts)


@pytest.fixture(name="credentials", params=KINDS)
def _credentials(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, tuple[str, ...]]:
    """An option that names a file with credentials, and the secrets in it."""
    login = request.param.startswith("basic")
    named = "X-Api-Key: " * request.param.startswith("header")
    (tmp_path / "credentials").write_text(named + (LOGIN if login else TOKEN) + "\n")
    secrets = (PASSWORD, ENCODED) if login else (TOKEN,)
    return f"--{request.param}={tmp_path / 'credentials'}", secrets


@pytest.mark.parametrize(
    ("name", "manner", "credentials"),
    [
        *(("decide", manner, KINDS[0]) for manner in MANNERS),
        *(
            pytest.param("decide", manner, kind, marks=pytest.mark.nightly)
            for manner in MANNERS
            for kind in KINDS[1:]
        ),
        *((name, *how) for name in COMMANDS if name != "decide" for how in zip(MANNERS, KINDS, strict=False)),
    ],
    indirect=["credentials"],
)
def test_no_command_shows_what_a_server_echoes(
    name: str, manner: str, tmp_path: Path, credentials: tuple[str, tuple[str, ...]]
) -> None:
    """Whatever a server says again of the credentials, and to the terminal, must stand in no stream and no file."""
    option, secrets = credentials
    with echoing(manner) as server:
        arguments = [*COMMANDS[name], "--url", server.url, option]
        if name.startswith("certify"):
            arguments += ["--report-dir", str(tmp_path / "reports")]
        if name in ("reload", "checkpoint"):
            arguments += ["--live-dir", str(PROMETHEUS_DIR)]
        run = told(tmp_path, "-m", "l4gate", *arguments)

    run.hold(secrets)
    assert any(server.seen), run.texts
    assert run.code == Verdict.HOLD.exit_code, run.texts


@pytest.mark.parametrize("manner", ["error", "data"])
def test_no_gate_run_shows_what_a_server_echoes(
    manner: str, tmp_path: Path, credentials: tuple[str, tuple[str, ...]]
) -> None:
    """A whole gate run must have none of it in pytest's failures, locals, logs and JUnit, nor in the three reports."""
    option, secrets = credentials
    reports = tmp_path / "reports"
    with echoing(manner) as server:
        arguments = ["-m", "l4_gate", "-k", "verdict or targets", "-rA", "--showlocals", "--color=yes"]
        arguments += ["-p", "no:cacheprovider", "-p", "no:xdist", f"--junitxml={reports / 'pytest.xml'}"]
        arguments += [
            f"--l4-url={server.url}",
            "--l4-deadline=1",
            f"--l4-report-dir={reports}",
            "--log-cli-level=DEBUG",
        ]
        run = told(tmp_path, "-m", "pytest", *arguments, option.replace("--", "--l4-"))

    run.texts["stdout"] = re.sub(r"\x1b\[[0-9;]*m", "", run.texts["stdout"])  # pytest's own colours
    assert "\x1b" not in run.texts["stdout"]
    run.hold(secrets)
    assert any(server.seen), run.texts
    assert {Path(name).suffix for name in run.texts} >= {".xml", ".json", ".html"}
    assert run.code == Verdict.HOLD.exit_code, run.texts


def test_the_line_of_progress_obeys_nobody(tmp_path: Path, credentials: tuple[str, tuple[str, ...]]) -> None:
    """On a terminal the line that says what is waited for must erase itself, and hold nothing of what a server says."""
    option, secrets = credentials
    ours, theirs = os.openpty()
    with echoing("error") as server:
        arguments = ["-m", "l4gate", "decide", "--url", server.url, "--deadline", "1", option]
        shown = b""
        with subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            with os.fdopen(ours, "rb", buffering=0) as reader, contextlib.suppress(OSError):  # EIO is its end
                while part := reader.read(65536):
                    shown += part
    assert b"\r\x1b[K" in shown
    text = shown.decode().replace("\r\x1b[K", "\n").replace("\r\n", "\n")

    assert process.returncode == Verdict.HOLD.exit_code
    Told(process.returncode, {"terminal": text}).hold(secrets)
