"""Which promtool tests run for which configuration."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.checks import CheckResult, Checks
from fixtures.promtool_items import config_of
from l4gate.settings import Settings

CONFIG = """
global: {scrape_interval: 15s, evaluation_interval: 30s}
rule_files: [rules/*.rules.yml]
"""
RULES = """
groups:
  - {name: area, interval: 30s, rules: [{record: doubled, expr: 2 * single}]}
"""
TESTS = """
rule_files: [../rules/area.rules.yml]
evaluation_interval: 30s
tests:
  - name: twice
    interval: 30s
    input_series: [{series: single, values: "3"}]
    promql_expr_test:
      - {expr: doubled, eval_time: 0m, exp_samples: [{labels: doubled, value: 6}]}
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A configuration outside of the repository, with tests of its own."""
    folder = tmp_path / "elsewhere"
    for name, text in {
        "prometheus.yml": CONFIG,
        "rules/area.rules.yml": RULES,
        "tests/area_test.yml": TESTS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def unit_tests(settings: Settings, config_dir: Path) -> CheckResult:
    """What the gate's own promtool tests say about a configuration."""
    checks = Checks(replace(settings, config_dir=config_dir), {"rules/unit-tests"})
    try:
        return checks.result("unit-tests")
    finally:
        checks.stop()


def test_the_gate_runs_the_tests_beside_the_rules(settings: Settings, elsewhere: Path) -> None:
    """A configuration with tests of its own must be judged by those, and by them alone."""
    result = unit_tests(settings, elsewhere)

    assert result.returncode == 0, result.output
    assert result.last_line.startswith("1 passed in")


def test_a_failing_test_beside_the_rules_fails_the_gate(settings: Settings, elsewhere: Path) -> None:
    """Its failure must be the gate's, in promtool's own words."""
    rules = elsewhere / "rules" / "area.rules.yml"
    rules.write_text(RULES.replace("2 *", "3 *"))

    result = unit_tests(settings, elsewhere)

    assert result.returncode == 1
    assert "9E+00" in result.output


def test_an_empty_folder_of_tests_is_no_pass(settings: Settings, elsewhere: Path) -> None:
    """A configuration whose own tests are gone must NOT pass by those of this repository."""
    (elsewhere / "tests" / "area_test.yml").unlink()

    assert unit_tests(settings, elsewhere).returncode == 5


def test_other_rules_without_tests_fail_in_words(settings: Settings, elsewhere: Path) -> None:
    """Rules that no test is about must fail, soon and with the reason."""
    shutil.rmtree(elsewhere / "tests")

    result = unit_tests(settings, elsewhere)

    assert result.returncode == 1
    assert "expected the rule file" in result.output
    assert "Traceback" not in result.output
    assert "_run_together" not in result.output


def test_a_test_is_about_the_configuration_that_it_lies_in(elsewhere: Path) -> None:
    """A test file must be about the configuration that it lies in, else about the one that is judged."""
    judged = Path("judged")

    assert config_of(elsewhere / "tests" / "area_test.yml", judged) == elsewhere
    assert config_of(Path("tests", "promql", "area_test.yml"), judged) == judged
    assert config_of(elsewhere / "other" / "area_test.yml", judged) == judged
