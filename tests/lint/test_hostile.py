"""Lint over files that somebody wrote to break it: findings with a place, soon, and nothing else."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import yaml

from fixtures.hostile_texts import CHAINS, ODD_YAML, UNPARSABLE
from l4gate.base import PROMETHEUS_DIR, RuleError, yamldoc
from l4gate.lint import lint
from l4gate.lint.engine import Report

SECONDS = 10  # for ten thousand rules; twice that here, because others are at work
FILE = "hostile.rules.yml"


def linted(tmp_path: Path, text: str) -> Report:
    folder = tmp_path / "prometheus"
    shutil.copytree(PROMETHEUS_DIR, folder)
    (folder / "rules" / FILE).write_text(text, encoding="utf-8")
    return lint(folder, promtool=None)


def group(*rules: tuple[str, str]) -> str:
    """A rule file of these names and expressions."""
    written = [{"record": name, "expr": expr, "labels": {"metric_realm": "prod"}} for name, expr in rules]
    return yaml.safe_dump({"groups": [{"name": "hostile", "interval": "30s", "rules": written}]}, width=100)


@pytest.mark.parametrize(
    "name", [name for name, text in UNPARSABLE.items() if text.strip() and text.isprintable()]
)
def test_a_hostile_expression_is_a_finding_at_its_line(tmp_path: Path, name: str) -> None:
    """An expression that cannot be read must be a finding in its file, with a line."""
    report = linted(tmp_path, group(("level:metric:one", UNPARSABLE[name])))

    found = [each for each in report.findings if each.place.file.endswith(FILE)]
    assert [each.id for each in found] == ["rules/parse"]
    assert found[0].place.line > 0
    assert len(found[0].what) < 1000


@pytest.mark.parametrize("name", CHAINS)
def test_rules_that_read_each_other_come_to_an_end(tmp_path: Path, name: str) -> None:
    """However rules read each other, every check must end, or say that it was not made; and none may be clean."""
    started = time.process_time()
    report = linted(tmp_path, group(*CHAINS[name]))

    assert time.process_time() - started < 2 * SECONDS
    assert report.findings
    for each in report.findings:
        assert (
            each.kind != "not-run"
            or "more levels than can be followed" in each.what
            or "promtool" in each.what
        )


def test_a_wide_circle_is_found(tmp_path: Path) -> None:
    """Each rule of a circle must be told that it feeds itself, and a rule beside it not."""
    report = linted(tmp_path, group(*CHAINS["a circle"], ("level:n:beside", "level:n:1")))

    found = [each.what for each in report.findings if each.id == "rules/circle"]
    assert len(found) == 3000
    assert not any("beside" in what for what in found)


@pytest.mark.parametrize("many", [2_000, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_lint_is_linear(many: int, tmp_path: Path) -> None:
    """The time of each rule must not grow with their number: ten thousand must be linted in seconds."""
    rules = [
        (
            f"level:many:{number}",
            f'sum by (metric_realm) (rate(many_{number}_total{{metric_realm="prod"}}[5m])) / 2',
        )
        for number in range(many)
    ]
    text = group(*rules)
    started = time.process_time()
    report = linted(tmp_path, text)

    assert time.process_time() - started < 2 * SECONDS * many / 10_000 + 2
    assert report.rules > many


@pytest.mark.parametrize("name", ODD_YAML)
def test_odd_yaml_is_one_sentence(tmp_path: Path, name: str) -> None:
    """What is no rule file, or too much of one, must be said in one sentence and soon; as data as well."""
    started = time.process_time()
    with pytest.raises(RuleError, match="expected"):
        yamldoc.read(ODD_YAML[name], "odd.yml").mapping(
            yamldoc.read(ODD_YAML[name], "odd.yml").root, ("groups",)
        )
    report = linted(tmp_path, ODD_YAML[name])

    assert [each.id for each in report.findings if each.place.file.endswith(FILE)] == ["rules/parse"]
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "text", ["[9" + "9" * 5000 + "]", "a: 2024-99-99", "!!int x", "!!float x", "? [a]\n: b"]
)
def test_values_that_cannot_be_are_refused(text: str) -> None:
    """A number of thousands of digits, or the 99th day of a month, must be an error of ours with its place."""
    with pytest.raises(RuleError, match=r"odd\.yml:1:\d+: expected (YAML values|a number of at most)"):
        yamldoc.plain(text, "odd.yml")


@pytest.mark.parametrize("limit", ["9" * 5000, "\u0663", "1e3", "-1"])
def test_an_odd_limit_is_refused(tmp_path: Path, limit: str) -> None:
    """The limit of a group must be a whole number that Prometheus could hold."""
    text = f"groups: [{{name: a, limit: {limit}, rules: [{{record: 'a:b:c', expr: up}}]}}]"

    found = [each for each in linted(tmp_path, text).findings if each.place.file.endswith(FILE)]

    assert [each.id for each in found] == ["rules/parse"]
