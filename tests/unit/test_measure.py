"""From a server's answers to the verdict and its first cause: one thing wrong at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from fixtures import contract
from fixtures.fake_server import HEART, NOW, REALM, TEXTFILE, FakeServer, abort_rule, fires, held, judge
from l4gate.base import ApiBadAnswer, ApiUnreachable, Verdict


def heart(ts: str | None = None, seq: str | None = None) -> Callable[[FakeServer], None]:
    """Every source says this at its newest sample; a sequence says it throughout."""

    def spoil(server: FakeServer) -> None:
        for source in (HEART, TEXTFILE):
            if ts is not None:
                server.samples(contract.RAW_TS, job=source["job"])[-1] = (0.1, ts)
            if seq is not None:
                server.samples(contract.RAW_SEQ, job=source["job"])[:] = [(1.0, seq), (0.1, seq)]

    return spoil


def last(name: str, value: str, age: float = 0.1, **labels: str) -> Callable[[FakeServer], None]:
    def spoil(server: FakeServer) -> None:
        server.samples(name, **labels)[-1] = (age, value)

    return spoil


def add(labels: dict[str, Any], value: str = "1") -> Callable[[FakeServer], None]:
    return lambda server: server.series.append((labels, [(0.1, value)]))


def replaced(name: str, labels: dict[str, Any]) -> Callable[[FakeServer], None]:
    def spoil(server: FakeServer) -> None:
        server.without(name)
        server.series.append(({"__name__": name, **labels}, [(0.6, "1"), (0.1, "1")]))

    return spoil


def old(name: str) -> Callable[[FakeServer], None]:
    def spoil(server: FakeServer) -> None:
        server.samples(name)[:] = [(1.7, "1"), (1.2, "1")]

    return spoil


CASES: dict[str, tuple[Callable[[FakeServer], None], str]] = {
    "never beat": (
        lambda server: [server.without(name) for name in (contract.RAW_TS, contract.RAW_SEQ)],  # type: ignore[dict-item]
        "writer/no-heartbeat",
    ),
    "stale": (heart(ts=f"{NOW - 9}"), "writer/stale"),
    "exactly at the limit": (heart(ts=f"{NOW - 2}"), "writer/stale"),
    "clock ahead": (heart(ts=f"{NOW + 10}"), "writer/clock-ahead"),
    "time is no number": (heart(ts="NaN"), "writer/not-a-number"),
    "stuck sequence": (heart(seq="8"), "writer/stuck-sequence"),
    "gateway down": (last("up", "0", job="pushgateway"), "transport/target-down"),
    "server's own target down": (last("up", "0", job="prometheus"), "scrape/target-down"),
    "gateway not scraped": (last("up", "1", 60, job="pushgateway"), "scrape/not-scraped"),
    "no gateway target": (
        lambda server: [  # type: ignore[dict-item]
            server.without("up", job="pushgateway"),
            server.targets_data["activeTargets"].pop(1),
        ],
        "scrape/no-target",
    ),
    "gateway on the page, not scraped": (
        lambda server: server.without("up", job="pushgateway"),
        "scrape/not-scraped",
    ),
    "up is 2": (last("up", "2", job="pushgateway"), "transport/target-down"),
    "ok not recorded": (lambda server: server.without(contract.OK), "rules/not-recorded"),
    "ok of another realm": (replaced(contract.OK, {"metric_realm": "dev"}), "rules/label-mismatch"),
    "ok without a realm": (replaced(contract.OK, {}), "rules/label-mismatch"),
    "ok pushed": (replaced(contract.OK, {**REALM, "job": "x"}), "rules/not-recorded"),
    "ok twice": (add({"__name__": contract.OK, **REALM, "source": "b"}), "query/ambiguous"),
    "ok not boolean": (last(contract.OK, "0.5"), "rules/not-boolean"),
    "ok NaN": (last(contract.OK, "NaN"), "rules/not-finite"),
    "ok infinite": (last(contract.FRESH, "+Inf"), "rules/not-finite"),
    "ok old": (old(contract.OK), "rules/evaluation-stopped"),
    "ok in the future": (last(contract.OK, "1", -5), "rules/evaluation-stopped"),
    "ok 0": (last(contract.OK, "0"), "verdict/not-proven"),
    "one evaluation": (lambda server: server.samples(contract.OK).pop(0), "verdict/not-proven"),  # type: ignore[dict-item]
    "a gap between evaluations": (
        lambda server: server.samples(contract.OK).__setitem__(0, (3.0, "1")),
        "verdict/not-proven",
    ),
    "lyapunov missing": (lambda server: server.without(contract.LYAPUNOV), "verdict/abort-input-missing"),
    "lyapunov pushed as a constant": (
        replaced(contract.LYAPUNOV, {**REALM, "job": "x", "instance": "y"}),
        "verdict/abort-input-missing",
    ),
    "lyapunov NaN": (last(contract.LYAPUNOV, "NaN"), "verdict/abort-input-missing"),
    "no rules": (lambda server: server.rules_data.update(groups=[]), "rules/rules-differ"),
    "threshold edited": (abort_rule(query='duri_lyapunov_v{metric_realm="prod"} > 3'), "rules/rules-differ"),
    "a group more": (
        lambda server: server.rules_data["groups"].append(
            {**copy.deepcopy(server.rules_data["groups"][0]), "name": "b"}
        ),
        "rules/rules-differ",
    ),
    "a rule fails": (abort_rule(health="err", lastError="many-to-many"), "rules/rule-failing"),
    "a rule was never evaluated": (
        abort_rule(lastEvaluation="0001-01-01T00:00:00Z"),
        "rules/evaluation-stopped",
    ),
    "a rule of unknown health": (abort_rule(health="unknown"), "verdict/not-proven"),
    "partial answer": (
        lambda server: setattr(server, "warnings", ("a store is down",)),
        "query/partial-answer",
    ),
    "rules unreadable": (
        lambda server: server.down.update({"/api/v1/rules": ApiUnreachable("down")}),
        "rules/rules-unreadable",
    ),
    "server down": (
        lambda server: server.down.update({"/api/v1/query": ApiUnreachable("refused")}),
        "query/unreachable",
    ),
    "server answers HTML": (
        lambda server: server.down.update({"/api/v1/query": ApiBadAnswer("<html>")}),
        "query/bad-answer",
    ),
    "server has no clock": (lambda server: setattr(server, "clock", "NaN"), "query/bad-answer"),
}


def test_healthy_server_is_go() -> None:
    """The server that is spoilt below must be a GO without warnings."""
    decision = judge(FakeServer())

    assert decision.verdict is Verdict.GO, decision.cause
    assert decision.warnings == ()


@pytest.mark.parametrize("name", CASES)
def test_one_thing_wrong_is_hold_with_its_cause(name: str) -> None:
    """One thing wrong must be HOLD, and the first cause must name the stage that broke."""
    spoil, expected = CASES[name]
    server = FakeServer()
    spoil(server)
    decision = judge(server)

    assert decision.verdict is Verdict.HOLD
    assert decision.cause is not None
    assert decision.cause.id == expected


@pytest.mark.parametrize("where", ["ALERTS", "/api/v1/rules"])
def test_firing_is_abort_from_either_place(where: str) -> None:
    """A firing abort alert must be ABORT, whether ALERTS or the rules page tells of it."""
    server = FakeServer()
    held(server, contract.LYAPUNOV, "0.5", seconds=7)
    fires(server, where)

    assert judge(server).verdict is Verdict.ABORT


def test_alert_of_another_realm_or_pending_does_not_abort() -> None:
    """An alert of another realm, and one that is pending, must NOT be ABORT."""
    server = FakeServer()
    server.firing = [
        {"alertname": contract.ABORT_RULES[0].alert, "alertstate": "firing", "metric_realm": "dev"}
    ]
    abort_rule(state="pending", alerts=[{"state": "pending"}])(server)

    assert judge(server).verdict is Verdict.GO


@pytest.mark.parametrize(
    "changes",
    [
        {"type": []},
        {"name": 5},
        {"query": None},
        {"query": "(" * 5000 + "1" + ")" * 5000},
        {"labels": [1]},
        {"labels": {"a": {"b": []}}},
        {"duration": "x"},
        {"duration": "NaN"},
        {"duration": -1},
        {"alerts": 7, "health": "unknown"},
        {"lastEvaluation": 5},
        {"lastError": {"a": 1}, "health": "err"},
    ],
    ids=str,
)
def test_malformed_rule_is_hold_and_raises_nothing(changes: dict[str, Any]) -> None:
    """A rule of a wrong shape must be HOLD by the rules or the verdict, without an exception."""
    server = FakeServer()
    abort_rule(**changes)(server)

    assert judge(server).verdict is Verdict.HOLD


@pytest.mark.parametrize(
    "groups",
    [[{}], [{"name": "a", "file": "f", "interval": 1, "rules": 5}], [{"rules": [5]}], [{"limit": 1e400}]],
    ids=str,
)
def test_malformed_group_is_hold_and_raises_nothing(groups: list[Any]) -> None:
    """A group of a wrong shape must be unreadable rules, without an exception."""
    server = FakeServer()
    server.rules_data = {"groups": [{**server.rules_data["groups"][0], **groups[0]} if groups[0] else {}]}
    decision = judge(server)

    assert decision.verdict is Verdict.HOLD
    assert decision.cause is not None
    assert decision.cause.id == "rules/rules-unreadable"


def test_old_identity_of_a_recorded_series_does_not_block() -> None:
    """A series that ended must NOT make the one that is visible now ambiguous among the recent samples."""
    server = FakeServer()
    ended = ({"__name__": contract.OK, **REALM, "source": "old"}, [(3.0, "1")])
    ask = server.ask

    def ask_with_it(path: str, params: Any = None, *, method: str = "GET", **_: Any) -> Any:
        server.series.append(ended)
        try:
            answer = ask(path, params, method=method)
        finally:
            server.series.remove(ended)
        if isinstance(answer.data, dict) and answer.data.get("resultType") == "vector":
            rows = answer.data["result"]
            answer.data["result"] = [row for row in rows if row["metric"].get("source") != "old"]
        return answer

    server.ask = ask_with_it  # type: ignore[method-assign]
    assert judge(server).verdict is Verdict.GO


def test_advisory_target_down_is_a_warning() -> None:
    """node-exporter down must be a warning beside GO."""
    server = FakeServer()
    last("up", "0", job=contract.JOB_NODE_EXPORTER)(server)
    decision = judge(server)

    assert decision.verdict is Verdict.GO
    assert [each.id for each in decision.warnings] == ["scrape/advisory-target-down"]


def test_frozen_path_is_a_warning() -> None:
    """One supply path frozen while the other beats must be a warning beside GO."""
    server = FakeServer()
    server.samples(contract.RAW_TS, job=contract.JOB_NODE_EXPORTER)[-1] = (0.1, f"{NOW - 100}")
    decision = judge(server)

    assert decision.verdict is Verdict.GO
    assert [each.id for each in decision.warnings] == ["scrape/paths-disagree"]
