"""The simulated service: healthy numbers by default, and unhealthy ones on demand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.contract import CONTRACT, PUSH_INSTANCE, REALM_LABEL, SERVICE_PUSH_JOB, pace
from fixtures.writer import Pushgateway, Scripted
from l4gate.base import UsageError, wait_until
from l4gate.sandbox.simulated_service import SimulatedService

SIMULATED = {name: each for name, each in CONTRACT.inputs.items() if each.simulated is not None}
EVENTS, PROMOTE, ROLLBACK = (f"duri_canary_{each}_total" for each in ("events", "promote", "rollback"))
MTTR, KS_P = "duri_mttr_seconds", "duri_p_uniform_ks_p"
RESTORE = CONTRACT.rehearsal.restore_time
BOUNDS = SIMULATED[RESTORE].simulated.buckets


@pytest.fixture
def service(pushgateway: Pushgateway) -> SimulatedService:
    """A service that pushes when it is told to."""
    return SimulatedService(pushgateway.url, "prod", 60, pace(60))


def values(pushgateway: Pushgateway) -> dict[str, float]:
    return {
        name: family.sample.value for name, family in pushgateway.shown().items() if name.startswith("duri_")
    }


def names(pushgateway: Pushgateway) -> set[str]:
    lines = pushgateway.text().splitlines()
    return {line.split()[2] for line in lines if line.startswith("# TYPE duri_")}


def total(pushgateway: Pushgateway, name: str) -> float:
    [line] = [line for line in pushgateway.text().splitlines() if line.startswith(f"{name}{{")]
    return float(line.split()[-1])


def test_every_declared_input_is_there(service: SimulatedService, pushgateway: Pushgateway) -> None:
    """All service metrics that the rules take must be pushed, each with realm, job, instance and as simulated."""
    assert service.push()

    assert names(pushgateway) == set(SIMULATED)
    labels = f'instance="{PUSH_INSTANCE}",job="{SERVICE_PUSH_JOB}",{REALM_LABEL}="prod"'
    for line in pushgateway.text().splitlines():
        if line.startswith("duri_"):
            assert labels in line
        if line.startswith("# HELP duri_"):
            assert "simulated" in line


def test_windows_are_labelled(service: SimulatedService, pushgateway: Pushgateway) -> None:
    """The two statistics of the canary must carry the window they are taken over."""
    service.push()

    windowed = [name for name, each in SIMULATED.items() if each.simulated.labels]
    assert windowed
    for name in windowed:
        assert pushgateway.shown()[name].sample.labels["window"] == "2h"


def test_counters_go_on_from_where_they_stand(service: SimulatedService, pushgateway: Pushgateway) -> None:
    """Every push must add what the contract says to where a counter stands, which may be set."""
    service.totals[EVENTS] = 1000
    service.push()
    service.push()

    assert total(pushgateway, EVENTS) == 1000 + 2 * service.values[EVENTS]
    assert total(pushgateway, CONTRACT.rehearsal.succeeded) == 2


def test_the_simulated_service_is_healthy(service: SimulatedService, pushgateway: Pushgateway) -> None:
    """Every canary must be promoted or rolled back, with too few rolled back to abort."""
    for _ in range(3):
        service.push()

    back, forward = total(pushgateway, ROLLBACK), total(pushgateway, PROMOTE)
    limit = next(each.threshold for each in CONTRACT.abort.conditions if "canary" in each.metric)
    assert back + forward == total(pushgateway, EVENTS)
    assert back / (back + forward) < limit


def test_seconds_are_scaled(service: SimulatedService, pushgateway: Pushgateway) -> None:
    """Durations must be pushed divided by the factor, histogram bounds included, and nothing else must be."""
    service.values |= {MTTR: 120, RESTORE: 600, KS_P: 0.3}
    service.push()

    assert values(pushgateway)[MTTR] == 2
    assert values(pushgateway)[KS_P] == pytest.approx(0.3)
    buckets = dict(restore_buckets(pushgateway))
    assert list(buckets) == [*(bound / 60 for bound in BOUNDS), float("inf")]
    assert buckets == {bound: float(bound >= 10) for bound in buckets}
    assert total(pushgateway, f"{RESTORE}_sum") == 10


def test_slow_restores_fill_the_last_bucket(service: SimulatedService, pushgateway: Pushgateway) -> None:
    """A restore beyond the largest bound must be counted in +Inf only."""
    service.values[RESTORE] = 10_000
    service.push()

    assert [count for _, count in restore_buckets(pushgateway)] == [0] * 7 + [1]


def restore_buckets(pushgateway: Pushgateway) -> Iterator[tuple[float, float]]:
    for line in pushgateway.text().splitlines():
        if line.startswith(f"{RESTORE}_bucket"):
            yield float(line.split('le="')[1].split('"')[0]), float(line.split()[-1])


@pytest.mark.parametrize("name", SIMULATED)
def test_omitted_metric_disappears(service: SimulatedService, pushgateway: Pushgateway, name: str) -> None:
    """A metric that is omitted must be gone from the Pushgateway after the next push, and the others must stay."""
    service.push()
    before = names(pushgateway)
    service.omitted.add(name)
    service.push()

    assert before - names(pushgateway) == {name}


def test_pushes_steadily(pushgateway: Pushgateway) -> None:
    """Between start and stop the service must push by itself."""
    with SimulatedService(pushgateway.url, "prod", 0.05, pace(1)) as service:
        wait_until(
            lambda: service.pushes >= 3, deadline_seconds=10, interval_seconds=0.01, what="three pushes"
        )

    assert service.last_error == ""
    assert total(pushgateway, EVENTS) == service.pushes * service.values[EVENTS]


def test_push_errors_are_remembered(refusing_url: str, scripted: Scripted) -> None:
    """A push that fails must raise nothing; the reason must stay until a push succeeds."""
    service = SimulatedService(refusing_url, "prod", 60, pace(1))
    assert not service.push()
    assert "Connection refused" in service.last_error

    service = SimulatedService(scripted.url, "prod", 60, pace(1))
    scripted.status, scripted.answer = 400, b"no such thing"
    assert not service.push()
    assert service.last_error == "status 400: no such thing"
    scripted.status = 200
    assert service.push()
    assert service.last_error == ""


def test_proxy_is_not_used(
    service: SimulatedService, refusing_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the environment must not come between the service and a Pushgateway on loopback."""
    monkeypatch.setenv("http_proxy", refusing_url)
    monkeypatch.setenv("HTTP_PROXY", refusing_url)

    assert service.push()


def test_interval_must_be_a_time() -> None:
    """An interval of 0 s must be the caller's error."""
    with pytest.raises(UsageError, match="simulated service: expected an interval above 0 s, found 0"):
        SimulatedService("http://127.0.0.1:1", "prod", 0, pace(1))
