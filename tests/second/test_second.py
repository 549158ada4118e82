"""
A second service, with other names, paces and limits for everything, under the unchanged code.

What the code knew of the first one by heart breaks here: tests/second/harbour is a contract with translated rules and
promtool tests beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.contract import CONTRACT
from l4gate import faults
from l4gate.base import Verdict
from l4gate.contract import GATES, Contract, load_contract
from l4gate.faults import Fault, open_site
from l4gate.faults.exercise import exercise
from l4gate.faults.model import Site
from l4gate.lint import as_text, lint
from l4gate.programs import Promtool, host_promtool, release_of
from l4gate.rules import load_rules, render, rendered_rules
from l4gate.rules.scaling import scale_rule_file
from l4gate.settings import Settings
from tests.support.promtool_tests import load_test_files
from tests.support.rule_coverage import named_windows, problems
from tests.support.scale_promtool import FUZZY_SINCE, scale_promtool_test

ROOT = Path(__file__).parents[2]
HARBOUR = Path(__file__).parent / "harbour"
SECOND = load_contract(HARBOUR)
TESTS = load_test_files(HARBOUR / "tests")
GATE_SECONDS = 120.0  # takes 12 s
SCALED_BY = 8  # a power of two: dividing by it changes no digit of any number
FAULTS = """
    writer/died writer/stays-dead writer/stuck-sequence writer/clock-ahead
    transport/gateway-killed transport/other-realm transport/push-rejected transport/push-swallowed
    scrape/honor-labels-missing scrape/self-scrape-limit scrape/target-list-empty scrape/textfile-path-dropped
    rules/threshold-edited rules/not-loaded rules/alert-missing rules/rule-missing rules/rule-fails
    rules/decision-pushed
    query/cached query/partial
    rules/links-pushed rules/links-let-in rules/alert-let-in rules/alarm-let-in rules/energy-by-textfile-let-in
    scrape/up-by-textfile-let-in scrape/realm-rewritten transport/textfile-only transport/other-instance
    rules/fresh-limit-lowered rules/threshold-lowered rules/for-removed rules/foreign-recording
    query/cached-but-for-numbers query/clock-behind rules/alert-silenced
    verdict/ships-lost verdict/cranes-stuck verdict/queue-unknown
    run/rules-broken
""".split()


def names(contract: Contract) -> set[str]:
    """Every name that is the contract's own choice."""
    label, heartbeat = contract.abort.label, contract.heartbeat
    own = {name for name in (*contract.inputs, *contract.recorded) if contract.is_ours(name)}
    own |= {each.alert for each in (*contract.abort.conditions, *contract.warnings)}
    own |= {each.job for each in contract.targets}
    own |= {each.id for each in contract.criteria.certificate}
    own |= {each.name for each in contract.simulation.faults}
    own |= {contract.realm.label, contract.realm.default, contract.service, label.name, label.value}
    return own | {heartbeat.job, heartbeat.instance, contract.rehearsal.job, contract.simulation.job}


@pytest.fixture(scope="module")
def second(settings: Settings) -> Settings:
    """The settings of this run, for the second configuration."""
    return replace(settings, config_dir=HARBOUR, realms=())


@pytest.fixture(name="promtool", scope="module")
def _promtool(settings: Settings) -> Promtool:
    return host_promtool(settings.generation, settings.cache_dir)


def test_it_shares_no_name_and_no_pace_with_the_first() -> None:
    """No name and no number must be shared: else one that the code knows by heart would be right here as well."""
    assert names(SECOND) & names(CONTRACT) == set()
    for one, other in (
        (SECOND.pace.beat, CONTRACT.pace.beat),
        (SECOND.pace.scrape, CONTRACT.pace.scrape),
        (SECOND.pace.rules, CONTRACT.pace.rules),
        (SECOND.heartbeat.fresh, CONTRACT.heartbeat.fresh),
        (SECOND.heartbeat.changes, CONTRACT.heartbeat.changes),
        (SECOND.evidence, CONTRACT.evidence),
        (SECOND.abort.for_seconds, CONTRACT.abort.for_seconds),
    ):
        assert one != other
    assert {path.name for path in (HARBOUR / "rules").iterdir()}.isdisjoint(
        path.name for path in (ROOT / "prometheus" / "rules").iterdir()
    )


def test_it_is_clean(promtool: Promtool) -> None:
    """The lint must find nothing in rules that are right under other names."""
    report = lint(HARBOUR, promtool=promtool)

    assert report.clean, as_text(report)


def test_the_lint_holds_it_to_its_own_limits(promtool: Promtool, tmp_path: Path) -> None:
    """A limit that the rules do not share must be found, in this contract as in the first."""
    for path in HARBOUR.rglob("*.yml"):
        copy = tmp_path / "other" / path.relative_to(HARBOUR)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        copy.write_text(text.replace("limit: 90s", "limit: 80s").replace("&strained 0.7", "&strained 0.8"))

    found = as_text(lint(tmp_path / "other", promtool=promtool))

    assert "contract/fresh-bounds" in found
    assert "contract/abort-alerts" in found


def test_none_of_its_rules_is_without_a_test() -> None:
    """What holds the tests of the first configuration must hold these, but for the discipline of situations."""
    assert list(problems(load_rules(HARBOUR), TESTS, None)) == []
    windows = list(named_windows(load_rules(HARBOUR)))
    assert windows
    assert [each for each in windows if each.named != each.looked_at] == []


@pytest.mark.parametrize("test", [file.path for file in TESTS], ids=lambda path: path.stem)
def test_scaled_promtool_tests_pass(test: Path, tmp_path: Path, promtool: Promtool) -> None:
    """Its promtool tests must pass in scaled time: times under names that do not say so were scaled too."""
    is_time = SECOND.in_seconds
    for path in (HARBOUR / "rules").iterdir():
        (tmp_path / "rules").mkdir(exist_ok=True)
        text = scale_rule_file(path.read_text(), SCALED_BY, annotations=False, is_time=is_time)
        (tmp_path / "rules" / path.name).write_text(text)
    fuzzy = release_of(promtool.version) >= FUZZY_SINCE
    (tmp_path / "tests").mkdir()
    scaled = scale_promtool_test(test.read_text(), SCALED_BY, fuzzy=fuzzy, is_time=is_time)
    (tmp_path / "tests" / test.name).write_text(scaled)

    result = promtool.run("test", "rules", f"tests/{test.name}", folder=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr


def test_another_realm_of_it_has_rules_of_its_own(tmp_path: Path) -> None:
    """Its rules for another realm must name that realm alone, and be what a run expects to be loaded."""
    render(HARBOUR, tmp_path, factor=20, realms=("red",), addresses={})

    text = "".join(path.read_text() for path in (tmp_path / "rules").iterdir())
    assert "zone: red" in text
    assert "blue" not in text
    expected = rendered_rules(HARBOUR, factor=20, realms=("red",))
    assert len(expected) == len(load_rules(HARBOUR))


def test_the_gate_is_go(tmp_path: Path) -> None:
    """The unchanged gate must be GO with all its gates, which includes an ABORT and the rollback."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("L4_", "PYTEST_"))}
    for name in ("L4_GENERATION", "L4_CACHE_DIR"):
        if name in os.environ:
            environ[name] = os.environ[name]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "l4_gate", "-p", "no:cacheprovider"]
    command += ["--l4-config-dir", str(HARBOUR), "--l4-stack", "processes", f"--l4-report-dir={tmp_path}"]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=GATE_SECONDS, check=False
    )

    assert done.returncode == Verdict.GO.exit_code, done.stdout + done.stderr
    report = json.loads((tmp_path / "l4-verdict.json").read_text())
    assert report["verdict"] == "GO"
    assert len(report["gates"]) == len(GATES)
    assert f"{len(GATES)} of {len(GATES)} passed" in done.stdout


class Sites:
    """One site for all faults; a new one after a fault that left it spoilt."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = ExitStack()
        self._site: Site | None = None

    def get(self) -> Site:
        if self._site is None:
            self._site = self._opened.enter_context(open_site(self._settings))
        return self._site

    def close(self) -> None:
        self._site = None
        self._opened.close()


@pytest.fixture(scope="module")
def sites(second: Settings) -> Iterator[Sites]:
    """Where the running site of the second service is had from."""
    holder = Sites(second)
    yield holder
    holder.close()


def test_its_faults_are_of_every_stage() -> None:
    """There must be ten faults of six stages at least, and every one of its own."""
    chosen = [faults.find_fault(name, SECOND) for name in FAULTS]

    assert len(chosen) >= 10
    assert {each.stage.name for each in chosen} >= {
        *("WRITER", "TRANSPORT", "SCRAPE", "RULES", "QUERY", "VERDICT"),
    }
    assert {f"verdict/{each.name}" for each in SECOND.simulation.faults} <= set(FAULTS)


@pytest.mark.faults
@pytest.mark.parametrize(
    "fault", [faults.find_fault(name, SECOND) for name in FAULTS], ids=lambda each: each.id
)
def test_fault(fault: Fault, sites: Sites) -> None:
    """The verdict and its first cause must be those of the register, stay, and be GO again after healing."""
    try:
        result = exercise(sites.get(), fault)
        assert result.right, f"{result.wrongs}: expected {result.expected}\n{result.message}"
    except BaseException:
        sites.close()
        raise
