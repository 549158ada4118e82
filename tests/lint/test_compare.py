"""`l4gate diff`: a real server's rules against the repository's."""

from __future__ import annotations

import json
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
from l4gate.base import Verdict
from l4gate.programs import find_program
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
    """Equal rules must exit 0; a rule that differs must exit 10 and be shown with both expressions, as JSON too."""
    equal = cli.main(["diff", str(folder), "--url", server])
    equal_out = capsys.readouterr().out
    differs = cli.main(["diff", "--config-dir", str(ROOT / "prometheus"), "--url", server])
    differs_out = capsys.readouterr().out
    as_json = cli.main(["diff", "--json", "--url", server])
    told = json.loads(capsys.readouterr().out)

    assert (equal, differs, as_json) == (0, Verdict.HOLD.exit_code, Verdict.HOLD.exit_code), (
        equal_out + differs_out
    )
    assert any(line.startswith("-") and "bool 120)" in line for line in differs_out.splitlines())
    assert any(line.startswith("+") and "bool 1200)" in line for line in differs_out.splitlines())
    assert differs_out.splitlines()[-1].startswith("rules-differ: ")
    assert (told["equal"], told["answered"], told["url"]) == (False, True, server)
    assert told["difference"] == differs_out.splitlines()[:-1]


def test_the_named_server_does_not_change_the_lint(
    server: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree with a finding must exit 10 though L4_URL names a server with the very same rules."""
    monkeypatch.setenv("L4_URL", server)

    assert cli.main(["diff", str(folder)]) == 0
    assert cli.main(["lint", str(folder), "--only", "contract"]) == Verdict.HOLD.exit_code
    assert "finding" in capsys.readouterr().out


def test_unreachable_server_is_no_equality(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an answer the comparison must NOT exit 0, and JSON must say that none came."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        code = cli.main(["diff", "--url", url])
        said = capsys.readouterr()
        as_json = cli.main(["diff", "--url", url, "--json"])

    assert (code, as_json) == (Verdict.HOLD.exit_code, Verdict.HOLD.exit_code)
    assert said.out == ""
    assert url in said.err
    told = json.loads(capsys.readouterr().out)
    assert (told["equal"], told["answered"]) == (False, False)
    assert url in told["message"]


@pytest.mark.parametrize(
    ("args", "said"), [((), "diff needs a server"), (("no-such-folder", "--url=http://h"), "found none in")]
)
def test_a_comparison_needs_a_server_and_a_folder(
    args: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a server to ask, or rules to hold it against, it must be refused as usage."""
    monkeypatch.delenv("L4_URL", raising=False)

    assert cli.main(["diff", *args]) == 2
    assert said in capsys.readouterr().err
