"""Faults that end just before they count, and just after: neither a false ABORT nor a false GO, on a real stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.contract import ABORT_FOR_SECONDS
from l4gate.base import Verdict
from l4gate.faults import Observation, expect_go, is_go
from l4gate.faults.model import Site
from l4gate.faults.trail import false_aborts, false_gos, seen_within
from l4gate.verdict import Decision

pytestmark = pytest.mark.faults
MTTR = "duri_mttr_seconds"
BAD_MTTR, GOOD_MTTR = 600.0, 30.0  # seconds to repair: above and below the abort limit of the Lyapunov energy
ENERGY, STALE = "L4AbortLyapunovHigh", "L4AbortHeartbeatStale"
HEALED_SECONDS = 10.0
AFTERMATH_EVALUATIONS = 4  # an alert that was about to fire would do so at the next one
FIRING, STALE_BEAT = frozenset({"verdict/abort-firing"}), frozenset({"writer/stale"})


@pytest.fixture
def healthy(sites: Any) -> Site:
    """A site that is GO; the next test gets a new one if this one does not leave it so."""
    site: Site = sites.get()
    expect_go(site)
    return site


def is_hold(decision: Decision) -> bool:
    return decision.verdict is Verdict.HOLD


def is_abort(decision: Decision) -> bool:
    return decision.verdict is Verdict.ABORT


def is_pending(site: Site, alert: str) -> bool:
    """Whether the condition of an alert holds, by the server's own word, and has not yet for its whole `for`."""
    expr = f'ALERTS{{alertname="{alert}", alertstate="pending"}}'
    return bool(site.sandbox.judge.api.query(expr).series)


def scaled(site: Site, production_seconds: float) -> float:
    return production_seconds / site.sandbox.pace.factor


def last_before_abort(site: Site) -> float:
    """
    How long a condition may hold, in seconds of this machine, so that its end is seen before its `for` is over.

    Less than the `for` by what the news takes: one scrape, one evaluation, and one more for a busy machine. To the
    second (4 min 59 s and 5 min) the alert rules are held by their promtool tests.
    """
    pace = site.sandbox.pace
    return scaled(site, ABORT_FOR_SECONDS) - 2 * pace.rule_interval - pace.scrape_interval


def push_mttr(site: Site, seconds: float) -> None:
    """Lets the service publish this now, and not only at its next push."""
    site.sandbox.service.values[MTTR] = seconds
    assert site.sandbox.service.push()


def expect_healed(observed: Observation, site: Site) -> None:
    """The site must be GO again, and no ABORT may come late."""
    assert observed.until(is_go, HEALED_SECONDS), shown(observed)
    assert observed.stays(is_go, AFTERMATH_EVALUATIONS * site.sandbox.pace.rule_interval), shown(observed)


def expect_abort(observed: Observation, site: Site, signs: frozenset[str]) -> None:
    """What began with the observation and is left as it is must become ABORT, not before its `for`, and stay no GO."""
    pace = site.sandbox.pace
    assert observed.until(is_abort, seen_within(FIRING, pace)), shown(observed)
    assert observed.stays(is_abort, AFTERMATH_EVALUATIONS * pace.rule_interval), shown(observed)
    assert not false_gos(observed.trail, signs, seen_within(signs, pace)), shown(observed)
    assert not false_aborts(observed.trail, may_abort=True, pace=pace), shown(observed)


def expect_abort_of_slow_repair(site: Site) -> None:
    """Beyond the boundary: the same condition, once it stays, must become ABORT, and heal."""
    beyond = Observation(site)
    push_mttr(site, BAD_MTTR)
    try:
        expect_abort(beyond, site, FIRING)
    finally:
        push_mttr(site, GOOD_MTTR)
    expect_healed(beyond, site)


def shown(observed: Observation) -> str:
    return "\n".join(map(str, observed.trail))


def test_condition_that_ends_just_before_its_five_minutes_is_no_abort(healthy: Site) -> None:
    """An abort condition must be GO while it holds for less than its `for`, and after; then ABORT if it goes on."""
    observed = Observation(healthy)
    push_mttr(healthy, BAD_MTTR)
    try:
        calm = observed.stays(is_go, last_before_abort(healthy))
        pending = is_pending(healthy, ENERGY)
    finally:
        push_mttr(healthy, GOOD_MTTR)

    assert pending, "the condition did not hold at all"
    assert calm, shown(observed)
    expect_healed(observed, healthy)

    expect_abort_of_slow_repair(healthy)


def test_heartbeat_back_just_before_the_limit_is_no_abort(healthy: Site) -> None:
    """A stale heartbeat must be HOLD at every look, and no ABORT before five minutes; then ABORT if it stays away."""
    heart, pace = healthy.sandbox.heart, healthy.sandbox.pace
    heart.stop()
    observed = Observation(healthy)
    try:
        stale = observed.until(is_hold, HEALED_SECONDS)
        calm = observed.stays(is_hold, last_before_abort(healthy))
        pending = is_pending(healthy, STALE)
        while_stopped = tuple(observed.trail)
    finally:
        heart.start()

    assert pending, "the condition did not hold at all"
    assert stale, shown(observed)
    assert calm, shown(observed)
    assert not false_gos(while_stopped, STALE_BEAT, seen_within(STALE_BEAT, pace)), shown(observed)
    assert observed.until(is_go, HEALED_SECONDS), shown(observed)
    assert not false_aborts(observed.trail, may_abort=False, pace=pace), shown(observed)
    expect_healed(observed, healthy)

    beyond = Observation(healthy)
    heart.stop()
    try:
        expect_abort(beyond, healthy, STALE_BEAT)
    finally:
        heart.start()
    expect_healed(beyond, healthy)


def test_flap_at_every_second_evaluation_is_no_abort(healthy: Site) -> None:
    """A condition that comes and goes must be GO, however much its times add up to; then ABORT once it stays."""
    pace = healthy.sandbox.pace
    observed = Observation(healthy)
    held = 0.0
    try:
        while held < 1.5 * scaled(healthy, ABORT_FOR_SECONDS):
            push_mttr(healthy, BAD_MTTR)
            assert go_until(observed, lambda: is_pending(healthy, ENERGY)), shown(observed)
            began = time.monotonic()
            assert observed.stays(is_go, 2 * pace.rule_interval), shown(observed)
            push_mttr(healthy, GOOD_MTTR)
            assert go_until(observed, lambda: not is_pending(healthy, ENERGY)), shown(observed)
            held += time.monotonic() - began
    finally:
        push_mttr(healthy, GOOD_MTTR)
    expect_healed(observed, healthy)

    expect_abort_of_slow_repair(healthy)


def go_until(observed: Observation, done: Callable[[], bool]) -> bool:
    """Whether it came to that, and every look until then was GO."""
    ended = observed.until(lambda decision: not is_go(decision) or done(), HEALED_SECONDS)
    return ended and observed.decision is not None and is_go(observed.decision)
