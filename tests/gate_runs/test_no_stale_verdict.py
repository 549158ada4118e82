"""A call that asks for the gate and does not earn a GO does not exit 0, and leaves no older GO behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.recorder import RECORDER
from l4gate.base import Verdict

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60.0  # takes 2 s: no stack is started
USAGE = 2
VERDICTS = {verdict.exit_code for verdict in Verdict}
# What cannot be had at once, so that no case has to wait for a stack.
NO_STACK = {"L4_STACK": "containers", "DOCKER_HOST": "unix:///nowhere/docker.sock"}
PLUGINS = ("settings", "recorder", "checks", "profiles", "sandbox", "writer", "neighbours")


@dataclass(frozen=True)
class Call:
    """How a call of pytest ended, and what stands in its report folder."""

    returncode: int
    output: str
    verdict: str


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Call]:
    """Calls pytest with yesterday's GO in its report folder: `call("-m", "l4_gate", env={...}, root=folder)`."""
    reports = tmp_path / "reports"
    reports.mkdir()
    for suffix in ("json", "xml", "html"):
        (reports / f"l4-verdict.{suffix}").write_text('{"verdict": "GO", "gates": []}')

    def run(
        *arguments: str, env: dict[str, str] | None = None, root: Path = ROOT, wrap: tuple[str, ...] = ()
    ) -> Call:
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("L4_", "PYTEST_"))
        }
        environ |= {"L4_REPORT_DIR": str(reports), "COLUMNS": "200"} | NO_STACK | (env or {})
        command = [*wrap, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(
            command, cwd=root, env=environ, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        text = (reports / "l4-verdict.json").read_text() if (reports / "l4-verdict.json").exists() else ""
        verdict = str(json.loads(text)["verdict"]) if text else ""
        for suffix in ("xml", "html"):
            path = reports / f"l4-verdict.{suffix}"
            assert verdict == "GO" or not path.exists() or '"GO"' not in path.read_text()
        return Call(done.returncode, done.stdout + done.stderr, verdict)

    return run


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        pytest.param([], {"L4_FACTOR": "abc"}, "L4_FACTOR: expected a number", id="factor"),
        pytest.param(["--l4-factor=abc"], {}, "--l4-factor: expected a number", id="factor-as-option"),
        pytest.param(["--l4-factor", "0"], {}, "--l4-factor: expected a number", id="factor-with-a-space"),
        pytest.param(
            [], {"PYTEST_ADDOPTS": "--l4-factor=abc"}, "--l4-factor: expected", id="factor-in-addopts"
        ),
        pytest.param(
            ["--l4-stack=external"], {}, "--l4-stack external needs a URL", id="external-without-url"
        ),
        pytest.param(
            ["--l4-url=http://u:SECRET@h"], {"L4_STACK": ""}, "without a user name", id="password-in-url"
        ),
        pytest.param(["--l4-ulr=http://u:SECRET@h"], {}, "unknown option --l4-ulr", id="misspelt"),
        pytest.param(["-n", "2"], {}, "the gate in one process", id="workers"),
        pytest.param(
            ["--l4-report-dir=/proc/self/none"], {}, "report folder to write to", id="unwritable-folder"
        ),
        pytest.param(["-p", f"no:{RECORDER}"], {}, "switched off", id="recorder-off"),
        pytest.param(
            [], {"PYTEST_ADDOPTS": f"-p no:{RECORDER}"}, "switched off", id="recorder-off-by-environment"
        ),
    ],
)
def test_wrong_settings_are_one_sentence_and_exit_2(
    call: Callable[..., Call], arguments: list[str], environ: dict[str, str], told: str
) -> None:
    """A wrong setting must end pytest with one sentence and 2, without a traceback, a secret or an older GO."""
    done = call("-m", "l4_gate", *arguments, env=environ)

    assert done.returncode == USAGE, done.output
    assert told in done.output
    assert "SECRET" not in done.output
    assert len(done.output.strip().splitlines()) == 1, done.output
    if "--l4-report-dir=/proc/self/none" not in arguments:  # there the older GO is in a folder of another run
        assert done.verdict == "HOLD"


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        pytest.param(["--nope"], {}, id="unknown-option"),
        pytest.param(["tests/gaet"], {}, id="mistyped-path"),
        pytest.param(["-p", "no_such_plugin"], {}, id="missing-plugin"),
        pytest.param([], {"PYTEST_ADDOPTS": "-p no_such_plugin"}, id="missing-plugin-by-environment"),
        pytest.param(["--noconftest"], {}, id="no-conftest"),
        pytest.param(["-p", "no:l4gate.pytest_first", "tests/gaet"], {}, id="first-plugin-off"),
        pytest.param(["-o", "addopts=", "-x"], {}, id="configuration-overridden"),
    ],
)
def test_call_that_fails_early_is_no_verdict_and_leaves_no_go(
    call: Callable[..., Call], arguments: list[str], environ: dict[str, str]
) -> None:
    """Whatever pytest itself refuses must be no GO; its own codes must not be read as a verdict."""
    done = call("-m", "l4_gate", *arguments, env=environ)

    assert done.returncode not in VERDICTS or done.returncode == Verdict.HOLD.exit_code, done.output
    assert done.verdict == "HOLD", done.output


@pytest.mark.parametrize("option", ["--collect-only", "--help", "--fixtures", "--setup-plan"])
def test_call_that_runs_no_gate_is_hold(call: Callable[..., Call], option: str) -> None:
    """Asking for the gate and running nothing must be HOLD: a caller may read exit code 0 as GO."""
    done = call("-m", "l4_gate", option)

    assert (done.returncode, done.verdict) == (Verdict.HOLD.exit_code, "HOLD"), done.output


@pytest.mark.parametrize("name", [f"fixtures.{plugin}" for plugin in PLUGINS])
def test_run_without_a_plugin_of_ours_is_no_older_go(call: Callable[..., Call], name: str) -> None:
    """Without any one plugin a run in which no stack starts must not be GO or ABORT, on disk or by its exit code."""
    done = call("-m", "l4_gate", "-p", f"no:{name}", "-x")

    assert done.returncode not in (Verdict.GO.exit_code, Verdict.ABORT.exit_code), done.output
    assert done.verdict == "HOLD", done.output


def test_full_folder_loses_the_older_go(call: Callable[..., Call]) -> None:
    """Where not a byte more can be written, the older GO must go and the run must end before its stack starts."""
    done = call("-m", "l4_gate", wrap=("bash", "-c", 'ulimit -f 0; exec "$@"', "limited"))

    assert done.returncode == USAGE, done.output
    assert "expected a report folder to write to" in done.output
    assert done.verdict == ""


def test_conftest_that_raises_leaves_no_go(call: Callable[..., Call], tmp_path: Path) -> None:
    """A conftest that cannot be imported must leave HOLD, and an exit code that is no verdict."""
    for name in ("l4gate", "fixtures", "tests", "prometheus", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "conftest.py").write_text("raise RuntimeError('spoilt')\n")

    done = call("-m", "l4_gate", root=tmp_path)

    assert done.returncode not in VERDICTS, done.output
    assert done.verdict == "HOLD", done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "not l4_gate", "tests/unit/test_wait.py"],
        ["-m", "not (faults or nightly)", "tests/unit/test_wait.py"],
        ["tests/unit/test_wait.py"],
    ],
    ids=["excluded", "not-mentioned", "plain"],
)
def test_run_that_asks_for_no_gate_judges_nothing(call: Callable[..., Call], arguments: list[str]) -> None:
    """Other tests must exit as pytest does and must leave the report alone, which is of another run."""
    done = call(*arguments)

    assert (done.returncode, done.verdict) == (0, "GO"), done.output
