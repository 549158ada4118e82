"""Faults that end just before they count: no false ABORT, no false GO, in scaled time on a real stack."""

from __future__ import annotations

import time
from typing import Any

import pytest

from l4gate.contract import ABORT_FOR_SECONDS
from l4gate.faults.exercise import Watch, expect_go, is_go
from l4gate.faults.model import Site
from l4gate.verdict import Decision, Verdict

pytestmark = pytest.mark.faults
BAD_MTTR, GOOD_MTTR = 600.0, 30.0  # seconds to repair: above and below the abort limit of the Lyapunov energy
HEALED_SECONDS = 10.0
AFTERMATH_EVALUATIONS = 4  # an alert that was about to fire would do so at the next one


@pytest.fixture
def healthy(sites: Any) -> Site:
    """A site that is GO; the next test gets a new one if this one does not leave it so."""
    site: Site = sites.get()
    expect_go(site)
    return site


def not_abort(decision: Decision) -> bool:
    return decision.verdict is not Verdict.ABORT


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
    site.sandbox.workload.mttr_seconds = seconds
    assert site.sandbox.workload.push()


def test_condition_that_ends_just_before_its_five_minutes_is_no_abort(healthy: Site) -> None:
    """An abort condition that holds for less than its `for` MUST NOT be ABORT, neither then nor later."""
    watch = Watch(healthy)
    push_mttr(healthy, BAD_MTTR)
    calm = watch.steady(not_abort, last_before_abort(healthy))
    push_mttr(healthy, GOOD_MTTR)

    assert calm, watch.trail
    assert watch.steady(not_abort, AFTERMATH_EVALUATIONS * healthy.sandbox.pace.rule_interval), watch.trail
    assert watch.until(is_go, HEALED_SECONDS), watch.trail


def test_heartbeat_back_just_before_the_limit_is_no_abort(healthy: Site) -> None:
    """A heartbeat that is stale for less than five minutes MUST be HOLD, never ABORT, and GO after it is back."""
    heart = healthy.sandbox.heart
    heart.stop()
    watch = Watch(healthy)
    try:
        stale = watch.until(lambda decision: decision.verdict is Verdict.HOLD, HEALED_SECONDS)
        calm = watch.steady(not_abort, last_before_abort(healthy))
    finally:
        heart.start()

    assert stale, watch.trail
    assert calm, watch.trail
    assert watch.steady(not_abort, AFTERMATH_EVALUATIONS * healthy.sandbox.pace.rule_interval), watch.trail
    assert watch.until(is_go, HEALED_SECONDS), watch.trail


def test_flap_at_every_second_evaluation_is_no_abort(healthy: Site) -> None:
    """A condition that comes and goes at every second evaluation MUST NOT add up to an ABORT."""
    pace = healthy.sandbox.pace
    watch = Watch(healthy)
    end = time.monotonic() + 1.5 * scaled(healthy, ABORT_FOR_SECONDS)
    calm = True
    while time.monotonic() < end and calm:
        push_mttr(healthy, BAD_MTTR)
        calm = watch.steady(not_abort, 2 * pace.rule_interval)
        push_mttr(healthy, GOOD_MTTR)
        calm = calm and watch.steady(not_abort, 2 * pace.rule_interval)

    assert calm, watch.trail
    assert watch.until(is_go, HEALED_SECONDS), watch.trail
