"""A gate run that did not answer every gate is HOLD, whatever pytest itself says: whole runs, on a real sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from l4gate.base import Verdict
from l4gate.contract import GATES
from l4gate.settings import Settings

HOLD = Verdict.HOLD.exit_code
RUN_LIMIT_SECONDS = 150.0  # a whole gate takes some 20 s
NOT_SMOKE = "--deselect=tests/gate/test_smoke.py"


@dataclass(frozen=True)
class Run:
    """How a run of pytest ended, and the verdict that it left."""

    returncode: int
    output: str
    verdict: dict[str, Any]

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each planned gate."""
        return {gate["gate"]: gate["outcome"] for gate in self.verdict["gates"]}


@pytest.fixture
def gate_run(tmp_path: Path, settings: Settings, pytestconfig: pytest.Config) -> Callable[..., Run]:
    """Runs the gate in a process of its own: `gate_run("-k", "freshness", plugin="...")`."""

    def run(*arguments: str, plugin: str = "") -> Run:
        (tmp_path / "intruder.py").write_text(plugin, encoding="utf-8")
        environ = {name: value for name, value in os.environ.items() if not name.startswith("L4_")}
        environ |= {
            "PYTHONPATH": str(tmp_path),
            "L4_STACK": "processes",
            "L4_CACHE_DIR": str(settings.cache_dir),
        }
        reports = tmp_path / "reports"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "l4_gate",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "intruder",
        ]
        done = subprocess.run(
            [*command, f"--l4-report-dir={reports}", *arguments],
            cwd=pytestconfig.rootpath,
            env=environ,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_SECONDS,
            check=False,
        )
        report = reports / "l4-verdict.json"
        verdict = json.loads(report.read_text("utf-8")) if report.exists() else {}
        return Run(done.returncode, done.stdout + done.stderr, verdict)

    return run


@pytest.mark.parametrize(
    ("arguments", "plugin", "answered"),
    [
        pytest.param(
            ["-k", "freshness"], "", {"heartbeat/fresh[prod]", "heartbeat/ok[prod]"}, id="chosen-by-name"
        ),
        pytest.param(
            [NOT_SMOKE, "--deselect=tests/gate/test_rules.py"],
            "",
            {"writer/heartbeat", "scrape/targets[prod]", "verdict/go[prod]"},
            id="deselected",
        ),
        pytest.param(
            [NOT_SMOKE, "-k", "verdict or targets"],
            "import pytest\n"
            "def pytest_collection_modifyitems(items):\n"
            "    for item in items:\n"
            "        if 'verdict' in item.name: item.add_marker(pytest.mark.skip(reason='not today'))\n",
            {"scrape/targets[prod]"},
            id="skipped",
        ),
    ],
)
def test_run_without_every_gate_is_hold(
    gate_run: Callable[..., Run], arguments: list[str], plugin: str, answered: set[str]
) -> None:
    """A run in which gates pass but others do not run must be HOLD, name them, and not exit 0."""
    run = gate_run(*arguments, plugin=plugin)

    passed = {name for name, outcome in run.outcomes.items() if outcome == "passed"}
    assert answered <= passed, run.output
    assert run.returncode == HOLD, run.output
    assert run.verdict["verdict"] == "HOLD"
    silent = [name for name, outcome in run.outcomes.items() if outcome == "not-run"]
    assert silent
    cause = next(cause for cause in run.verdict["causes"] if cause["code"] == "gates-not-run")
    assert all(name in cause["found"] and name in run.output for name in silent)


@pytest.mark.parametrize(
    ("arguments", "plugin"),
    [
        pytest.param(
            [],
            "import os, pytest\n"
            "@pytest.hookimpl(tryfirst=True)\n"
            "def pytest_runtest_call(item):\n"
            "    if 'writer' in item.nodeid: os._exit(0)\n",
            id="crashed-with-0",
        ),
        pytest.param(
            ["-x"],
            "def pytest_runtest_call(item):\n    assert 'writer' not in item.nodeid, 'spoilt'\n",
            id="stopped-after-a-failure",
        ),
        pytest.param(["--session-timeout=1"], "", id="session-timeout"),
        pytest.param(["-k", "no_such_gate"], "", id="nothing-selected"),
    ],
)
def test_run_that_ends_early_leaves_hold(
    gate_run: Callable[..., Run], arguments: list[str], plugin: str
) -> None:
    """A run that crashes, stops or selects nothing must leave HOLD on disk with the gates that did not run."""
    run = gate_run(*arguments, plugin=plugin)

    assert run.verdict["verdict"] == "HOLD", run.output
    assert "not-run" in run.outcomes.values()
    assert set(run.outcomes) >= {gate.id for gate in GATES if not gate.per_realm}
    if "_exit" not in plugin:
        assert run.returncode == HOLD, run.output


def test_collect_only_lists_the_gates_and_is_hold(gate_run: Callable[..., Run]) -> None:
    """--collect-only must list the gates, and as it runs none of them it must be HOLD."""
    run = gate_run("--collect-only")

    assert (run.returncode, run.verdict["verdict"]) == (HOLD, "HOLD"), run.output
    assert "test_verdict_is_go" in run.output
