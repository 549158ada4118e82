"""Comparing the samples of two servers: a lost, added or changed sample is always seen."""

from __future__ import annotations

import pytest

from l4gate.rehearsal import p95
from l4gate.rehearsal.samples import Fingerprint, Samples

UP = (("__name__", "up"), ("job", "prometheus"))
OK = (("__name__", "duri_heartbeat_ok"),)


def samples(up: tuple[int, str] | None = (3, "a"), ok: tuple[int, str] | None = (5, "b")) -> Samples:
    found = {UP: up, OK: ok}
    return Samples({labels: Fingerprint(*each) for labels, each in found.items() if each})


def test_the_same_samples_have_no_difference() -> None:
    """Equal counts and checksums must be no difference, and nothing must be lost."""
    assert samples().differences(samples()) == []
    assert samples().lost(samples()) == 0
    assert samples().count == 8


@pytest.mark.parametrize(
    ("after", "lost", "said"),
    [
        (samples(up=None), 3, '{__name__="up", job="prometheus"}: expected 3 samples, found no series'),
        (samples(up=(2, "c")), 1, '{__name__="up", job="prometheus"}: expected 3 samples, found 2 samples'),
        (
            samples(ok=(5, "c")),
            1,
            '{__name__="duri_heartbeat_ok"}: expected 5 samples, found 5 samples with other values',
        ),
    ],
    ids=["series", "sample", "value"],
)
def test_a_loss_is_counted_and_named(after: Samples, lost: int, said: str) -> None:
    """A series, a sample or a value that is not as it was must be counted and named."""
    assert after.lost(samples()) == lost
    assert after.differences(samples()) == [said]


def test_a_series_that_was_not_there_is_a_difference() -> None:
    """What nobody had sampled must not appear in a restored past."""
    assert samples().differences(samples(ok=None)) == [
        '{__name__="duri_heartbeat_ok"}: expected no series, found 5 samples'
    ]


def test_the_p95_is_a_time_that_was_measured() -> None:
    """The 95th percentile must be the nearest rank: of 20 times the second longest, of few the longest."""
    assert p95([float(each) for each in range(20, 0, -1)]) == 19.0
    assert p95([2.0, 1.0]) == 2.0
    assert p95([3.0]) == 3.0
