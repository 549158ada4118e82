"""Lies: values, alerts and clocks that say what is not so. None of them may be a GO, none an ABORT."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures import contract
from fixtures.fake_server import (
    CONFIG,
    GROUPS,
    HEART,
    NOW,
    PACE,
    REALM,
    TEXTFILE,
    FakeServer,
    abort_rule,
    fires,
    held,
    judge,
)
from l4gate.base import Verdict
from l4gate.verdict import Expectation, Judge, Memory
from l4gate.verdict.clock import ClockReading

Lie = Callable[[FakeServer], None]
SOURCE_OK = "source:duri_heartbeat_ok:bool"


def pushed(name: str, value: str, **labels: str) -> Lie:
    """A series under that name that no rule makes."""
    return lambda server: server.series.append(
        ({"__name__": name, **REALM, **labels}, [(0.6, value), (0.1, value)])
    )


def gives(name: str, *values: str) -> Lie:
    """A rule gives this when it is asked again; nothing if there is no value."""

    def lie(server: FakeServer) -> None:
        server.recomputed[name] = [({**REALM}, value) for value in values]

    return lie


def at_once(*lies: Lie) -> Lie:
    def lie(server: FakeServer) -> None:
        for each in lies:
            each(server)

    return lie


def only_source(**labels: str) -> Lie:
    """The heartbeat comes from somebody else alone."""

    def lie(server: FakeServer) -> None:
        for found, _ in server.series:
            if found["__name__"] in (contract.RAW_TS, contract.RAW_SEQ):
                found.update(labels if found["job"] == HEART["job"] else {})

    return lie


def moved_long_ago(server: FakeServer) -> None:
    server.samples(contract.RAW_SEQ, **HEART)[:] = [(PACE.changes_window + 0.5, "7"), (1.0, "8"), (0.1, "8")]


def two_evaluations(*ages: float) -> Lie:
    def lie(server: FakeServer) -> None:
        for name in (contract.OK, contract.FRESH):
            server.samples(name)[:] = [(age, "1") for age in ages]

    return lie


def second_gateway_down(server: FakeServer) -> None:
    labels = {**REALM, "job": "pushgateway", "instance": "second"}
    server.targets_data["activeTargets"].append({"labels": labels, "health": "down", "lastError": "refused"})


LIES: dict[str, tuple[Lie, str]] = {
    "ok is 0 by its own rule": (gives(contract.OK, "0"), "rules/contradicted"),
    "ok is nothing by its own rule": (gives(contract.OK), "rules/contradicted"),
    "a link of the chain": (
        at_once(pushed(SOURCE_OK, "1"), gives(SOURCE_OK)),
        "rules/contradicted",
    ),
    "the energy is higher by its own rule": (gives(contract.LYAPUNOV, "0.9"), "rules/contradicted"),
    "a recorded metric that no verdict reads": (
        at_once(pushed("error_budget_burn_7d", "0"), gives("error_budget_burn_7d", "0.9")),
        "rules/contradicted",
    ),
    "an alert of ALERTS alone": (lambda server: fires(server, "ALERTS"), "rules/alert-contradicted"),
    "an alert of the page alone": (
        lambda server: fires(server, "/api/v1/rules"),
        "rules/alert-contradicted",
    ),
    "an alert that has not waited": (
        at_once(
            lambda server: held(server, contract.LYAPUNOV, "0.5", seconds=2),
            lambda server: fires(server, "/api/v1/rules"),
        ),
        "rules/alert-contradicted",
    ),
    "an alert by a value that its rule does not give": (
        at_once(
            lambda server: held(server, contract.LYAPUNOV, "0.5", seconds=7),
            lambda server: fires(server, "/api/v1/rules"),
            gives(contract.LYAPUNOV, "0.1"),
        ),
        "rules/contradicted",
    ),
    "an alert that keeps silent": (
        lambda server: held(server, contract.LYAPUNOV, "0.5", seconds=8),
        "rules/alert-silent",
    ),
    "state without alerts": (abort_rule(state="firing"), "rules/rules-unreadable"),
    "alerts are null": (abort_rule(state="firing", alerts=None), "rules/rules-unreadable"),
    "alerts are a mapping": (abort_rule(state="firing", alerts={}), "rules/rules-unreadable"),
    "a state in capitals": (abort_rule(alerts=[{"state": "FIRING"}]), "rules/rules-unreadable"),
    "alerts without their state": (abort_rule(alerts=[{"state": "firing"}]), "rules/rules-unreadable"),
    "evaluated in the year 2999": (
        abort_rule(lastEvaluation="2999-01-01T00:00:00Z"),
        "rules/from-the-future",
    ),
    "two samples 1 ms apart": (two_evaluations(0.101, 0.1), "rules/not-evaluations"),
    "a label more": (
        at_once(lambda server: server.without(contract.OK), pushed(contract.OK, "1", zone="a")),
        "rules/not-recorded",
    ),
    "up without a target": (
        lambda server: server.targets_data["activeTargets"].pop(1),  # type: ignore[dict-item]
        "scrape/target-unknown",
    ),
    "a second gateway down": (second_gateway_down, "transport/target-down"),
    "targets unreadable": (lambda server: setattr(server, "targets_data", {}), "query/bad-answer"),
    "a job that lets everything in": (
        lambda server: setattr(server, "config", server.config.replace("drop", "keep", 1)),
        "scrape/config-differs",
    ),
    "no configuration": (lambda server: setattr(server, "config", ""), "scrape/config-unreadable"),
    "somebody else's heartbeat": (
        at_once(only_source(job="x"), lambda server: server.without(contract.RAW_TS, job=TEXTFILE["job"])),
        "transport/label-mismatch",
    ),
    "a number of the service from somebody else": (
        pushed("duri_mttr_seconds", "6000", job="x"),
        "transport/stray-input",
    ),
    "an alert by a number from somebody else": (
        at_once(
            pushed("duri_mttr_seconds", "6000", job="x"),
            lambda server: held(server, contract.LYAPUNOV, "0.5", seconds=7),
            lambda server: fires(server, "/api/v1/rules"),
        ),
        "transport/stray-input",
    ),
    "an alert on a server that scrapes otherwise": (
        at_once(
            lambda server: setattr(server, "config", server.config.replace("drop", "keep", 1)),
            lambda server: held(server, contract.LYAPUNOV, "0.5", seconds=7),
            lambda server: fires(server, "/api/v1/rules"),
        ),
        "scrape/config-differs",
    ),
    "a beat that no scrape brought": (
        lambda server: server.samples(contract.RAW_TS, job=HEART["job"]).__setitem__(
            -1, (0.15, f"{NOW - 0.5}")
        ),
        "transport/not-by-scrape",
    ),
    "a text file in place of the push": (
        lambda server: server.without(contract.RAW_TS, job=HEART["job"]),
        "transport/required-path-dead",
    ),
    "another group in place of the writer": (only_source(zone="b"), "transport/required-path-dead"),
    "a target that is scraped under the job of the push": (
        lambda server: server.series.append(({"__name__": "up", **HEART}, [(0.1, "1")])),
        "transport/not-by-scrape",
    ),
    "a sequence that moved longer ago than the rule looks": (moved_long_ago, "transport/required-path-dead"),
    "another instance in place of the writer": (only_source(instance="x"), "transport/required-path-dead"),
    "three days behind": (lambda server: setattr(server, "clock", NOW - 3 * 86400), "query/clock-differs"),
    "ten years ahead": (lambda server: setattr(server, "clock", NOW + 3650 * 86400), "query/clock-differs"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_hold_by_its_own_cause(name: str) -> None:
    """A lie must be HOLD, never GO and never ABORT, and the first cause must name it."""
    lie, expected = LIES[name]
    server = FakeServer()
    lie(server)
    decision = judge(server)

    assert decision.verdict is Verdict.HOLD
    assert decision.cause is not None
    assert decision.cause.id == expected, [str(each) for each in decision.causes]


def test_contradiction_shows_both_sides() -> None:
    """The cause of a contradiction must show what is recorded and what the rule gives."""
    server = FakeServer()
    gives(contract.OK, "0")(server)
    cause = judge(server).cause

    assert cause is not None
    assert cause.expected.endswith("{metric_realm='prod'} 0")
    assert cause.found.endswith("{metric_realm='prod'} 1")


def test_what_differs_once_is_looked_at_again() -> None:
    """A record that differs at its newest evaluation only must be no GO, and no contradiction either."""
    server = FakeServer()
    server.samples(contract.OK)[0] = (0.6, "0")
    gives(contract.OK, "0")(server)
    decision = judge(server)

    assert decision.verdict is Verdict.HOLD
    assert "rules/contradicted" not in [each.id for each in decision.causes]


def test_evaluations_that_moved_once_do_not_hold_for_long() -> None:
    """After a group has moved to other moments, GO must come back with the evaluations that it rests on."""
    server = FakeServer()
    two_evaluations(1.3, 1.2, 0.7, 0.2)(server)

    assert judge(server).verdict is Verdict.GO


def test_first_look_is_no_go() -> None:
    """A GO must not come before a new evaluation was seen, and then it must."""
    server, memory = FakeServer(), Memory(wall=lambda: NOW)
    newest = [server.samples(name) for name in (contract.OK, contract.FRESH)]
    for samples in newest:
        samples[:] = [(1.1, "1"), (0.6, "1")]
    looks = [judge(server, memory), judge(server, memory)]
    for samples in newest:
        samples.append((0.1, "1"))

    assert [look.verdict for look in looks] == [Verdict.HOLD, Verdict.HOLD]
    assert [look.cause.id for look in looks if look.cause] == ["verdict/not-witnessed"] * 2
    assert judge(server, memory).verdict is Verdict.GO


@pytest.mark.parametrize("moved", [0.0, 100.0])
def test_clock_that_does_not_go_is_hold(moved: float) -> None:
    """A server whose clock stands still, or leaps, between two looks must be HOLD by its clock."""
    server, memory = FakeServer(), Memory(wall=lambda: NOW)
    memory.saw_new_evaluation(NOW - 0.6, "prod")
    judge(server, memory)
    earlier = memory._clocks[0].steady[0] - 20
    memory._clocks[0] = ClockReading(NOW - moved, (NOW, NOW), (earlier, earlier))
    decision = judge(server, memory)

    assert decision.cause is not None
    assert decision.cause.id == "query/clock-stands-still"


@pytest.mark.parametrize(("seconds", "words"), [(PACE.scrape_interval, "less"), (86400.0, "more")])
def test_a_server_that_forgets_sooner_or_later_is_hold(seconds: float, words: str) -> None:
    """A lookback that is not the contract's must be no GO and no ABORT: every rule means something else then."""
    server = FakeServer()
    server.lookback = seconds
    held(server, contract.LYAPUNOV, "0.5", seconds=7)
    fires(server, "/api/v1/rules")
    decision = judge(server)

    assert decision.verdict is Verdict.HOLD
    assert decision.cause is not None
    assert decision.cause.id == "query/lookback-differs"
    assert words in decision.cause.found


def test_clock_that_stands_still_is_seen_at_every_look() -> None:
    """However long a clock stands still and however often it is read, every reading must show it."""
    memory, look = Memory(), PACE.rule_interval / 8
    strayed = [
        memory.clock_strayed(ClockReading(NOW, (NOW, NOW), (number * look, number * look)), PACE)
        for number in range(200)
    ]

    assert all(each < -PACE.rule_interval for each in strayed[9:]), strayed


def test_clock_that_was_set_right_is_believed_again() -> None:
    """A clock that leapt once and has gone right since must be right again after some evaluations, not before."""
    memory, look = Memory(), PACE.rule_interval / 8
    strayed = [
        memory.clock_strayed(
            ClockReading(
                NOW + number * look + 9 * (number >= 20), (NOW, NOW), (number * look, number * look)
            ),
            PACE,
        )
        for number in range(100)
    ]

    assert abs(strayed[19]) < look
    assert strayed[20] > 8
    assert strayed[40] > 8
    assert abs(strayed[-1]) < look


def test_pending_is_said_with_a_go() -> None:
    """A condition that holds, but not for long enough, must be a warning that says since when and until when."""
    server = FakeServer()
    held(server, contract.LYAPUNOV, "9", seconds=2)
    decision = judge(server)

    assert decision.verdict is Verdict.GO, decision.cause
    (warning,) = decision.warnings
    assert warning.id == "verdict/abort-pending"
    assert "UTC" in warning.found
    assert f"in {PACE.abort_for - 2 + 0.4:.1f} s" in warning.found or "in 3." in warning.found


def test_abort_needs_a_witness() -> None:
    """A proven ABORT must be one only when a new evaluation was seen: a kept answer rolls nothing back."""
    server = FakeServer()
    held(server, contract.LYAPUNOV, "0.5", seconds=7)
    fires(server, "/api/v1/rules")

    assert judge(server, Memory(wall=lambda: NOW)).verdict is Verdict.HOLD
    assert judge(server).verdict is Verdict.ABORT


def test_what_nobody_has_foreseen_is_a_hold_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of any kind while looking must be HOLD with its place, so that a watch goes on; never a traceback."""

    def breaks(*_: object) -> None:
        raise RuntimeError("no such thing")

    server = FakeServer()
    monkeypatch.setattr("l4gate.verdict.measuring.TargetsSeen", breaks)
    (look,) = Judge(server, server, Expectation(PACE, GROUPS, CONFIG), ("prod",)).look()

    assert look.decision.verdict is Verdict.HOLD
    assert look.decision.cause is not None
    assert "RuntimeError at test_evidence.py" in look.decision.cause.found
