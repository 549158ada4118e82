"""The simulated service: healthy numbers by default, and unhealthy ones on demand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.writer import Pushgateway, Scripted
from l4gate.base import UsageError, wait_until
from l4gate.contract import PUSH_INSTANCE, REALM_LABEL, SERVICE_PUSH_JOB
from l4gate.sandbox import workload
from l4gate.sandbox.workload import Workload

GAUGES = (workload.KS_P, workload.UNIQUE_RATIO, workload.ALERT_RATE, workload.MTTR)


@pytest.fixture
def service(pushgateway: Pushgateway) -> Workload:
    """A service that pushes when it is told to."""
    return Workload(pushgateway.url, "prod", 60, factor=60)


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


def test_every_declared_input_is_there(service: Workload, pushgateway: Pushgateway) -> None:
    """All service metrics that the rules take as inputs are pushed, each with realm, job, instance and as simulated."""
    assert service.push()

    assert names(pushgateway) == {*GAUGES, *workload.COUNTERS, workload.DR_RESTORE}
    labels = f'instance="{PUSH_INSTANCE}",job="{SERVICE_PUSH_JOB}",{REALM_LABEL}="prod"'
    for line in pushgateway.text().splitlines():
        if line.startswith("duri_"):
            assert labels in line
        if line.startswith("# HELP duri_"):
            assert "simulated" in line


def test_windows_are_labelled(service: Workload, pushgateway: Pushgateway) -> None:
    """The two statistics of the canary carry the window they are taken over."""
    service.push()

    for name in (workload.KS_P, workload.UNIQUE_RATIO):
        assert pushgateway.shown()[name].sample.labels["window"] == "2h"


def test_counters_go_on_from_a_history(pushgateway: Pushgateway) -> None:
    """Counters start where a history left them and count every push."""
    service = Workload(pushgateway.url, "prod", 60, totals={workload.CREATED: 1000})
    service.push()
    service.push()

    assert total(pushgateway, workload.CREATED) == 1000 + 2 * workload.CREATED_PER_PUSH
    assert total(pushgateway, workload.EVENTS) == 2 * workload.EVENTS_PER_PUSH
    assert total(pushgateway, workload.DR_SUCCESS) == 2


@pytest.mark.parametrize("ratio", [0.0, 0.08, 0.5, 1.0])
def test_failure_ratio_is_as_set(service: Workload, pushgateway: Pushgateway, ratio: float) -> None:
    """The share of rolled-back canaries is the one that was set, and every event was promoted or rolled back."""
    service.canary_failure_ratio = ratio
    for _ in range(3):
        service.push()

    back, forward = total(pushgateway, workload.ROLLBACK), total(pushgateway, workload.PROMOTE)
    assert back / (back + forward) == pytest.approx(ratio)
    assert back + forward == total(pushgateway, workload.EVENTS)


def test_seconds_are_scaled(service: Workload, pushgateway: Pushgateway) -> None:
    """Durations are pushed divided by the factor, histogram bounds included, and nothing else is."""
    service.mttr_seconds, service.restore_seconds, service.ks_p = 120, 600, 0.3
    service.push()

    assert values(pushgateway)[workload.MTTR] == 2
    assert values(pushgateway)[workload.KS_P] == pytest.approx(0.3)
    buckets = dict(restore_buckets(pushgateway))
    assert list(buckets) == [*(bound / 60 for bound in workload.RESTORE_BUCKETS_SECONDS), float("inf")]
    assert buckets == {bound: float(bound >= 10) for bound in buckets}
    assert total(pushgateway, f"{workload.DR_RESTORE}_sum") == 10


def test_slow_restores_fill_the_last_bucket(service: Workload, pushgateway: Pushgateway) -> None:
    """A restore beyond the largest bound is counted in +Inf only."""
    service.restore_seconds = 10_000
    service.push()

    assert [count for _, count in restore_buckets(pushgateway)] == [0] * 7 + [1]


def restore_buckets(pushgateway: Pushgateway) -> Iterator[tuple[float, float]]:
    for line in pushgateway.text().splitlines():
        if line.startswith(f"{workload.DR_RESTORE}_bucket"):
            yield float(line.split('le="')[1].split('"')[0]), float(line.split()[-1])


def test_failed_restore(service: Workload, pushgateway: Pushgateway) -> None:
    """A restore that fails counts as a failure and has no restore time."""
    service.restore_succeeds = False
    service.push()

    assert (total(pushgateway, workload.DR_SUCCESS), total(pushgateway, workload.DR_FAILURE)) == (0, 1)
    assert total(pushgateway, f"{workload.DR_RESTORE}_count") == 0


@pytest.mark.parametrize("name", [*GAUGES, *workload.COUNTERS, workload.DR_RESTORE])
def test_omitted_metric_disappears(service: Workload, pushgateway: Pushgateway, name: str) -> None:
    """A metric that is omitted is gone from the Pushgateway after the next push, and the others stay."""
    service.push()
    before = names(pushgateway)
    service.omitted.add(name)
    service.push()

    assert before - names(pushgateway) == {name}


def test_pushes_steadily(pushgateway: Pushgateway) -> None:
    """Between start and stop the service pushes by itself."""
    with Workload(pushgateway.url, "prod", 0.05) as service:
        wait_until(
            lambda: service.pushes >= 3, deadline_seconds=10, interval_seconds=0.01, what="three pushes"
        )

    assert service.last_error == ""
    assert total(pushgateway, workload.EVENTS) == service.pushes * workload.EVENTS_PER_PUSH


def test_push_errors_are_remembered(refusing_url: str, scripted: Scripted) -> None:
    """A push that fails raises nothing; the reason stays until a push succeeds."""
    service = Workload(refusing_url, "prod", 60)
    assert not service.push()
    assert "Connection refused" in service.last_error

    service = Workload(scripted.url, "prod", 60)
    scripted.status, scripted.answer = 400, b"no such thing"
    assert not service.push()
    assert service.last_error == "status 400: no such thing"
    scripted.status = 200
    assert service.push()
    assert service.last_error == ""


def test_proxy_is_not_used(service: Workload, refusing_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment does not come between the service and a Pushgateway on loopback."""
    monkeypatch.setenv("http_proxy", refusing_url)
    monkeypatch.setenv("HTTP_PROXY", refusing_url)

    assert service.push()


def test_interval_must_be_a_time() -> None:
    """An interval of 0 s is the caller's error."""
    with pytest.raises(UsageError, match="workload: expected an interval above 0 s, found 0"):
        Workload("http://127.0.0.1:1", "prod", 0)
