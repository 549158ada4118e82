"""One rule set for many realms means what the rules of one mean: their promtool tests pass on it; realms stay apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from l4gate.contract import load_contract
from l4gate.programs import Promtool, host_promtool
from l4gate.rules import RuleGroup, all_rules, as_yaml, load_rules, of_one, realms_listed, render, rules_hash
from l4gate.rules.fleet import Fleet
from l4gate.settings import Settings
from tests.support.promtool_tests import LONG, TestFile, load_test_files, run_test_file

SOURCE: Final = Path("prometheus")
CONTRACT: Final = load_contract(SOURCE)
FIRST: Final = CONTRACT.realm.default


def of_fleet(realms: tuple[str, ...]) -> dict[str, RuleGroup]:
    """
    By rule file, its group for these realms.

    Each begins with the roster here: promtool evaluates no file but those of a test, and groups in any order.
    """
    given = load_rules(SOURCE)
    recorded = frozenset(rule.name for rule in all_rules(given) if rule.kind == "record")
    fleet = Fleet(CONTRACT, recorded, realms[0])
    roster = fleet.roster(realms, CONTRACT.pace.rules).rules
    return {
        Path(group.file).name: replace(group, rules=(*roster, *group.rules)) for group in fleet.groups(given)
    }


@pytest.fixture(name="promtool", scope="module")
def _promtool(settings: Settings) -> Promtool:
    return host_promtool(settings.generation, settings.cache_dir)


def written(realms: tuple[str, ...], folder: Path) -> Path:
    """A configuration folder with the rules of a fleet in it."""
    (folder / "rules").mkdir()
    for name, group in of_fleet(realms).items():
        (folder / "rules" / name).write_text(as_yaml([group]))
    return folder


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(
            each, id=each.path.stem, marks=[pytest.mark.variants] if each.path.stem.endswith(LONG) else []
        )
        for each in load_test_files(Path("tests/promql"))
    ],
)
def test_what_holds_for_one_realm_holds_in_a_fleet(
    file: TestFile, tmp_path: Path, promtool: Promtool
) -> None:
    """Every promtool test of the rules must pass on the rule set of a fleet, to the same values at the same times."""
    outcomes = run_test_file(file, written((FIRST,), tmp_path), promtool)

    assert [each.output for each in outcomes if not each.passed] == []


REALMS_APART: Final = """
rule_files: [{rules}]
evaluation_interval: 30s
tests:
  - interval: 15s
    input_series:
      - series: 'TIME{{job="duri_heartbeat",instance="local",metric_realm="eu-1"}}'
        values: '0 0 0 0 60 60 60 60 120 120 120 120 180 180 180 180 240+0x40'
      - series: 'SEQ{{job="duri_heartbeat",instance="local",metric_realm="eu-1"}}'
        values: '1 1 1 1 2 2 2 2 3 3 3 3 4 4 4 4 5+0x40'
      - series: 'TIME{{job="duri_heartbeat",instance="local",metric_realm="uninvited"}}'
        values: '0+15x100'
      - series: 'SEQ{{job="duri_heartbeat",instance="local",metric_realm="uninvited"}}'
        values: '0+1x100'
    promql_expr_test:
      - expr: OK
        eval_time: 3m30s
        exp_samples:
          - {{ labels: 'OK{{metric_realm="eu-1"}}', value: 1 }}
          - {{ labels: 'OK{{metric_realm="eu-2"}}', value: 0 }}
      - expr: FRESH
        eval_time: 7m
        exp_samples:
          - {{ labels: 'FRESH{{metric_realm="eu-1"}}', value: 0 }}
          - {{ labels: 'FRESH{{metric_realm="eu-2"}}', value: 0 }}
    alert_rule_test:
      - alertname: L4AbortHeartbeatNotOk
        eval_time: 7m
        exp_alerts:
          - exp_labels: {{ metric_realm: eu-2, severity: critical, l4: abort }}
"""


def test_realms_of_a_fleet_stay_apart(tmp_path: Path, promtool: Promtool) -> None:
    """A realm without a heartbeat must be 0 and abort, one that beats 1, and one that is not listed must be nothing."""
    heartbeat = CONTRACT.heartbeat
    names = {
        "TIME": heartbeat.time,
        "SEQ": heartbeat.sequence,
        "OK": heartbeat.ok,
        "FRESH": heartbeat.fresh.metric,
    }
    folder = written(("eu-1", "eu-2"), tmp_path)
    abort = of_fleet(("eu-1", "eu-2"))["abort.rules.yml"]  # what people are told is no matter here
    plain = replace(abort, rules=tuple(replace(rule, annotations={}) for rule in abort.rules))
    (folder / "rules/abort.rules.yml").write_text(as_yaml([plain]))
    rules = ", ".join(str(folder / "rules" / name) for name in ("heartbeat.rules.yml", "abort.rules.yml"))
    text = REALMS_APART.format(rules=rules)
    for short, name in names.items():
        text = text.replace(short, name)
    (tmp_path / "realms_test.yml").write_text(text)

    result = promtool.run("test", "rules", "realms_test.yml", folder=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_way_back_is_exact() -> None:
    """The rules of one realm, as they are made of those of a fleet again, must be what the fleet was made from."""
    given = load_rules(SOURCE)
    recorded = frozenset(rule.name for rule in all_rules(given) if rule.kind == "record")
    fleet = Fleet(CONTRACT, recorded, "eu-1")
    made = (fleet.roster(("eu-1", "eu-2"), CONTRACT.pace.rules), *fleet.groups(given))

    assert rules_hash(of_one(made, CONTRACT)) == rules_hash(given)
    assert rules_hash(made) != rules_hash(given)


def test_rules_do_not_grow_with_the_realms(tmp_path: Path) -> None:
    """A thousand realms must have the rules of one, and a rule more for sixty names each; all must be on the roster."""
    realms = tuple(f"realm-{number}" for number in range(1000))

    render(SOURCE, tmp_path, factor=60, realms=realms, addresses={})

    groups = load_rules(tmp_path)
    assert len(all_rules(groups)) == len(all_rules(load_rules(SOURCE))) + 17
    assert realms_listed(groups, CONTRACT) == realms
