"""
Publishes what rehearsals measured: the duri_dr_* inputs of the DR rules, by the Pushgateway like everything else.

The counters go on from what the Pushgateway holds, so that nobody else has to remember them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from l4gate.base import RehearsalFailed
from l4gate.contract import PUSH_INSTANCE, REALM_LABEL
from l4gate.prometheus_api import HttpError, new_session
from l4gate.sandbox import DR_FAILURE, DR_RESTORE, DR_SUCCESS, RESTORE_BUCKETS_SECONDS

JOB: Final = "duri_dr_rehearsal"
MEASURED: Final = frozenset({DR_SUCCESS, DR_FAILURE, DR_RESTORE})
_HELP: Final = "Of restore rehearsals."
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(eq=False)  # the registry keeps collectors by identity
class Tally(Collector):
    """All rehearsals so far. `restores` counts those up to each bound of `bounds` (seconds), and all of them last."""

    realm: str
    bounds: tuple[float, ...]
    succeeded: float = 0.0
    failed: float = 0.0
    seconds: float = 0.0
    restores: list[float] = field(default_factory=list)

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
        """The three metric families."""
        families: list[Metric] = []
        for name, total in ((DR_SUCCESS, self.succeeded), (DR_FAILURE, self.failed)):
            counter = CounterMetricFamily(name, _HELP, labels=[REALM_LABEL])
            counter.add_metric([self.realm], total)
            families.append(counter)
        histogram = HistogramMetricFamily(DR_RESTORE, _HELP, labels=[REALM_LABEL])
        names = [*(str(bound) for bound in self.bounds), "+Inf"]
        histogram.add_metric([self.realm], list(zip(names, self.restores, strict=True)), self.seconds)
        return [*families, histogram]


def publish(pushgateway_url: str, realm: str, factor: float, *restores: float | None) -> None:
    """
    Adds rehearsals to what the Pushgateway holds of them; none at all makes the counters known at 0.

    Prometheus counts what a counter gains, so what it is first seen with is no gain: publish none of them before the
    first rehearsal.

    Args:
        pushgateway_url: where.
        realm: the realm of the metrics.
        factor: time factor of the stack that judges them; its limits, and so the buckets, are divided by it.
        restores: the restore time of each rehearsal in seconds, None for one that failed.

    Raises:
        RehearsalFailed: if the Pushgateway does not take it.
    """
    url = f"{pushgateway_url}/metrics/job/{JOB}/instance/{PUSH_INSTANCE}"
    with new_session(pushgateway_url) as session:
        try:
            held = session.get(f"{pushgateway_url}/metrics", timeout=_TIMEOUT_SECONDS)
            held.raise_for_status()
            tally = _read(held.text, realm, tuple(bound / factor for bound in RESTORE_BUCKETS_SECONDS))
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


def _read(text: str, realm: str, bounds: tuple[float, ...]) -> Tally:
    """What a Pushgateway holds of earlier rehearsals in this realm."""
    held: dict[tuple[str, str], float] = {}
    wanted = {"job": JOB, "instance": PUSH_INSTANCE, REALM_LABEL: realm}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if _within(wanted, sample.labels):
                held[sample.name, sample.labels.get("le", "")] = sample.value
    names = [*(str(bound) for bound in bounds), "+Inf"]
    by_bound = {float(le): value for (name, le), value in held.items() if name == f"{DR_RESTORE}_bucket"}
    return Tally(
        realm,
        bounds,
        succeeded=held.get((DR_SUCCESS, ""), 0.0),
        failed=held.get((DR_FAILURE, ""), 0.0),
        seconds=held.get((f"{DR_RESTORE}_sum", ""), 0.0),
        restores=[by_bound.get(float(name), 0.0) for name in names],
    )


def _within(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())
