"""The step summary of a CI job."""

import json
from pathlib import Path

import pytest

from l4gate.gates import planned
from l4gate.report.as_json import render_json
from l4gate.report.model import GateResult, Outcome, RunReport
from l4gate.report.summary import main, render_summary
from l4gate.verdict import Cause, Stage

CAUSE = Cause(
    Stage.TRANSPORT,
    "target-down",
    "target pushgateway up",
    "<script>alert(1)</script>\n~~~~\n| a | b |",
    "GET /api/v1/targets",
    "start the Pushgateway.",
)


def write_report(folder: Path, *, outcome: Outcome = Outcome.PASSED, causes: tuple[Cause, ...] = ()) -> None:
    results = tuple(GateResult(plan, outcome) for plan in planned(("prod",), external=False))
    report = RunReport(
        results, run_causes=causes, facts={"stack": "processes in 0.1 s: asked for"}, seconds=12.34
    )
    (folder / "l4-verdict.json").write_text(render_json(report))


def test_hold_names_its_cause_and_the_gates_without_a_pass(tmp_path: Path) -> None:
    """A HOLD is shown with verdict, cause, next step and the gates that did not pass."""
    write_report(tmp_path, outcome=Outcome.NOT_RUN, causes=(CAUSE,))

    text = render_summary("sandbox-smoke-60s", tmp_path)

    assert text.startswith("## sandbox-smoke-60s: HOLD\n")
    assert "transport/target-down\n  expected  target pushgateway up\n" in text
    assert "  next      start the Pushgateway." in text
    assert "not-run: verdict/go[prod]" in text
    assert "stack: processes in 0.1 s: asked for" in text


def test_words_of_a_server_stay_inside_the_fence(tmp_path: Path) -> None:
    """Nothing that a server answered can end the fenced block and be rendered by the page."""
    write_report(tmp_path, causes=(CAUSE,))

    lines = render_summary("gate", tmp_path).splitlines()

    assert lines.count("~~~~") == 2
    assert lines.index("~~~~") < lines.index("  found     <script>alert(1)</script>") < len(lines) - 1


def test_missing_report_is_hold(tmp_path: Path) -> None:
    """Without any report the summary says HOLD, not nothing."""
    assert render_summary("gate", tmp_path).startswith("## gate: HOLD\n")


def test_unreadable_report_is_hold(tmp_path: Path) -> None:
    """A report cut short, or of another shape, is HOLD."""
    for text in ("", "{", "[]", json.dumps({"verdict": "GO"})):
        (tmp_path / "l4-verdict.json").write_text(text)

        assert render_summary("gate", tmp_path).startswith("## gate: HOLD\n"), text


def test_counts_of_junit_files_are_shown(tmp_path: Path) -> None:
    """A check that writes only JUnit shows its counts; a broken file is called broken."""
    (tmp_path / "promql-unit.xml").write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="2" skipped="0"/></testsuites>'
    )
    (tmp_path / "torn.xml").write_text("<testsuites><testsuite")

    text = render_summary("promql-unit", tmp_path)

    assert text.startswith("## promql-unit\n")
    assert "`promql-unit.xml`: 7 tests, 1 failed, 2 errors, 0 skipped." in text
    assert "`torn.xml` cannot be read (ParseError): nothing was proven." in text


def test_command_prints_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints what a job appends to its summary, and leaves judging to the job's own step."""
    assert main(["--title", "gate", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("## gate: HOLD\n")
