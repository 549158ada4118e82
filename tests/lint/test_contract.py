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


def place(text: str) -> str:
    """Line and column of a text of the contract, one column further on the left where a key became shorter."""
    at = TEXT.index(text)
    return f"{TEXT.count(chr(10), 0, at) + 1}:{at - TEXT.rindex(chr(10), 0, at) - 1}"


# What is replaced, by what, and what is said of it.
WRONG = {
    "not YAML": ("service: DuRi", "service: [", "x.yml:11:1: expected one YAML document"),
    "a key too many": (
        "unit: beats",
        "unt: beats",
        f"x.yml:{place('beats }')}: inputs.duri_textfile_heartbeat_seq.unt: ",
    ),
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
        "  up: { kind: boolean }\n  duri_heartbeat_ok: { kind: boolean }",
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


# Well formed, and nothing but a GO in disguise.
HOLLOW = {
    "an abort that never comes": ("for: 5m", "for: 99d", "abort.for: expected 1h at most, found 99d"),
    "a beat of days": ("beat: 60s", "beat: 9d", "pace.beat: expected 1h at most, found 9d"),
    "a sample believed for days": ("lookback: 5m", "lookback: 9d", "pace.lookback: expected 1h at most"),
    "rules as rare as days": ("rules: 30s", "rules: 9d", "pace.rules: expected less than the lookback of 5m"),
    "scrapes as rare as days": ("scrape: 15s", "scrape: 5m", "pace.scrape: expected less than the lookback"),
    "fresh for hours": (
        "limit: 120s",
        "limit: 3h",
        "heartbeat.fresh.limit: expected more than a beat and a scrape",
    ),
    "never fresh": (
        "limit: 120s",
        "limit: 60s",
        "heartbeat.fresh.limit: expected more than a beat and a scrape (1m15s)",
    ),
    "a clock ahead by hours": (
        "future: 30s",
        "future: 2h",
        "heartbeat.fresh.future: expected less than the limit of 2m",
    ),
    "moving once a day": ("window: 6m", "window: 1d", "heartbeat.changes.window: expected more than a beat"),
    "one evaluation": ("evaluations: 2 ", "evaluations: 1 ", "evidence.evaluations: expected 2 at least"),
    "any clock": ("clock: 30s", "clock: 1d", "evidence.clock: expected a beat of 1m at most"),
    "fresh alone is ok": (
        "ok: duri_heartbeat_ok",
        "ok: duri_heartbeat_fresh_120s",
        "heartbeat.ok: expected a metric of its own",
    ),
    "no evaluation": ("evaluations: 2 ", "evaluations: 0 ", "evidence.evaluations: "),
    "samples of yesterday": (
        "max_age_evaluations: 2",
        "max_age_evaluations: 1000",
        "evidence.max_age_evaluations: expected 10 at most",
    ),
    "nobody scrapes Prometheus": (
        "job: prometheus, required: true",
        "job: prometheus, required: false",
        "targets.prometheus.required: expected true",
    ),
    "no path is needed": (
        "job: pushgateway, required: true",
        "job: pushgateway, required: false",
        "targets.pushgateway.required: expected a required path for the heartbeat, found none",
    ),
    "a boolean of 7": (
        "op: ==\n      threshold: 0\n",
        "op: ==\n      threshold: 7\n",
        (
            "abort.conditions[1].threshold: expected a limit that 0 or 1 can keep and break, "
            "found duri_heartbeat_fresh_120s == 7, which never holds"
        ),
    ),
    "a boolean of 1e9": (
        'op: "!="\n      threshold: 1\n',
        'op: ">"\n      threshold: 1.0e+9\n',
        "found duri_heartbeat_ok > 1e+09, which never holds",
    ),
    "a share above 1": (
        "threshold: &failed 0.08",
        "threshold: &failed 1.5",
        "a share from 0 to 1 can keep and break",
    ),
    "a share of 1": (
        "threshold: &failed 0.08",
        "threshold: &failed 1",
        "duri_canary_failure_ratio > 1, which never holds",
    ),
    "a warning's share above 1": (
        "threshold: &budget 0.6",
        "threshold: &budget 60",
        "warnings[0].threshold: expected",
    ),
    "a probability below 0": ("limit: 0.05", "limit: -1", "a probability from 0 to 1 can keep and break"),
    "any share will do": ("limit: 0.92", "limit: 0", "duri_p_unique_ratio >= 0, which always holds"),
    "proven for none of the time": (
        "share: 0.995",
        "share: 0",
        "criteria.heartbeat[1].share: expected more than 0.5",
    ),
    "a dead heart certified": (
        "metric: duri_heartbeat_fresh_120s\n      op: ==\n      limit: 1\n",
        "metric: duri_heartbeat_fresh_120s\n      op: ==\n      limit: 0\n",
        "criteria.heartbeat: expected a criterion that duri_heartbeat_fresh_120s is 1, found none",
    ),
    "alive without a heartbeat": (
        "reads: [duri_textfile_heartbeat_ts, duri_textfile_heartbeat_seq]\n    without_heartbeat: 0",
        "reads: [duri_textfile_heartbeat_ts, duri_textfile_heartbeat_seq]\n    without_heartbeat: 1",
        "recorded.duri_heartbeat_ok.without_heartbeat: expected no 1",
    ),
    "fresh by something else": (
        "reads: [duri_textfile_heartbeat_ts]\n",
        "reads: [up]\n",
        "recorded.duri_heartbeat_fresh_120s.reads: expected duri_textfile_heartbeat_ts among what it is made from",
    ),
    "a number that decides": (
        "duri_heartbeat_ok:\n    kind: boolean",
        "duri_heartbeat_ok:\n    kind: number",
        "recorded.duri_heartbeat_ok.kind: expected boolean",
    ),
    "an abort when all is well": (
        'op: "!="\n      threshold: 1\n',
        "op: ==\n      threshold: 1\n",
        "abort.conditions[2].threshold: expected a condition that does not hold for 1",
    ),
    "a level above the abort": (
        "good: { mean: *unstable",
        "good: { mean: 9",
        "levels.good.mean: expected no more than",
    ),
    "the best below the good": (
        "best: { mean: 0.2",
        "best: { mean: 0.31",
        "levels.best.mean: expected no more than",
    ),
    "all is noise": (
        "noise: 0.01",
        "noise: 5",
        "levels.noise: expected 0 at least and less than `rise_below`",
    ),
    "a level of none of the time": (
        "share: *seen # a mean over less",
        "share: 0.1 # a mean over less",
        "levels.share: expected more than 0.5",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), HOLLOW.values(), ids=HOLLOW)
def test_a_hollow_contract_is_refused_with_its_reason(old: str, new: str, said: str) -> None:
    """A contract that promises nothing must be refused, with the place and the reason."""
    assert TEXT.count(old) >= 1

    with pytest.raises(UsageError) as caught:
        parse_contract(TEXT.replace(old, new, 1), "x.yml")

    assert said in str(caught.value)
    assert re.match(r"x\.yml:\d+:\d+: ", str(caught.value))


def without_part(text: str, name: str, indent: str) -> str:
    """The text with an empty list for a part of it."""
    pattern = rf"^{indent}{name}:\n(?:(?:{indent} .*|\s*)\n)+"
    emptied, count = re.subn(pattern, f"{indent}{name}: []\n", text, count=1, flags=re.MULTILINE)
    assert count == 1
    return emptied


@pytest.mark.parametrize("part", ["canary_quorum", "disaster_recovery"])
def test_a_check_without_a_criterion_is_refused(part: str) -> None:
    """A part of a certificate that asks nothing must be refused: it would be proven by nothing."""
    with pytest.raises(UsageError, match=rf"criteria\.{part}: expected a criterion at least"):
        parse_contract(without_part(TEXT, part, "  "), "x.yml")


def test_silence_must_abort() -> None:
    """A contract of which no abort condition holds without a heartbeat must be refused."""
    conditions = re.findall(r"    - alert: L4Abort\w+\n(?:      .*\n)+", TEXT)
    silent = [each for each in conditions if "duri_heartbeat" in each]
    text = TEXT
    for each in silent:
        text = text.replace(each, "")

    assert len(silent) == 2
    with pytest.raises(
        UsageError, match=r"expected one on duri_heartbeat_ok or .* when there is no heartbeat, found none"
    ):
        parse_contract(text, "x.yml")


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
