"""Freshness: the heartbeat as the recording rules see it."""

from collections.abc import Callable

import pytest

from fixtures.judging import hold, measured
from l4gate.verdict import Look, Value

pytestmark = pytest.mark.l4_gate


def recorded(look: Look, metric: str) -> Value:
    """A metric of the contract, measured."""
    return measured(look.decision.evidence.readings[metric], look.decision.causes)


@pytest.fixture
def fresh(look: Look) -> Value:
    """Whether the newest beat is fresh, measured."""
    return recorded(look, look.decision.evidence.contract.heartbeat.fresh.metric)


@pytest.fixture
def ok(look: Look) -> Value:
    """The number that decides, measured."""
    return recorded(look, look.decision.evidence.contract.heartbeat.ok)


@pytest.mark.gate("heartbeat/fresh")
def test_heartbeat_is_fresh(fresh: Value, look: Look, found: Callable[[str], None]) -> None:
    """The newest beat must be younger than the freshness limit."""
    if fresh.value != 1.0:
        hold(f"expected 1, found {fresh} ({fresh.query}); " + "; ".join(map(str, look.decision.causes)))
    found(f"{fresh.query} is {fresh}, {look.decision.evidence.at - fresh.at:.2f} s old")


@pytest.mark.gate("heartbeat/ok")
def test_heartbeat_is_ok_at_consecutive_evaluations(
    ok: Value, look: Look, found: Callable[[str], None]
) -> None:
    """The heartbeat must be ok at as many rule evaluations in a row as the contract asks for."""
    evidence = look.decision.evidence
    needed = evidence.contract.evidence.evaluations
    good = sum(each.good for each in evidence.newest)

    if ok.value != 1.0 or good < needed:
        hold(f"expected 1 at {needed} evaluations, found {ok} and {good} ({ok.query})")
    found(f"{ok.query} is {ok} at {good} evaluations in a row, the last {evidence.at - ok.at:.2f} s old")
