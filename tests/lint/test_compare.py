"""`l4gate lint --url`: a real server's rules against the repository's."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.settings import SETTINGS
from l4gate import cli
from l4gate.binaries import find_program
from l4gate.verdict import Verdict
from tests.lint.conftest import ROOT
from tests.lint.variants import HEARTBEAT, Variant

READY_SECONDS = 20.0  # it takes 0.2 s on an idle machine


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(name="server")
def _server(pytestconfig: pytest.Config, folder: Path, tmp_path: Path) -> Iterator[str]:
    """A real Prometheus that has loaded the copy, in which one limit is another one."""
    Variant("", "", HEARTBEAT, "< bool 120", "< bool 1200").apply(folder)
    settings = pytestconfig.stash[SETTINGS]
    program = find_program("prometheus", settings.generation, settings.cache_dir)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            program.path,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not answers(f"http://{address}"):
            assert process.poll() is None, "Prometheus has ended"
            assert time.monotonic() < deadline, f"Prometheus was not ready within {READY_SECONDS} s"
            process_waits(process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=READY_SECONDS)


def process_waits(process: subprocess.Popen[bytes]) -> None:
    """Waits a moment, or until the process ends."""
    try:
        process.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        return


def test_another_limit_on_the_server_is_shown_as_a_diff(
    server: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal rules must exit 0; a rule that differs must exit 10 and be shown with both expressions."""
    equal = cli.main(["lint", str(folder), "--url", server])
    equal_out = capsys.readouterr().out
    differs = cli.main(["lint", str(ROOT / "prometheus"), "--url", server])
    differs_out = capsys.readouterr().out

    assert (equal, differs) == (0, Verdict.HOLD.exit_code), equal_out + differs_out
    assert any(line.startswith("-") and "bool 120)" in line for line in differs_out.splitlines())
    assert any(line.startswith("+") and "bool 1200)" in line for line in differs_out.splitlines())
    assert differs_out.splitlines()[-1].startswith("rules-differ: ")


def test_unreachable_server_is_no_equality(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an answer the comparison must not exit 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        code = cli.main(
            ["lint", str(ROOT / "prometheus"), "--url", f"http://127.0.0.1:{probe.getsockname()[1]}"]
        )

    assert code == Verdict.HOLD.exit_code
    assert capsys.readouterr().out == ""
