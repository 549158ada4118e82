"""The contract, and what it says when it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fixtures.stacks import SOURCE
from l4gate.base import UsageError
from l4gate.cli import main
from l4gate.contract import CONTRACT_NAME, SCHEMA_NAME, parse_contract, schema

TEXT = (SOURCE / CONTRACT_NAME).read_text()
# What is replaced, by what, and what is said of it.
WRONG = {
    "not YAML": ("service: DuRi", "service: [", "x.yml:11:1: expected one YAML document"),
    "a key too many": ("unit: beats", "unt: beats", "x.yml:42:52: inputs.duri_textfile_heartbeat_seq.unt: "),
    "a key twice": ("default: prod", "default: prod, default: b", "expected each key once, found 'default'"),
    "a part missing": ("realm: {", "ralm: {", "realm: field required"),
    "no duration": ("limit: 120s", "limit: 120", "heartbeat.fresh.limit: expected a Prometheus duration"),
    "no time at all": ("beat: 60s", "beat: 0s", "pace.beat: expected a duration above 0, found 0s"),
    "a heartbeat with a colon": (
        "time: duri_textfile_heartbeat_ts",
        "time: duri:heartbeat_ts",
        "heartbeat.time: string should match pattern",
    ),
    "no operator": ('op: "!="', 'op: "~"', "abort.conditions[2].op: "),
    "a truth for a number": ("threshold: 0\n", "threshold: true\n", "abort.conditions[1].threshold: "),
    "a name of nothing": (
        "- alert: L4AbortLyapunovHigh\n      metric: duri_lyapunov_v",
        "- alert: L4AbortLyapunovHigh\n      metric: duri_lyapunov_x",
        "expected a metric of `inputs` or `recorded`, found duri_lyapunov_x",
    ),
    "one alert twice": (
        "alert: L4AbortHeartbeatNotOk",
        "alert: L4AbortHeartbeatStale",
        "expected each alert once, found L4AbortHeartbeatStale 2 times",
    ),
    "one criterion twice": ("id: canary/unique", "id: canary/uniform", "expected each id once"),
    "recorded and read": (
        "  up: { kind: boolean }",
        "  duri_heartbeat_ok: { kind: boolean }",
        "no input as well",
    ),
    "a name against its unit": (
        "duri_mttr_seconds: { kind: gauge, unit: seconds",
        "duri_mttr_seconds: { kind: gauge, unit: repairs",
        "expected the unit seconds, as the name says, found repairs",
    ),
    "a fault of nothing": ("aborts: L4AbortLyapunovHigh", "aborts: L4Abort", "expected an abort alert"),
    "a fault without a service": (
        "omitted: [duri_mttr_seconds]",
        "omitted: [up]",
        "expected an input that is simulated, found up",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_contract_is_one_sentence_with_its_place(old: str, new: str, said: str) -> None:
    """Whatever is wrong must be said once, with line and column, and never half of it be used."""
    assert TEXT.count(old) >= 1

    with pytest.raises(UsageError) as caught:
        parse_contract(TEXT.replace(old, new, 1), "x.yml")

    assert said in str(caught.value)
    assert re.match(r"x\.yml:\d+:\d+: ", str(caught.value))


def test_a_wrong_contract_ends_a_command_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command over a folder with a wrong contract must end with one sentence and exit code 2."""
    for path in ("rules", "targets", "prometheus.yml"):
        (tmp_path / path).symlink_to(SOURCE / path)
    (tmp_path / CONTRACT_NAME).write_text(TEXT.replace("limit: 120s", "limit: soon"))

    assert main(["lint", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_name_tells_the_unit_where_the_contract_does_not() -> None:
    """A time without a unit must shrink with the factor as its limits in the rules do, and a truth never."""
    text = TEXT.replace("duri_mttr_seconds: { kind: gauge, unit: seconds", "duri_mttr_seconds: { kind: gauge")
    contract = parse_contract(text, "x.yml")

    assert text != TEXT
    assert contract.inputs["duri_mttr_seconds"].unit is None
    assert contract.in_seconds("duri_mttr_seconds")
    assert not contract.in_seconds("up")
    assert not contract.in_seconds("duri_lyapunov_v")


def test_the_schema_is_the_one_of_the_model() -> None:
    """What editors complete must be what the gate reads, and the contract must name it in its first line."""
    assert json.loads((SOURCE / SCHEMA_NAME).read_text()) == schema()
    assert TEXT.splitlines()[0].endswith(f"$schema={SCHEMA_NAME}")


def test_no_number_stands_twice() -> None:
    """A limit that two parts of the contract share must be written once and referred to."""
    anchors, aliases = set(re.findall(r"&(\w+)", TEXT)), set(re.findall(r"[ {]\*(\w+)", TEXT))

    assert anchors == aliases
    for name in anchors:
        number = re.search(rf"&{name} (\S+?),?\s", TEXT)
        assert number is not None
        assert len(re.findall(rf"(?:limit|threshold|mean): {re.escape(number[1])}\b", TEXT)) <= (
            name != "restore"
        )
