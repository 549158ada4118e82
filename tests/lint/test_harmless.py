"""What is right stays without a finding, however it is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from l4gate import promql
from l4gate.lint.engine import CHECKS, Report
from l4gate.programs import Promtool, release_of
from tests.lint.conftest import ROOT

A_DURATION = "< bool 2m"
DURATION_AS_NUMBER_SINCE = (3, 0)  # seen: 2.53 refuses it, 3.5 takes it
FILES = sorted(
    path.relative_to(ROOT / "prometheus").as_posix() for path in (ROOT / "prometheus").rglob("*.yml")
)


def reordered(text: str) -> str:
    """Every mapping's keys the other way round, and alerts in the opposite order."""

    def turn(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turn(value[key]) for key in reversed(value)}
        if isinstance(value, list):
            items = [turn(each) for each in value]
            return items[::-1] if all(isinstance(each, dict) and "alert" in each for each in items) else items
        return value

    return yaml.safe_dump(turn(yaml.safe_load(text)), sort_keys=False)


def recommented(text: str) -> str:
    """A label under another name in every comment."""
    return "# metric_realm was realm\n" + re.sub(
        r"(?m)^( *# ).*$", lambda found: found[1] + 'realm="prod", {job} or vector(1)', text
    )


def rewritten(text: str) -> str:
    """Every expression in another spelling: operands of products and comparisons swapped, and parentheses."""
    document = yaml.safe_load(text)
    for group in document.get("groups", []) if isinstance(document, dict) else []:
        for rule in group["rules"]:
            tree = promql.transform(promql.normalise(promql.parse(rule["expr"])), _swapped)
            rule["expr"] = f"(\n{promql.to_text(tree)})"
    return yaml.safe_dump(document, default_style="'", sort_keys=False)


MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


def _swapped(node: promql.Node) -> promql.Node:
    if not isinstance(node, promql.Binary) or node.matching is not None:
        return node
    if node.op in ("*", "+"):
        return promql.Binary(node.op, node.rhs, node.lhs)
    if node.op in MIRRORED and isinstance(node.rhs, promql.Number):
        return promql.Binary(MIRRORED[node.op], node.rhs, node.lhs, node.return_bool)
    return node


REWRITES = (reordered, recommented, rewritten)


def test_the_repository_is_clean(check: Callable[..., Report]) -> None:
    """The files of this repository must pass every check."""
    report = check()

    assert report.findings == ()
    assert set(report.checks) == set(CHECKS)
    assert report.rules >= 4 + 4


@pytest.mark.parametrize("rewrite", REWRITES, ids=[each.__name__ for each in REWRITES])
@pytest.mark.parametrize("file", FILES)
def test_harmless_rewrite_is_clean(
    file: str, rewrite: Callable[[str], str], folder: Path, check: Callable[..., Report]
) -> None:
    """A file that says the same in other words must have no finding."""
    path = folder / file
    path.write_text(rewrite(path.read_text()))

    assert check().findings == ()


@pytest.mark.parametrize(
    ("good", "other"),
    [
        ('1 - duri_heartbeat_ok{metric_realm="prod"}', 'duri_heartbeat_ok{metric_realm="prod"} == bool 0'),
        ("> bool 0", ">= bool 1"),
        (
            '(source:duri_heartbeat_changes:count_6m{metric_realm="prod"} > bool 0)',
            'sgn(source:duri_heartbeat_changes:count_6m{metric_realm="prod"})',
        ),
        ("< bool 120", A_DURATION),
        (
            'max by (metric_realm) (source:duri_heartbeat_changes:count_6m{metric_realm="prod"})',
            'max(source:duri_heartbeat_changes:count_6m{metric_realm="prod"})',
        ),
        ("[6m]", "[360s]"),
        ("interval: 30s", "interval: 0m30s"),
    ],
)
def test_equivalent_heartbeat_rule_is_clean(
    good: str, other: str, folder: Path, check: Callable[..., Report], promtool: Promtool
) -> None:
    """Another way to compute the same must have no finding."""
    if other == A_DURATION and release_of(promtool.version) < DURATION_AS_NUMBER_SINCE:
        pytest.skip(f"promtool {promtool.version} does not know a duration as a number ({other})")
    path = folder / "rules/heartbeat.rules.yml"
    text = path.read_text()
    path.write_text(text.replace(good, other, 1))

    assert good in text
    assert check().findings == ()


GATEWAY = "    honor_labels: true\n"
SCRAPED: dict[str, tuple[str, str]] = {
    "defaults, written out": (
        GATEWAY,
        f"{GATEWAY}    metrics_path: /metrics\n    sample_limit: 0\n    scrape_timeout: 10s\n    scheme: http\n",
    ),
    "how to reach the gateway": (
        GATEWAY,
        f"{GATEWAY}    scheme: https\n    basic_auth: {{ username: u, password_file: p }}\n",
    ),
    "a label more": (
        GATEWAY,
        f"{GATEWAY}    relabel_configs:\n      - {{ target_label: site, replacement: north }}\n",
    ),
    "the realm, moved by replacing": (
        "      - action: labelmap\n        regex: exported_(metric_realm)\n",
        "      - source_labels: [exported_metric_realm]\n        regex: (.+)\n        target_label: metric_realm\n",
    ),
    "the names, one by one": ("|scrape_.+", "|scrape_[a-z_]+"),
    "a sample that nobody reads": (
        "      - *recorded_shares\n\n",
        "      - *recorded_shares\n      - { source_labels: [__name__], regex: junk_.+, action: drop }\n\n",
    ),
    "a job of another realm": (
        "scrape_configs:\n",
        """\
scrape_configs:
  - job_name: other
    static_configs:
      - targets: [a:1]
        labels:
          metric_realm: other
""",
    ),
}


@pytest.mark.parametrize(("old", "new"), SCRAPED.values(), ids=SCRAPED)
def test_a_scrape_that_does_the_same_is_clean(
    old: str, new: str, folder: Path, check: Callable[..., Report]
) -> None:
    """What leaves the contract's targets and samples as they are must have no finding."""
    path = folder / "prometheus.yml"
    text = path.read_text()
    path.write_text(text.replace(old, new, 1))

    assert old in text
    assert check(only=["config"]).findings == ()
