"""The configuration of a run differs from the repository's in what was asked for, and in nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from difflib import ndiff
from pathlib import Path

import pytest

from l4gate.base import RuleError, UsageError
from l4gate.contract import CONTRACT_NAME
from l4gate.promql import selectors
from l4gate.rules import ALERTING_FILE, RuleGroup, load_rules, render, rendered_rules
from l4gate.rules.fleet import ROSTER_GROUP

SOURCE = Path("prometheus")
ADDRESSES = {
    "prometheus:9090": "127.0.0.1:41",
    "pushgateway:9091": "127.0.0.1:42",
    "node-exporter:9100": "[::1]:43",
}


def files(folder: Path) -> dict[str, str]:
    """Every YAML file of Prometheus below a folder by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in sorted(folder.rglob("*.yml"))
        if path.name not in (CONTRACT_NAME, ALERTING_FILE)
    }


def added(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return [line[2:].strip() for line in ndiff(list(old), list(new)) if line.startswith("+ ")]


def test_production_differs_in_addresses_only(tmp_path: Path) -> None:
    """At factor 1 and for realm prod, each changed line must be one with an address, and nothing else may change."""
    render(SOURCE, tmp_path, factor=1, realms=("prod",), addresses=ADDRESSES)
    before, after = files(SOURCE), files(tmp_path)
    changed = [line for name in before for line in added(before[name].splitlines(), after[name].splitlines())]

    assert before.keys() == after.keys()
    assert changed == [
        "- targets: [127.0.0.1:41]",
        "- targets: [127.0.0.1:42]",
        '- targets: ["[::1]:43"]',
    ]


def test_production_with_its_own_addresses_is_the_same(tmp_path: Path) -> None:
    """Without any address to change, every file must be the same byte for byte."""
    render(SOURCE, tmp_path, factor=1, realms=("prod",), addresses={})

    assert files(tmp_path) == files(SOURCE)


def test_scaled_stack_is_scaled_everywhere(tmp_path: Path) -> None:
    """At factor 60 configuration and rules must be scaled alike."""
    render(SOURCE, tmp_path, factor=60, realms=("prod",), addresses={})

    assert "scrape_interval: 250ms" in (tmp_path / "prometheus.yml").read_text()
    assert {group.interval_seconds for group in load_rules(tmp_path)} == {0.5}


def test_other_realm_is_meant_everywhere(tmp_path: Path) -> None:
    """For another realm no rule must select, label or name the default one."""
    render(SOURCE, tmp_path, factor=1, realms=("staging",), addresses={})
    groups = load_rules(tmp_path)

    for rule in (rule for group in groups for rule in group.rules):
        realms = {
            m.value for each in selectors(rule.tree) for m in each.matchers if m.label == "metric_realm"
        }
        assert realms <= {"staging"}, rule
        assert rule.labels.get("metric_realm", "staging") == "staging"
    assert all(group.name.endswith("-staging") for group in groups)
    for name in ("prometheus.yml", "targets/node_exporter.yml"):
        lines = (tmp_path / name).read_text().splitlines()
        assert not [line for line in lines if "metric_realm: prod" in line and not line.startswith("#")]


def test_relabelling_means_the_other_realm_too(tmp_path: Path) -> None:
    """A step that writes the realm, or looks at it alone, must mean the realm of the run, and no other text change."""
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    path = source / "prometheus.yml"
    steps = """
      - { target_label: metric_realm, replacement: prod }
      - { source_labels: [metric_realm], regex: prod, action: keep }
      - { target_label: stage, replacement: prod }
"""
    path.write_text(path.read_text().rstrip("\n") + steps)

    render(source, tmp_path / "run", factor=1, realms=("staging",), addresses={})

    rendered = (tmp_path / "run/prometheus.yml").read_text()
    assert rendered.endswith(
        """
      - { target_label: metric_realm, replacement: staging }
      - { source_labels: [metric_realm], regex: staging, action: keep }
      - { target_label: stage, replacement: prod }
"""
    )


def test_two_realms_share_their_rules(tmp_path: Path) -> None:
    """Two realms must have one rule set, in which what the targets say of themselves carries the first realm."""
    render(SOURCE, tmp_path, factor=1, realms=("staging", "prod"), addresses={})
    groups = load_rules(tmp_path)
    up = {
        matcher.value
        for group in groups
        for rule in group.rules
        for each in selectors(rule.tree)
        for matcher in each.matchers
        if each.name == "up" and matcher.label == "metric_realm"
    }

    assert {group.name for group in groups} == {*(group.name for group in load_rules(SOURCE)), ROSTER_GROUP}
    assert up == {"staging"}
    assert "prod" not in (tmp_path / "rules/heartbeat.rules.yml").read_text()


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("sum(duri_heartbeat_ok{metric_realm='prod'})", "has no label that says of which realm"),
        ("duri_heartbeat_ok{metric_realm!='prod'}", 'selects metric_realm!="prod"'),
        ("label_replace(duri_heartbeat_ok, 'metric_realm', 'prod', '', '')", "writes metric_realm itself"),
    ],
)
def test_rule_that_would_mix_realms_is_refused(expression: str, why: str, tmp_path: Path) -> None:
    """A rule whose result could not be told apart by realm must be refused with file and line, and not be rendered."""
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    rule = f'groups: [{{name: g, interval: 30s, rules: [{{record: "a:b:c", expr: "{expression}"}}]}}]\n'
    (source / "rules/mixed.rules.yml").write_text(rule)

    with pytest.raises(RuleError, match="cannot be rendered for several realms") as caught:
        render(source, tmp_path / "out", factor=1, realms=("prod", "staging"), addresses={})

    assert why in caught.value.message
    assert "mixed.rules.yml:1" in caught.value.message


@pytest.mark.parametrize("factor", [1, 60])
def test_rules_as_rendered_are_those_that_are_written(factor: float, tmp_path: Path) -> None:
    """What a server is held against must be what would be written for it, named by the file that it comes from."""
    realms = ("staging", "prod")
    render(SOURCE, tmp_path, factor=factor, realms=realms, addresses={})

    def without_files(groups: Iterable[RuleGroup]) -> list[RuleGroup]:
        return [
            replace(group, file="", rules=tuple(replace(rule, file="") for rule in group.rules))
            for group in groups
        ]

    found = rendered_rules(SOURCE, factor=factor, realms=realms)

    assert without_files(found) == without_files(load_rules(tmp_path))
    assert str(SOURCE / "rules" / "abort.rules.yml") in {group.file for group in found}


def test_rendering_again_leaves_nothing_behind(tmp_path: Path) -> None:
    """A second rendering must not leave rules of the first one to be loaded."""
    render(SOURCE, tmp_path, factor=60, realms=("prod", "staging"), addresses={})
    render(SOURCE, tmp_path, factor=1, realms=("prod",), addresses={})

    assert files(tmp_path) == files(SOURCE)


def test_unknown_address_is_refused(tmp_path: Path) -> None:
    """An address that is not in the source must be refused: the run would scrape something else."""
    with pytest.raises(UsageError, match="expected the address nowhere:1"):
        render(SOURCE, tmp_path, factor=1, realms=("prod",), addresses={"nowhere:1": "x:1"})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("realms", [(), ("prod",)])
def test_source_is_never_overwritten(realms: tuple[str, ...]) -> None:
    """Rendering onto the source, or for no realm, must be refused."""
    with pytest.raises(UsageError, match="expected at least one realm and two folders"):
        render(SOURCE, SOURCE / "../prometheus", factor=1, realms=realms, addresses={})


def test_realm_that_cannot_be_rewritten_is_refused(tmp_path: Path) -> None:
    """A pattern over realms must be refused for another realm, with its file."""
    source = tmp_path / "source"
    (source / "rules").mkdir(parents=True)
    (source / "prometheus.yml").write_text("global: {}\n")
    rule = "groups: [{name: g, rules: [{record: r, expr: 'count(x{metric_realm=~\"prod|test\"})'}]}]\n"
    (source / "rules/a.rules.yml").write_text(rule)

    with pytest.raises(RuleError, match=r"a.rules.yml: expected metric_realm="):
        render(source, tmp_path / "out", factor=1, realms=("staging",), addresses={})
