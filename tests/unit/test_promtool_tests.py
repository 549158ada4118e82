"""Test files with which promtool would pass for nothing are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from l4gate.base import RuleError
from l4gate.programs import PromtoolResult
from l4gate.rules import RuleGroup
from l4gate.rules import parse_rule_text as parse
from tests.support.promtool_tests import TestFile, load_test_file, run_test_file
from tests.support.rule_coverage import Reasons, load_reasons, problems, table

RULES = """
groups:
  - name: area
    interval: 30s
    rules:
      - {record: first, expr: x, labels: {metric_realm: prod}}
      - {alert: Second, expr: x == 0}
"""
TESTS = """
rule_files: [../../prometheus/rules/area.rules.yml]
evaluation_interval: 30s
tests:
  - name: "fresh, stale, absent, duplicated, skewed, restarted, foreign, boundary: all"
    interval: 30s
    input_series: [{series: x, values: "0x9 1"}]
    promql_expr_test:
      - {expr: first, eval_time: 0m, exp_samples: [{labels: "first{}", value: 0}]}
    alert_rule_test:
      - {alertname: Second, eval_time: 0m, exp_alerts: [{}]}
"""
NO_REASONS = Reasons({}, {})


def groups() -> tuple[RuleGroup, ...]:
    return parse(RULES, "prometheus/rules/area.rules.yml")


def load(folder: Path, text: str) -> TestFile:
    path = folder / "area_test.yml"
    path.write_text(text)
    return load_test_file(path)


def found(folder: Path, *changes: tuple[str, str], reasons: Reasons | None = NO_REASONS) -> list[str]:
    """The problems of the tests above after these replacements."""
    text = TESTS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return list(problems(groups(), [load(folder, text)], reasons))


def test_a_complete_file_has_no_problem(tmp_path: Path) -> None:
    """Tests of every rule in every situation must be accepted."""
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "rule_files: [../../prometheus/rules/area.rules.yml]",
            "rule_files: []",
            "expected at least one, found none",
        ),
        ("../../prometheus/rules/area", "../area", "expected one rule file below rules/"),
        ("area.rules.yml", "*.rules.yml", "expected one rule file below rules/"),
        ("alertname: Second", "alert_name: Second", "found 'alert_name'"),
        ("expr: first", "expr: first +", "expected PromQL"),
    ],
)
def test_a_vacuous_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A test file without rule files, with one from elsewhere, a misspelt key or no PromQL must be refused."""
    assert old in TESTS
    with pytest.raises(RuleError, match=r"area_test\.yml:") as caught:
        load(tmp_path, TESTS.replace(old, new))

    assert message in str(caught.value)


@pytest.mark.parametrize("tests", ["[]", "[{name: 'fresh: x', interval: 1m}]"])
def test_a_file_without_expectations_is_refused(tmp_path: Path, tests: str) -> None:
    """An empty list of tests, and a test that expects nothing at all, must be refused."""
    with pytest.raises(RuleError, match="promtool would pass"):
        load(tmp_path, TESTS.split("tests:\n", maxsplit=1)[0] + f"tests: {tests}\n")


def test_a_missing_rule_file_is_refused(tmp_path: Path) -> None:
    """A rule file that is not there must fail before promtool can pass."""
    with pytest.raises(RuleError, match=r"expected the rule file .*area\.rules\.yml, found none"):
        run_test_file(load(tmp_path, TESTS), tmp_path, Content())


def test_a_rule_without_test_is_named(tmp_path: Path) -> None:
    """A rule that no expectation names must be a problem."""
    only_expr = TESTS[TESTS.index("    alert_rule_test:") :]

    assert found(tmp_path, (only_expr, "")) == ["Second: expected a test, found none."]


def test_labels_without_name_are_named(tmp_path: Path) -> None:
    """A sample without a name is taken by promtool; here it must say of which metric it is."""
    assert found(tmp_path, ('labels: "first{}"', 'labels: "{}"')) == [
        "area_test.yml:9: expected the labels with the metric name, found '{}'."
    ]


def test_a_name_without_situation_is_named_where_situations_are_asked_for(tmp_path: Path) -> None:
    """A test must say in which situation its rules are; another configuration may do without that discipline."""
    change = ("fresh, stale", "frisch, stale")

    assert found(tmp_path, change)[0].startswith("area_test.yml:5: expected a name 'SITUATION: sentence'")
    assert found(tmp_path, change, reasons=None) == []


def test_a_situation_without_test_or_reason_is_named(tmp_path: Path) -> None:
    """An empty cell needs a reason, and one that is not empty must have none."""
    reasons = Reasons(
        {("first", "skewed"): "no clock", ("Second", "stale"): "needless", ("Third", "stale"): "who?"}, {}
    )

    assert found(tmp_path, (", skewed", ""), reasons=reasons) == [
        "Second, stale: there is a test; remove it from coverage.yml.",
        "Second, skewed: expected a test or a reason in coverage.yml, found neither.",
        "coverage.yml: expected names of rules, found Third.",
    ]


def test_an_expectation_about_no_rule_is_named(tmp_path: Path) -> None:
    """A misspelt name that is expected to give nothing must count as no proof."""
    control = "[{labels: 'firsd{}', value: 0}]"
    cases = f"- {{expr: firsd, eval_time: 0m, exp_samples: {control}}}\n      - {{expr: first"

    assert found(tmp_path, ("- {expr: first", cases)) == [
        "area_test.yml:9: firsd is no rule; an expectation about it proves nothing."
    ]


def test_nothing_needs_a_control(tmp_path: Path) -> None:
    """An expectation of nothing must count only beside one of something, in the same test."""
    assert found(tmp_path, ("exp_alerts: [{}]", "exp_alerts: []")) == [
        "area_test.yml:11: expects nothing of Second; expected the same test to show that it can have a result."
    ]


def test_another_interval_is_named(tmp_path: Path) -> None:
    """Tests must run at the interval of the rules' group, which promtool itself ignores."""
    [problem] = found(tmp_path, ("evaluation_interval: 30s", "evaluation_interval: 1m"))

    assert problem.startswith("area_test.yml: expected the evaluation interval of its groups")
    assert (
        found(
            tmp_path,
            ("evaluation_interval: 30s", "evaluation_interval: 1m"),
            reasons=Reasons({}, {"area_test.yml": "x"}),
        )
        == []
    )


def test_the_table_shows_what_is_missing(tmp_path: Path) -> None:
    """A covered cell must be yes, a reason must be a numbered note, and anything else must be loud."""
    file = load(tmp_path, TESTS.replace(", skewed", "").replace(", foreign", ""))

    text = table(groups(), [file], Reasons({("first", "skewed"): "no clock"}, {}))

    assert "| `first` | yes | yes | yes | yes | (1) | yes | **MISSING** | yes |" in text
    assert "1. no clock" in text


def test_reasons_are_read_strictly(tmp_path: Path) -> None:
    """An unknown situation and a second reason for one cell must be refused."""
    path = tmp_path / "coverage.yml"
    entry = "{{reason: x, situations: [{0}], rules: [first]}}"
    for listed, message in (
        (entry.format("rainy"), "found 'rainy'"),
        (f"{entry.format('stale')}, {entry.format('stale')}", "found a second for first, stale"),
    ):
        path.write_text(f"intervals: {{}}\nnot_tested: [{listed}]\n")
        with pytest.raises(RuleError, match=r"coverage\.yml:2:") as caught:
            load_reasons(path)
        assert message in str(caught.value)


class Content:
    """A promtool that is content with everything, as the real one is with a missing rule file."""

    version = origin = "none"

    def run(self, *args: str, folder: Path, timeout_seconds: float = 60) -> PromtoolResult:
        """Says SUCCESS."""
        del args, folder, timeout_seconds
        return PromtoolResult(0, "SUCCESS", "")
