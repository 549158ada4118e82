"""Nothing is orphaned: every test is selected by a target, every target is run by a workflow that has what it needs."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.workflows import workflow_jobs
from l4gate.pytest_first import holds, joined
from l4gate.settings import GENERATIONS

ROOT = Path(__file__).parents[2]
# Targets that a person uses and no workflow: what they run is a part of another one, or nothing of ours.
BY_HAND = {
    "help": "prints",
    "env": "part of every target",
    "lint-env": "part of lint",
    "clean": "removes",
    "docs": "writes what tests/unit/test_pages.py holds",
    "promtool-check": "part of obs-lint",
    "promql-test-heartbeat": "part of promql-unit",
}
SPY = """
import json, os, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    found = {item.nodeid: sorted({mark.name for mark in item.iter_markers()}) for item in items}
    with open(os.environ["SPY"], "w") as file:
        json.dump(found, file)
    items.clear()
"""


@dataclass(frozen=True)
class Selection:
    """What a target runs of the tests: its marker expression and its paths."""

    markexpr: str
    paths: tuple[str, ...]

    def selects(self, test: str, markers: set[str]) -> bool:
        """As pytest does it; without an expression, conftest.py leaves the gate and what takes long out."""
        if self.paths and not test.startswith(self.paths):
            return False
        if self.markexpr:
            return holds(ast.parse(self.markexpr, mode="eval").body, markers)
        return not test.startswith("tests/gate/") and markers.isdisjoint(
            {"dr_rehearsal", "nightly", "variants", "mutants"}
        )


@dataclass(frozen=True)
class Job:
    """One job of a workflow, with one combination of its matrix: the target that it runs, and with what."""

    name: str
    target: str
    environ: dict[str, str]
    bare: bool
    expects_verdict: str

    @property
    def engine(self) -> bool:
        """Whether a container engine is there and demanded."""
        return not self.bare and self.environ.get("L4_REQUIRE_CONTAINERS") == "1"


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The markers of every test that there is, whatever a run would leave out."""
    folder = tmp_path_factory.mktemp("spy")
    (folder / "spy.py").write_text(SPY)
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("L4_", "PYTEST_"))}
    environ |= {"PYTHONPATH": str(folder), "SPY": str(folder / "found.json")}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "spy"]
    subprocess.run([*command, "tests"], cwd=ROOT, env=environ, capture_output=True, timeout=120, check=False)
    found: dict[str, list[str]] = json.loads((folder / "found.json").read_text())
    return {test: set(markers) for test, markers in found.items()}


def recipes() -> dict[str, str]:
    text = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z0-9-]+):.*\n\t@?(.*)$", text, re.MULTILINE))


def selections() -> dict[str, Selection]:
    """What each target that calls pytest runs."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-m", dest="markexpr", default="")
    parser.add_argument("-k", dest="keyword", default="")
    found = {}
    for target, recipe in recipes().items():
        if "$(PYTEST)" in recipe:
            known, rest = parser.parse_known_args(shlex.split(recipe.partition("$(PYTEST)")[2]))
            if not known.keyword:
                found[target] = Selection(
                    known.markexpr, tuple(each for each in rest if each.startswith("tests"))
                )
    return found


def jobs() -> Iterator[Job]:
    for file, name, job in workflow_jobs():
        for values in combinations(job.get("strategy", {}).get("matrix", {})):
            steps = [step for step in job.get("steps", ()) if "target" in step.get("with", {})]
            target = filled(steps[0]["with"]["target"], values) if steps else values.get("environment", "")
            environ = {key: filled(text, values) for key, text in job.get("env", {}).items()}
            expects = steps[0]["with"].get("expects-verdict", "") if steps else ""
            yield Job(f"{file} {name}", target, environ, "container" in job, expects)


def combinations(matrix: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    for key, values in matrix.items():
        if key == "include":
            return list(values)
        found = [{**each, key: value} for each in found for value in values]
    return found


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda match: values[match[1]], text)


def test_every_target_is_run_by_a_workflow() -> None:
    """Each target of the Makefile must be run by a job, or be named above with the reason why by none."""
    run = {job.target for job in jobs()}

    assert {target for target in recipes() if target not in run} == set(BY_HAND)
    assert run - {""} <= set(recipes())


def test_every_test_is_selected_by_a_target_of_a_workflow(tests: dict[str, set[str]]) -> None:
    """Each test, whatever its markers, must be selected by a target that some job runs."""
    run = {job.target for job in jobs()}
    chosen = [selection for target, selection in selections().items() if target in run]

    orphans = [test for test, marks in tests.items() if not any(each.selects(test, marks) for each in chosen)]

    assert len(tests) > 1_000
    assert orphans == []


@pytest.mark.parametrize("need", ["containers", "chromium"])
def test_what_a_test_needs_is_demanded_where_it_runs(tests: dict[str, set[str]], need: str) -> None:
    """Each test that needs an engine or a browser must run in a job that has it and fails without it."""
    variable = f"L4_REQUIRE_{need.upper()}"
    able = {
        job.target
        for job in jobs()
        if job.environ.get(variable) == "1" and (job.engine or need != "containers")
    }
    chosen = [selection for target, selection in selections().items() if target in able]
    needing = {test: marks for test, marks in tests.items() if need in marks}

    assert needing
    assert [
        test for test, marks in needing.items() if not any(each.selects(test, marks) for each in chosen)
    ] == []


def test_jobs_in_containers_see_no_engine() -> None:
    """A job in a container sees the runner's engine, whose folders are elsewhere, so it must be told of none."""
    for job in jobs():
        if job.bare and job.target in {"test", "faults", "examples", "claims", "pages"}:
            assert job.environ.get("DOCKER_HOST", "").startswith("unix:///no-engine"), job.name
        assert not (job.bare and "L4_REQUIRE_CONTAINERS" in job.environ), job.name


def test_every_generation_is_judged_on_both_stacks() -> None:
    """The gate and the catalogue must run nightly with each generation, as processes and as containers."""
    for target in ("gate", "faults"):
        for engine in (True, False):
            found = {
                job.environ.get("L4_GENERATION")
                for job in jobs()
                if job.target == target and job.engine == engine
            }
            assert set(GENERATIONS) <= found, (target, engine)


def test_every_profile_is_used_by_a_target() -> None:
    """Each profile of hypothesis must be the default one or be named by a target."""
    text = (ROOT / "fixtures" / "profiles.py").read_text()
    registered = set(re.findall(r'register_profile\(\s*"(\w+)"', text))
    loaded = set(re.findall(r'load_profile\("(\w+)"', text))
    named = {
        match for recipe in recipes().values() for match in re.findall(r"--hypothesis-profile=(\w+)", recipe)
    }

    assert registered == loaded | named


def test_summary_of_a_gate_is_hold_without_its_verdict() -> None:
    """Each job that runs the gate must say so to the step summary, which would else call a missing verdict `passed`."""
    for job in jobs():
        runs_gate = job.target in ("gate", "sandbox-smoke-60s")
        assert job.expects_verdict in (
            ["true", "${{ matrix.target == 'gate' }}"]
            if runs_gate
            else ["", "${{ matrix.target == 'gate' }}"]
        ), job


@pytest.mark.parametrize("path", ["@/no/such/fleet.txt", "/no/such/folder", "./reports-of-tomorrow", "docs"])
def test_a_path_after_one_of_our_options_is_its_value(path: str) -> None:
    """A path, there or not, and a file of realms must be joined to the option, or pytest takes them for its own."""
    assert joined(["-m", "l4_gate", "--l4-realm", path]) == ["-m", "l4_gate", f"--l4-realm={path}"]
    assert joined(["--l4-url", "http://h:1", "--l4-keep-stack"]) == [
        "--l4-url",
        "http://h:1",
        "--l4-keep-stack",
    ]
