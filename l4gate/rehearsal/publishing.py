"""
Publishes what rehearsals measured: the inputs of the DR rules, by the Pushgateway like everything else.

The counters go on from what the Pushgateway holds, so that nobody else has to remember them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from l4gate.base import RehearsalFailed
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import HttpError, new_session
from l4gate.rehearsal.size import Size
from l4gate.sandbox import counter_family

_HELP: Final = "Of restore rehearsals."
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(eq=False)  # the registry keeps collectors by identity
class Tally(Collector):
    """
    All rehearsals so far.

    `restores` counts those up to each bound of `bounds` (seconds), and all of them last. `size` is that of the TSDB
    which the newest ones restored, where it is production's.
    """

    contract: Contract
    realm: str
    bounds: tuple[float, ...]
    succeeded: float = 0.0
    failed: float = 0.0
    seconds: float = 0.0
    restores: list[float] = field(default_factory=list)
    size: Size | None = None

    def __post_init__(self) -> None:
        self.restores = self.restores or [0.0] * (len(self.bounds) + 1)

    def add(self, seconds: float | None) -> None:
        """Counts one rehearsal: its restore time, or None for one that failed."""
        if seconds is None:
            self.failed += 1
            return
        self.succeeded += 1
        self.seconds += seconds
        for index, bound in enumerate([*self.bounds, float("inf")]):
            self.restores[index] += seconds <= bound

    def collect(self) -> list[Metric]:
        """The metric families: two counters and a histogram, and two gauges where the size counts."""
        families: list[Metric] = []
        names, label = self.contract.rehearsal, self.contract.realm.label
        for name, total in ((names.succeeded, self.succeeded), (names.failed, self.failed)):
            families.append(counter_family(name, _HELP, {label: self.realm}, total))
        histogram = HistogramMetricFamily(names.restore_time, _HELP, labels=[label])
        bounds = [*(str(bound) for bound in self.bounds), "+Inf"]
        histogram.add_metric([self.realm], list(zip(bounds, self.restores, strict=True)), self.seconds)
        if self.size is not None:
            for name, value in (
                (names.restored_bytes, self.size.bytes),
                (names.restored_series, self.size.series),
            ):
                gauge = GaugeMetricFamily(name, _HELP, labels=[label])
                gauge.add_metric([self.realm], value)
                families.append(gauge)
        return [*families, histogram]


def publish(
    pushgateway_url: str, realm: str, pace: Pace, *restores: float | None, size: Size | None = None
) -> None:
    """
    Adds rehearsals to what the Pushgateway holds of them; none at all makes the counters known at 0.

    Prometheus counts what a counter gains, so what it is first seen with is no gain: publish none of them before the
    first rehearsal.

    Args:
        pushgateway_url: where.
        realm: the realm of the metrics.
        pace: of the stack that judges them; its limits, and so the buckets, are divided by its factor.
        restores: the restore time of each rehearsal in seconds, None for one that failed.
        size: of production's TSDB, where that is what was restored (`production.publish_as_productions`).

    Raises:
        RehearsalFailed: if the Pushgateway does not take it.
    """
    contract = pace.contract
    url = f"{pushgateway_url}/metrics/job/{contract.rehearsal.job}/instance/{contract.heartbeat.instance}"
    with new_session(pushgateway_url) as session:
        try:
            held = session.get(f"{pushgateway_url}/metrics", timeout=_TIMEOUT_SECONDS)
            held.raise_for_status()
            tally = _read(held.text, realm, pace)
            tally.size = size
            for seconds in restores:
                tally.add(seconds)
            registry = CollectorRegistry()
            registry.register(tally)
            headers = {"Content-Type": CONTENT_TYPE_LATEST}
            answer = session.put(url, generate_latest(registry), headers=headers, timeout=_TIMEOUT_SECONDS)
            answer.raise_for_status()
        except HttpError as error:
            message = f"expected {url} to take the results of the rehearsal, found: {error}."
            raise RehearsalFailed(message, next_step="see whether the Pushgateway runs.") from None


def measured(contract: Contract) -> frozenset[str]:
    """What rehearsals measure, and a simulated service must therefore leave alone."""
    names = contract.rehearsal
    return frozenset({names.restore_time, names.succeeded, names.failed})


def _read(text: str, realm: str, pace: Pace) -> Tally:
    """What a Pushgateway holds of earlier rehearsals in this realm."""
    contract = pace.contract
    ours = contract.rehearsal
    simulated = contract.inputs[ours.restore_time].simulated
    bounds = tuple(bound / pace.factor for bound in (simulated.buckets if simulated else ()))
    held: dict[tuple[str, str], float] = {}
    wanted = {"job": ours.job, "instance": contract.heartbeat.instance, contract.realm.label: realm}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if _within(wanted, sample.labels):
                held[sample.name, sample.labels.get("le", "")] = sample.value
    names = [*(str(bound) for bound in bounds), "+Inf"]
    by_bound = {
        float(le): value for (name, le), value in held.items() if name == f"{ours.restore_time}_bucket"
    }
    return Tally(
        contract,
        realm,
        bounds,
        succeeded=held.get((ours.succeeded, ""), 0.0),
        failed=held.get((ours.failed, ""), 0.0),
        seconds=held.get((f"{ours.restore_time}_sum", ""), 0.0),
        restores=[by_bound.get(float(name), 0.0) for name in names],
    )


def _within(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())
