"""`l4gate lint` as people and workflows see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import junitparser
import pytest

from l4gate import cli
from l4gate.base import Verdict
from l4gate.lint.engine import CHECKS, Report
from tests.lint.conftest import ROOT
from tests.lint.variants import ABORT, CANARY, HEARTBEAT, STALL_EXPR, Variant

NO_BOOL = Variant("", "", HEARTBEAT, STALL_EXPR, 'duri_heartbeat_ok{metric_realm="prod"} == 0')
TEXT = """\
{file}:{line}:54: value/bool-missing: duri_heartbeat_stall records the result of `==` without bool
            expr: duri_heartbeat_ok{{metric_realm="prod"}} == 0
                                                         ^^
  why:  Without `bool` a comparison is a filter: true records the compared value (0.5 for an age of 0.5 s),
        false records nothing.
  mend: Write `bool` after the operator, and `*` in place of `and` between two yes-or-no sides.
  see:  docs/lint.md#valuebool-missing
"""


@pytest.fixture(autouse=True)
def _outside_github(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    code = cli.main(["lint", *args])
    return code, capsys.readouterr().out


@pytest.mark.obs_lint
def test_the_repository_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """The required check must be green on this repository, with every check made."""
    code, out = run(capsys, str(ROOT / "prometheus"))

    assert (code, out.split(" (")[0]) == (0, "obs-lint: clean")
    assert f"({len(CHECKS)} checks" in out


def test_finding_shows_line_caret_reason_and_remedy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding must name file, line and column, show the line with a caret, and say why and how to mend it."""
    NO_BOOL.apply(folder)
    line = (folder / HEARTBEAT).read_text().splitlines().index(f"        expr: {NO_BOOL.bad}") + 1

    code, out = run(capsys, str(folder), "--only", "value/bool-missing")

    assert code == Verdict.HOLD.exit_code
    expected = TEXT.format(file="prometheus/rules/heartbeat.rules.yml", line=line)
    assert out.split("\n\nobs-lint: ")[0] + "\n" == expected
    assert out.splitlines()[-1].startswith("obs-lint: 1 finding (1 checks, ")


def test_caret_points_into_a_block_of_lines(folder: Path, check: Callable[..., Report]) -> None:
    """In an expression of several lines the place must be the line and column of the part that is wrong."""
    Variant("", "", HEARTBEAT, "> bool 0", "> 0").apply(folder)

    place = next(each.place for each in check().findings if each.id == "value/comparison-as-value")

    line = (folder / HEARTBEAT).read_text().splitlines()[place.line - 1]
    assert line[place.column - 1 : place.column - 1 + place.length] == ">"


def test_json_has_every_part(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON must hold what the text says, and tell a finding from a check that was not made."""
    NO_BOOL.apply(folder)

    code, out = run(capsys, str(folder), "--json", "--only", "value/bool-missing")

    report = json.loads(out)
    found = report["findings"][0]
    assert (code, report["clean"], len(report["findings"])) == (Verdict.HOLD.exit_code, False, 1)
    assert found["id"] == "value/bool-missing"
    assert found["kind"] == "finding"
    assert found["file"] == "prometheus/rules/heartbeat.rules.yml"
    assert all(found[key] for key in ("line", "column", "what", "why", "mend", "link"))


def test_github_gets_annotations(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside GitHub Actions each finding must be a workflow command of one line, with special characters escaped."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    NO_BOOL.apply(folder)

    code, out = run(capsys, str(folder), "--only", "value/bool-missing")

    annotation = out.splitlines()[0]
    assert code == Verdict.HOLD.exit_code
    assert annotation.startswith("::error file=prometheus/rules/heartbeat.rules.yml,line=")
    assert ",title=value/bool-missing::duri_heartbeat_stall records" in annotation
    assert "%0AMend: Write `bool`" in annotation


def test_missing_promtool_is_said_and_not_clean(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without promtool the lint must not pass; it says that the check was not made, not that a rule is wrong."""
    monkeypatch.setenv("L4_PROMTOOL", "/does/not/exist")

    code, out = run(capsys, str(folder), "--json")

    report = json.loads(out)
    assert (code, report["clean"]) == (Verdict.HOLD.exit_code, False)
    assert [(each["id"], each["kind"]) for each in report["findings"]] == [("promtool/check", "not-run")]
    assert "/does/not/exist" in report["findings"][0]["what"]


@pytest.mark.parametrize(
    "variable", ["L4_URL=http://127.0.0.1:9", "L4_URL=http://user:password@h", "L4_STACK=external"]
)
def test_the_environment_of_other_verbs_changes_nothing(
    variable: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree with findings must exit 10 whatever server or stack the environment names, right or wrong."""
    monkeypatch.setenv(*variable.split("=", 1))
    NO_BOOL.apply(folder)

    code, out = run(capsys, str(folder), "--only", "value/bool-missing")

    assert code == Verdict.HOLD.exit_code
    assert "obs-lint: 1 finding " in out


def cases_of(path: Path) -> dict[str, junitparser.TestCase]:
    return {
        f"{case.classname}/{case.name}": case
        for suite in junitparser.JUnitXml.fromfile(str(path))
        for case in suite
    }


def test_junit_has_a_case_per_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each check must be a case, each finding a failure with its text, and the counts those of a common reader."""
    path = folder.parent / "reports" / "deeper" / "obs-lint.xml"
    green, _ = run(capsys, str(folder), "--junit", str(path))
    all_green = cases_of(path)
    for name in ("a", "b"):
        rule = f'\n      - record: realm:{name}:count\n        expr: up{{metric_realm="prod"}} == 0'
        (folder / CANARY).write_text((folder / CANARY).read_text() + rule)

    red, out = run(capsys, str(folder), "--junit", str(path), "--only", "value")

    assert (green, red) == (0, Verdict.HOLD.exit_code)
    assert set(all_green) == set(CHECKS)
    assert not any(case.result for case in all_green.values())
    found = cases_of(path)
    assert set(found) == {each for each in CHECKS if each.startswith("value/")}
    failures = [each for case in found.values() for each in case.result]
    assert {type(each) for each in failures} == {junitparser.Failure}
    assert len(failures) == int(out.rpartition("obs-lint: ")[2].split()[0]) >= 2
    assert all(each.text.strip() in out for each in failures)
    (suite,) = junitparser.JUnitXml.fromfile(str(path))
    said = (suite.tests, suite.failures, suite.errors)
    assert said == (len(found), sum(bool(case.result) for case in found.values()), 0)


def test_junit_tells_what_was_not_checked(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without promtool, or with a file that cannot be read, what was not checked must be an error, never a pass."""
    path = folder.parent / "obs-lint.xml"
    monkeypatch.setenv("L4_PROMTOOL", "/does/not/exist")
    (folder / HEARTBEAT).write_text("groups: [\x01\n")

    code, _ = run(capsys, str(folder), "--junit", str(path))

    assert code == Verdict.HOLD.exit_code
    kinds = {id_: {type(each) for each in case.result} for id_, case in cases_of(path).items()}
    assert kinds["promtool/check"] == {junitparser.Error}
    assert kinds["rules/parse"] == {junitparser.Failure}
    assert all(kinds[id_] == {junitparser.Error} for id_, check in CHECKS.items() if check.needs_all_rules)


def test_checks_that_a_broken_file_prevents_are_no_pass(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked only for checks that need every rule file, the lint must NOT call a tree clean that it cannot read."""
    (folder / HEARTBEAT).write_text("groups: [\n")
    needy = next(id_ for id_, check in CHECKS.items() if check.needs_all_rules)

    code, out = run(capsys, str(folder), "--only", needy)

    assert code == Verdict.HOLD.exit_code
    assert "obs-lint: 1 check not made " in out


def test_junit_of_an_older_run_does_not_stay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that cannot write its JUnit, or ends before it lints, must NOT exit 0 or leave an older run's."""
    path = folder.parent / "obs-lint.xml"
    path.write_text("<testsuites/>")

    assert run(capsys, "no-such-folder", "--junit", str(path))[0] == 2
    assert not path.exists()
    (folder.parent / "file").touch()
    for hopeless in (folder.parent, folder.parent / "file" / "obs-lint.xml"):
        assert run(capsys, str(folder), "--only", "realm", "--junit", str(hopeless))[0] != 0


@pytest.mark.parametrize(
    "args",
    [("--only", "realm/nothing"), ("no-such-folder",), ("--json", "--github"), ("--url", "http://127.0.0.1")],
)
def test_usage_errors_exit_with_2(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown check, a folder without a configuration, or two forms of output must be refused."""
    try:
        code = cli.main(["lint", *args])
    except SystemExit as stopped:
        code = int(stopped.code or 0)

    assert code == 2
    assert capsys.readouterr().out == ""


def test_unreadable_rule_file_brings_no_guesses(folder: Path, check: Callable[..., Report]) -> None:
    """While a rule file cannot be read, nothing must be said about what seems to be missing."""
    (folder / HEARTBEAT).write_text("groups: [\n")

    assert {each.id for each in check().findings} == {"rules/parse", "promtool/check"}


def test_two_faults_are_two_findings_in_order(folder: Path, check: Callable[..., Report]) -> None:
    """Findings must come in the order of files and lines."""
    Variant("", "", CANARY, 'rollback_total{metric_realm="prod"}', "rollback_total").apply(folder)
    Variant("", "", ABORT, "for: 5m", "for: 6m").apply(folder)

    found = [(each.place.file.rpartition("/")[2], each.id) for each in check().findings]

    assert found == [("abort.rules.yml", "contract/abort-alerts"), ("canary.rules.yml", "realm/selector")]


def test_lint_needs_no_http_and_no_docker() -> None:
    """The lint must start quickly: neither requests nor docker nor pytest may be imported for it."""
    code = (
        "import sys, l4gate.cli, l4gate.commands.lint\n"
        "print(*sorted({'requests', 'docker', 'pytest', 'testcontainers', 'rich'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == ""


def test_promtool_duplicates_are_found_in_their_file(folder: Path, check: Callable[..., Report]) -> None:
    """Promtool does not name the file of a duplicate; the finding must."""
    rule = '\n      - record: realm:x:count\n        expr: count(up{metric_realm="prod"})\n'
    (folder / CANARY).write_text((folder / CANARY).read_text() + rule + rule)

    found = check(only=["promtool"]).findings

    assert [each.place.file for each in found] == [f"prometheus/{CANARY}"]
    assert "duplicate" in found[0].what
