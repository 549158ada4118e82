"""Scaled time on a real server: nothing fires while all is well, and what must come comes inside its bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from fixtures import contract
from l4gate.base import wait_until
from l4gate.prometheus_api import PrometheusApi, Sample
from l4gate.sandbox import open_sandbox
from l4gate.settings import GATE_FACTOR, SANDBOX_FACTOR, Settings

pytestmark = [pytest.mark.scaled, pytest.mark.alone]

EVALUATIONS = 30  # without a false alarm; 15 production minutes
SLACK_SECONDS = 0.25  # real time: what a busy machine may be late by
REALM = f'{contract.REALM_LABEL}="{contract.DEFAULT_REALM}"'


def samples(api: PrometheusApi, selector: str) -> tuple[Sample, ...]:
    """The stored samples of one series of the last minute, in real time."""
    series = api.query(f"{selector}[1m]").series
    return series[0].samples if series else ()


def first(found: tuple[Sample, ...], value: float) -> float:
    """When the series first had that value after it had another one, or 0."""
    return next(
        (each.at for one, each in itertools.pairwise(found) if one.value != value == each.value),
        0.0,
    )


@pytest.mark.parametrize("factor", [GATE_FACTOR, pytest.param(SANDBOX_FACTOR, marks=pytest.mark.nightly)])
def test_times_lie_inside_their_bounds(factor: float, settings: Settings) -> None:
    """No false alarm may come while the heart beats; stale and firing must lie in the production bounds."""
    fresh = f"{contract.FRESH}{{{REALM}}}"
    firing = f'ALERTS{{alertname="L4AbortHeartbeatStale",alertstate="firing",{REALM}}}'
    rule = contract.RULE_INTERVAL_SECONDS / factor
    with open_sandbox(replace(settings, factor=factor, realms=(contract.DEFAULT_REALM,))) as sandbox:
        api = PrometheusApi(sandbox.stack.prometheus_url)
        wait_until(
            lambda: len([each for each in samples(api, fresh) if each.value == 1]) >= EVALUATIONS,
            deadline_seconds=15 + 2 * EVALUATIONS * rule,
            interval_seconds=rule,
            what=f"{EVALUATIONS} fresh evaluations",
        )
        healthy = samples(api, fresh)
        alarms = api.query(f'ALERTS{{l4="abort",alertstate="firing",{REALM}}}[1m]').series
        sandbox.heart.stop()
        wait_until(
            lambda: samples(api, firing),
            deadline_seconds=15 + 600 / factor,
            interval_seconds=rule,
            what="the stale heartbeat to fire",
        )
        beat = api.query(f"max({contract.RAW_TS}{{{REALM}}})").series[0].last.value
        stale_at, firing_at = first(samples(api, fresh), 0), samples(api, firing)[0].at

    began = next(index for index, each in enumerate(healthy) if each.value == 1)
    assert {each.value for each in healthy[began:]} == {1}
    assert [dict(series.labels) for series in alarms] == []
    # A change is seen at the next evaluation; the alert sees what was recorded at one of its own, as does its `for`.
    earliest, latest = contract.FRESH_LIMIT_SECONDS / factor, contract.FRESH_LIMIT_SECONDS / factor + rule
    assert earliest <= stale_at - beat <= latest + SLACK_SECONDS
    hold = contract.ABORT_FOR_SECONDS / factor
    assert earliest + hold <= firing_at - beat <= latest + hold + 2 * rule + SLACK_SECONDS
