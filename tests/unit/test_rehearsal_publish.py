"""What rehearsals publish, on a real Pushgateway: counters that only grow, and a histogram of restore times."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fixtures.contract import CONTRACT, INPUTS, pace
from fixtures.writer import Pushgateway
from l4gate.base import RehearsalFailed
from l4gate.rehearsal.publishing import measured, publish
from l4gate.sandbox import SimulatedService

NAMES = CONTRACT.rehearsal
JOB, DR_RESTORE, DR_SUCCESS, DR_FAILURE = NAMES.job, NAMES.restore_time, NAMES.succeeded, NAMES.failed


def held(pushgateway: Pushgateway, realm: str = "prod") -> dict[str, float]:
    return {
        sample.name + (f" {float(sample.labels['le']):g}" if "le" in sample.labels else ""): sample.value
        for family in text_string_to_metric_families(pushgateway.text())
        for sample in family.samples
        if sample.labels.get("job") == JOB and sample.labels.get("metric_realm") == realm
    }


def test_counters_are_known_before_the_first_rehearsal(pushgateway: Pushgateway) -> None:
    """Without a rehearsal all of them must be there, at 0: else Prometheus would not see the first one."""
    publish(pushgateway.url, "prod", pace(1))

    found = held(pushgateway)
    assert set(found.values()) == {0.0}
    assert {DR_SUCCESS, DR_FAILURE, f"{DR_RESTORE}_count", f"{DR_RESTORE}_bucket 720"} <= set(found)


def test_rehearsals_are_added_up(pushgateway: Pushgateway) -> None:
    """Each call must add to what the Pushgateway holds, whoever pushed that; a failure must be no restore time."""
    publish(pushgateway.url, "prod", pace(1), 100.0)
    publish(pushgateway.url, "prod", pace(1), 700.0, None)

    found = held(pushgateway)
    assert (found[DR_SUCCESS], found[DR_FAILURE]) == (2, 1)
    assert (found[f"{DR_RESTORE}_count"], found[f"{DR_RESTORE}_sum"]) == (2, 800)
    buckets = [found[f"{DR_RESTORE}_bucket {bound}"] for bound in ("60", "120", "480", "720", "inf")]
    assert buckets == [0, 1, 1, 2, 2]


def test_buckets_are_those_of_the_judging_stack(pushgateway: Pushgateway) -> None:
    """The limit of 720 s is 12 s on a stack of factor 60, so the bounds of the buckets must be divided too."""
    publish(pushgateway.url, "prod", pace(60), 11.0)

    found = held(pushgateway)
    assert (found[f"{DR_RESTORE}_bucket 8"], found[f"{DR_RESTORE}_bucket 12"]) == (0, 1)


def test_realms_are_kept_apart(pushgateway: Pushgateway) -> None:
    """What one realm has rehearsed must not be counted for another one."""
    publish(pushgateway.url, "prod", pace(1), 100.0)
    publish(pushgateway.url, "staging", pace(1), 200.0)

    assert held(pushgateway, "staging")[DR_SUCCESS] == 1


def test_types_are_those_of_the_service(pushgateway: Pushgateway) -> None:
    """A Pushgateway refuses a name with another type, so types must be those that the simulated service pushes."""
    service = SimulatedService(pushgateway.url, "prod", 60, pace(1))
    assert service.push()

    publish(pushgateway.url, "prod", pace(1), 100.0)

    assert service.push(), service.last_error
    for name in measured(CONTRACT):
        assert f"# TYPE {name} {INPUTS[name].kind}" in pushgateway.text()


def test_nobody_there_is_said(refusing_url: str) -> None:
    """A Pushgateway that cannot be reached must fail the rehearsal with its address."""
    with pytest.raises(RehearsalFailed, match=f"expected {refusing_url}/metrics/job/{JOB}.* to take"):
        publish(refusing_url, "prod", pace(1))
