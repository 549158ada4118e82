"""The step summary of a CI job, and the action that writes it."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from l4gate.contract import planned
from l4gate.report import GateResult, Outcome, RunReport
from l4gate.report.as_json import render_json
from l4gate.report.summary import OUTCOMES, Step, main, render_summary
from l4gate.verdict import Cause, Stage

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "check" / "action.yml"
GREEN = Step("success")
RED = Step("failure")
GATE = Step("success", expects_verdict=True)
GREEN_XML = '<testsuites><testsuite tests="48" failures="0" errors="0" skipped="0"/></testsuites>'

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
    """A HOLD must be shown with verdict, cause, next step and the gates that did not pass."""
    write_report(tmp_path, outcome=Outcome.NOT_RUN, causes=(CAUSE,))

    text = render_summary("sandbox-smoke-60s", tmp_path, RED)

    assert text.startswith("## sandbox-smoke-60s: HOLD\n")
    assert "transport/target-down\n  expected  target pushgateway up\n" in text
    assert "  next      start the Pushgateway." in text
    assert "not-run: verdict/go[prod]" in text
    assert "stack: processes in 0.1 s: asked for" in text


def test_words_of_a_server_stay_inside_the_fence(tmp_path: Path) -> None:
    """Nothing that a server answered must end the fenced block and be rendered by the page."""
    write_report(tmp_path, causes=(CAUSE,))

    lines = render_summary("gate", tmp_path, RED).splitlines()

    assert lines.count("~~~~") == 2
    assert lines.index("~~~~") < lines.index("  found     <script>alert(1)</script>") < len(lines) - 1


def headline(folder: Path, step: Step) -> str:
    return render_summary("target", folder, step).splitlines()[0].removeprefix("## target: ")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_missing_verdict_is_hold_where_one_is_due(tmp_path: Path, outcome: str) -> None:
    """Without the verdict that a target has to leave, the summary must say HOLD, whatever else is there."""
    (tmp_path / "gate.xml").write_text(GREEN_XML)

    assert headline(tmp_path, Step(outcome, expects_verdict=True)) == "HOLD"


def test_unreadable_report_is_hold(tmp_path: Path) -> None:
    """A report cut short, of another shape, or with a verdict that there is none of, must be HOLD."""
    write_report(tmp_path)
    told = json.loads((tmp_path / "l4-verdict.json").read_text())
    for text in ("", "{", "[]", json.dumps({"verdict": "GO"}), json.dumps(told | {"verdict": "GO!"})):
        (tmp_path / "l4-verdict.json").write_text(text)

        assert headline(tmp_path, GATE) == headline(tmp_path, GREEN) == "HOLD", text


def test_the_verdict_is_the_headline_where_there_is_one(tmp_path: Path) -> None:
    """A verdict that the step has written must be shown, also where none was due."""
    write_report(tmp_path, outcome=Outcome.FAILED, causes=(CAUSE,))
    assert headline(tmp_path, GREEN) == headline(tmp_path, RED) == headline(tmp_path, GATE) == "HOLD"


def test_a_step_that_left_no_verdict_is_called_by_its_outcome(tmp_path: Path) -> None:
    """A green target without a verdict must read passed, a red one failed, with the counts of its JUnit files."""
    (tmp_path / "obs-lint.xml").write_text(GREEN_XML)

    text = render_summary("obs-lint", tmp_path, GREEN)

    assert text.startswith("## obs-lint: passed\n")
    assert "`obs-lint.xml`: 48 tests, 0 failed, 0 errors, 0 skipped." in text
    assert "HOLD" not in text
    assert "nothing was proven" not in text
    assert headline(tmp_path, RED) == "failed"
    assert headline(tmp_path, Step("cancelled")) == "failed (cancelled)"
    assert headline(tmp_path, Step("skipped")) == "failed (skipped)"


@pytest.mark.parametrize("outcome", [each for each in OUTCOMES if each != "success"])
@pytest.mark.parametrize("expects", [True, False])
def test_what_did_not_succeed_never_reads_as_if_it_had(tmp_path: Path, outcome: str, expects: bool) -> None:
    """Beside a report that says GO and JUnit without a failure, any other outcome must NOT read passed or GO."""
    write_go(tmp_path)
    (tmp_path / "gate.xml").write_text(GREEN_XML)
    assert headline(tmp_path, GATE) == "GO"

    text = render_summary("target", tmp_path, Step(outcome, expects_verdict=expects))

    assert text.startswith("## target: HOLD\n")
    assert "GO" not in text
    assert "passed" not in text
    assert outcome in text


def write_go(folder: Path) -> None:
    """A report that says GO, as only a whole run makes it."""
    write_report(folder)
    path = folder / "l4-verdict.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"verdict": "GO", "exit_code": 0, "causes": []})
    )


def test_reports_of_an_older_run_do_not_count(tmp_path: Path) -> None:
    """What was there before the step began must be shown nowhere: a verdict as little as counts and tables."""
    write_go(tmp_path)
    (tmp_path / "gate.xml").write_text(GREEN_XML)
    (tmp_path / "l4-bench.md").write_text("| what |\n|---|\n| old |\n")
    began = max(path.stat().st_mtime for path in tmp_path.iterdir()) + 1

    due = render_summary("gate", tmp_path, Step("success", began, expects_verdict=True))
    other = render_summary("obs-lint", tmp_path, Step("success", began))

    assert due.startswith("## gate: HOLD\n")
    assert other == "## obs-lint: passed\n"
    assert "`gate.xml`" not in due
    assert "old" not in due


def test_counts_of_junit_files_are_shown(tmp_path: Path) -> None:
    """A check that writes only JUnit must show its counts; a broken file must be called broken."""
    (tmp_path / "promql-unit.xml").write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="2" skipped="0"/></testsuites>'
    )
    (tmp_path / "torn.xml").write_text("<testsuites><testsuite")

    text = render_summary("promql-unit", tmp_path, RED)

    assert text.startswith("## promql-unit: failed\n")
    assert "`promql-unit.xml`: 7 tests, 1 failed, 2 errors, 0 skipped." in text
    assert "`torn.xml` cannot be read (ParseError): nothing was proven." in text


def test_tables_are_shown_as_tables(tmp_path: Path) -> None:
    """A table that a measurement has left must stand in the summary as it is, and so must a bar of `< 0.001`."""
    table = (
        "| claim | asserted |\n|-------|----------|\n| two writers | < 0.001 |\n\ntwo writers: by unix:///x\n"
    )
    (tmp_path / "l4-claims.md").write_text(table)

    text = render_summary("claims", tmp_path, GREEN)

    assert text == f"## claims: passed\n\n{table}"


@pytest.mark.parametrize(
    "words",
    [
        "<b>x",
        "</td>",
        "<!-- x",
        "![x](y)",
        "http://x",
        "www.x.y",
        "&lt;b&gt;",
        "# GO",
        "GO\n===",
        "```",
        "~~~~",
    ],
)
def test_words_of_others_in_a_table_are_fenced(tmp_path: Path, words: str) -> None:
    """A table with anything in it that a page would make something of must stand in a fence that it cannot end."""
    (tmp_path / "l4-bench.md").write_text(f"| what |\n|---|\n| row |\n\nrow: not measured\n{words}\n")

    lines = render_summary("bench", tmp_path, GREEN).splitlines()

    assert [number for number, line in enumerate(lines) if line == "~~~~"] == [2, len(lines) - 1]


def test_command_prints_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command must print what a job appends to its summary, and leave judging to the job's own step."""
    common = ["--title", "gate", "--outcome", "success", str(tmp_path)]

    assert main([*common, "--expects-verdict"]) == 0
    assert capsys.readouterr().out.startswith("## gate: HOLD\n")
    assert main(common) == 0
    assert capsys.readouterr().out == "## gate: passed\n"
    with pytest.raises(SystemExit, match="2"):
        main(["--title", "gate", str(tmp_path)])


# The action

MAKEFILE = """\
green: ; @cp green.xml reports/
red: ; @false
go: ; @cp go.json reports/l4-verdict.json
go-then-red: go ; @false
"""

MODULES = os.pathsep.join(
    [str(ROOT), sysconfig.get_path("purelib")]
)  # the tree's python is no venv of its own


def action_summary(tree: Path, target: str, **inputs: str) -> str:
    """What the action's own steps, run in this tree as a runner would, put into the step summary."""
    action = yaml.safe_load(ACTION.read_text())
    given = {name: str(each.get("default", "")) for name, each in action["inputs"].items()}
    given |= {"target": target, **inputs}
    values = {f"inputs.{name}": value for name, value in given.items()}
    values["inputs.name || inputs.target"] = given["name"] or target
    files = {name: tree / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
    environment = {**os.environ, "HOME": str(tree), "GITHUB_WORKSPACE": str(tree), "PYTHONPATH": MODULES}
    environment |= {name: str(path) for name, path in files.items()}
    failed = False
    for step in action["runs"]["steps"]:
        if "run" not in step or (failed and "always()" not in str(step.get("if", ""))):
            continue
        files["GITHUB_OUTPUT"].write_text("")
        own = {
            name: values[text.removeprefix("${{ ").removesuffix(" }}")]
            for name, text in step.get("env", {}).items()
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tree,
            env=environment | own,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        failed |= done.returncode != 0
        if "id" in step:
            values[f"steps.{step['id']}.outcome"] = "failure" if done.returncode else "success"
            written = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
            values |= {f"steps.{step['id']}.outputs.{name}": value for name, value in written.items()}
    return files["GITHUB_STEP_SUMMARY"].read_text()


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """A checkout with targets that do at once what ours do in minutes; in its reports is yesterday's GO."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "green.xml").write_text(GREEN_XML)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "reports").mkdir()
    write_go(tmp_path / "reports")
    (tmp_path / "go.json").write_text((tmp_path / "reports" / "l4-verdict.json").read_text())
    os.utime(tmp_path / "reports" / "l4-verdict.json", (1e9, 1e9))
    return tmp_path


JUDGED_XML = '<testsuite><properties><property name="judged" value="{}"/></properties></testsuite>'


@pytest.mark.parametrize(
    ("judged", "first"),
    [
        (["production at http://p:9090"], "## canary: passed"),
        (["simulated: a recorded day"], "## canary: simulated, passed"),
        (["production at http://p:9090", "simulated: a recorded day"], "## canary: simulated, passed"),
        (["reproduction"], "## canary: simulated, passed"),
        ([], "## canary: simulated, passed"),
    ],
)
def test_what_did_not_judge_production_says_so_first(tmp_path: Path, judged: list[str], first: str) -> None:
    """A check that is to judge production must be called simulated first, unless its own JUnit says that it did."""
    for number, said in enumerate(judged):
        (tmp_path / f"{number}.xml").write_text(JUDGED_XML.format(said))

    text = render_summary("canary", tmp_path, Step("success", judges_production=True))

    assert text.splitlines()[0] == first
    assert ("judged: production at http://p:9090" in text) == (first == "## canary: passed")


def test_an_older_judgement_of_production_does_not_count(tmp_path: Path) -> None:
    """What an older run says that it judged must not speak for this one, and neither must what cannot be read."""
    (tmp_path / "old.xml").write_text(JUDGED_XML.format("production at http://p:9090"))
    os.utime(tmp_path / "old.xml", (1e9, 1e9))
    (tmp_path / "torn.xml").write_text("<testsuites>")

    text = render_summary("canary", tmp_path, Step("failure", began=2e9, judges_production=True))

    assert text.splitlines()[0] == "## canary: simulated, failed"


@pytest.mark.parametrize(
    ("target", "inputs", "said"),
    [
        ("green", {}, "green: passed"),
        ("green", {"name": "obs-lint"}, "obs-lint: passed"),
        ("green", {"expects-verdict": "true"}, "green: HOLD"),
        ("green", {"judges-production": "true"}, "green: simulated, passed"),
        ("red", {"judges-production": "true"}, "red: simulated, failed"),
        ("red", {}, "red: failed"),
        ("red", {"expects-verdict": "true"}, "red: HOLD"),
        ("go", {"expects-verdict": "true"}, "go: GO"),
        ("go", {}, "go: GO"),
        ("go-then-red", {"expects-verdict": "true"}, "go-then-red: HOLD"),
        ("go-then-red", {}, "go-then-red: HOLD"),
    ],
)
def test_the_action_says_what_its_step_has_shown(
    tree: Path, target: str, inputs: dict[str, str], said: str
) -> None:
    """The action must judge by its own step: its outcome, and a verdict of this run, never by an older one."""
    text = action_summary(tree, target, **inputs)

    assert text.splitlines()[0] == f"## {said}"
    assert ("48 tests" in text) == (target == "green")
