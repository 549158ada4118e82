"""Freshness: the heartbeat as the recording rules see it."""

import pytest

from fixtures.judging import hold, measured
from l4gate.contract import CONSECUTIVE_EVALUATIONS
from l4gate.verdict import Look, Value

pytestmark = pytest.mark.l4_gate


@pytest.fixture
def fresh(look: Look) -> Value:
    """`duri_heartbeat_fresh_120s`, measured."""
    return measured(look.decision.evidence.fresh, look.decision.causes)


@pytest.fixture
def ok(look: Look) -> Value:
    """`duri_heartbeat_ok`, measured."""
    return measured(look.decision.evidence.ok, look.decision.causes)


@pytest.mark.gate("heartbeat/fresh")
def test_heartbeat_is_fresh(fresh: Value, look: Look) -> None:
    """The newest beat MUST be younger than the freshness limit."""
    if fresh.value != 1.0:
        hold(f"expected 1, found {fresh} ({fresh.query}); " + "; ".join(map(str, look.decision.causes)))


@pytest.mark.gate("heartbeat/ok")
def test_heartbeat_is_ok_at_consecutive_evaluations(ok: Value, look: Look) -> None:
    """The heartbeat MUST be ok at two rule evaluations in a row."""
    newest = look.decision.evidence.evaluations[-CONSECUTIVE_EVALUATIONS:]
    good = [each for each in newest if each.good]

    if ok.value != 1.0 or len(good) < CONSECUTIVE_EVALUATIONS:
        hold(f"expected 1 at {CONSECUTIVE_EVALUATIONS} evaluations, found {ok} and {len(good)} ({ok.query})")
