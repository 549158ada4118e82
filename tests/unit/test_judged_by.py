"""What a verdict is judged by is named in it: contract, rules, programs, commit."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import junitparser
import pytest

from fixtures.contract import CONTRACT
from fixtures.evidence import good_evidence, report
from fixtures.wire import serve, success
from l4gate import __version__
from l4gate.base import PROMETHEUS_DIR
from l4gate.contract import CONTRACT_NAME, contract_hash, parse_contract
from l4gate.machine import commit_of, sources_hash
from l4gate.report import JudgedBy, judged_lines, render_terminal
from l4gate.report.as_json import render_json
from l4gate.report.html import render_html
from l4gate.report.junit import render_junit

TEXT = (PROMETHEUS_DIR / CONTRACT_NAME).read_text()
NAMED = JudgedBy("/etc/l4", "a" * 64, "DuRi", "b" * 64, 37, "0123456789ab", "sha256 " + "c" * 64, "3.5.0")


def judge(*args: str) -> tuple[str, list[str]]:
    """What `l4gate decide` prints of a server that has nothing, and what the server was asked."""

    def empty(connection: socket.socket, line: str) -> None:
        kind = "time" if "time%28%29" in line else line.split(" ")[1].partition("?")[0].rpartition("/")[2]
        data = {
            "time": {"resultType": "scalar", "result": [1.7e9, "1700000000"]},
            "rules": {"groups": []},
            "targets": {"activeTargets": []},
            "buildinfo": {"version": "3.5.0"},
        }
        connection.sendall(success(data.get(kind, {"resultType": "vector", "result": []})))

    with serve(empty) as (url, seen):
        command = [sys.executable, "-m", "l4gate", "decide", "--url", url, "--deadline", "1.5", *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 10, done.stderr
    return done.stdout, seen


def test_the_hash_of_a_contract_is_that_of_what_it_says() -> None:
    """Comments, the order of keys and another way to write a number must NOT change the hash."""
    without = "\n".join(line.partition(" # ")[0] for line in TEXT.splitlines() if not line.startswith("#"))
    same = (
        without.replace("&unstable 0.3\n", "&unstable 0.30\n")
        .replace("limit: 120s, future: 30s", "future: 30s, limit: 2m")
        .replace("  up: { kind: boolean }\n", "")
        .replace("\ninputs:\n", "\ninputs:\n  up: { kind: boolean }\n")
    )

    assert [part in same for part in ("0.30", "2m", "inputs:\n  up", "#")] == [True, True, True, False]
    assert contract_hash(parse_contract(same, "same")) == contract_hash(CONTRACT)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("threshold: &unstable 0.3", "threshold: &unstable 0.31"),
        ("service: DuRi", "service: Duri"),
        ("evaluations: 2 ", "evaluations: 3 "),
        ("duri_mttr_seconds: 600", "duri_mttr_seconds: 601"),
        ("when: share", "when: always"),
        ("reason: beats arrive late", "reason: beats come late"),
    ],
)
def test_the_hash_of_a_contract_changes_with_all_it_says(before: str, after: str) -> None:
    """Whatever a contract says, saying something else must give another hash."""
    assert before in TEXT
    assert contract_hash(parse_contract(TEXT.replace(before, after, 1), "other")) != contract_hash(CONTRACT)


def test_decide_names_what_it_judged_by() -> None:
    """JSON must name contract, rules expected and loaded, versions, commit and folder, asking for the version once."""
    told, seen = judge("--json", "--realm", "prod", "--realm", "eu")
    by = json.loads(told)["judged_by"]

    assert by["contract"] == f"DuRi, sha256 {contract_hash(CONTRACT)}"
    assert re.fullmatch(r"\d+ rules expected, sha256 [0-9a-f]{64}", by["rules"])
    assert re.fullmatch(r"sha256 [0-9a-f]{64}", by["rules loaded"])
    assert by["rules loaded"] not in by["rules"]
    assert by["server version"] == "3.5.0"
    assert by["l4gate"] == f"{__version__}, sources sha256 {sources_hash()}"
    assert by["commit"] == commit_of(PROMETHEUS_DIR)
    assert by["config folder"] == str(PROMETHEUS_DIR)
    assert len([line for line in seen if "buildinfo" in line]) == 1


def test_decide_says_in_words_what_it_judged_by() -> None:
    """Text must name the same, with hashes as short as people read them."""
    told, _ = judge()

    assert f"\n  contract DuRi, sha256 {contract_hash(CONTRACT)[:16]}\n" in told
    assert "\n  server version 3.5.0\n" in told
    assert not re.search(r"[0-9a-f]{17}", told)


def test_every_form_of_the_report_names_it(tmp_path: Path) -> None:
    """Text, JSON, JUnit and HTML of a gate run must name all that it was judged by."""
    run = replace(report(good_evidence()), facts=NAMED.facts())
    (tmp_path / "l4.xml").write_text(render_junit(run), encoding="utf-8")
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "l4.xml"))
    properties = {each.name: each.value for each in suite.properties()}
    page, block = render_html(run), "\n".join(render_terminal(run))

    assert len(NAMED.facts()) == 7
    assert json.loads(render_json(run))["facts"] == NAMED.facts()
    for (name, text), line in zip(NAMED.facts().items(), judged_lines(NAMED.facts()), strict=True):
        assert properties[name] == text
        assert text in page
        assert line in block


def test_the_commit_is_that_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a checkout must NOT get the commit of another one, whatever a hook of git has set."""
    monkeypatch.setenv("GIT_DIR", str(PROMETHEUS_DIR.parent / ".git"))

    assert commit_of(tmp_path) == "unknown (no git checkout)"
    assert commit_of(tmp_path / "gone") == "unknown (no git checkout)"


def test_no_git_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git the commit must be unknown, and nothing must raise."""
    monkeypatch.setenv("PATH", "")

    assert commit_of(PROMETHEUS_DIR) == "unknown (git did not answer)"
