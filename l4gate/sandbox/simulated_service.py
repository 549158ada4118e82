"""
A simulated service: pushes the metrics that a real one would, healthy until it is told otherwise.

The sandbox needs it because most abort conditions judge the service, not the heartbeat. Whatever comes
from here is simulated, and evidence has to say so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UntypedMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from l4gate.contract import Pace
from l4gate.prometheus_api import HttpError, new_session
from l4gate.sandbox.repeating import Repeating

PUSH_LIMIT_SECONDS: Final = 5.0
SIMULATED: Final = "Of a simulated service."


class SimulatedService(Repeating):
    """
    Pushes the simulated inputs of a contract at every interval, between start and stop.

    `values` says how the service does, by metric, and may be changed at any time: the value of a gauge, or what a
    counter gains and a histogram observes at each push. All are of production: seconds are divided by the factor when
    they are pushed, as the limits of a scaled stack are.

    `totals` is where the counters stand; `omitted` names metrics that are not pushed; `last_error` says why the newest
    push failed, and is empty if it was accepted.

    Raises:
        UsageError: if the interval is not a positive number.
    """

    def __init__(self, pushgateway_url: str, realm: str, interval_seconds: float, pace: Pace) -> None:
        super().__init__("simulated service", interval_seconds, self.push)
        contract = pace.contract
        self._simulated = {
            name: each.simulated for name, each in contract.inputs.items() if each.simulated is not None
        }
        self._kinds = {name: contract.inputs[name].kind for name in self._simulated}
        self.values = {name: each.value for name, each in self._simulated.items()}
        self.omitted: set[str] = set()
        self.totals = {name: 0.0 for name, kind in self._kinds.items() if kind == "counter"}
        self.pushes = 0
        self.last_error = ""
        self._url = (
            f"{pushgateway_url}/metrics/job/{contract.simulation.job}/instance/{contract.heartbeat.instance}"
        )
        self._realm = realm
        self._pace = pace
        # How often each histogram was in each bucket; the last one is +Inf.
        self._observed = {
            name: [0] * (len(self._simulated[name].buckets) + 1)
            for name, kind in self._kinds.items()
            if kind == "histogram"
        }
        self._sums = dict.fromkeys(self._observed, 0.0)
        self._session = new_session(pushgateway_url)

    def push(self) -> bool:
        """Lets the service work for one interval and pushes its metrics; tells whether the push was accepted."""
        self._work()
        registry = CollectorRegistry()
        registry.register(_Fixed(self._families()))
        try:
            answer = self._session.put(
                self._url,
                data=generate_latest(registry),
                headers={"Content-Type": CONTENT_TYPE_LATEST},
                timeout=PUSH_LIMIT_SECONDS,
            )
            self.last_error = "" if answer.ok else f"status {answer.status_code}: {answer.text.strip()[:300]}"
        except HttpError as error:
            self.last_error = str(error)
        self.pushes += 1
        return not self.last_error

    def _work(self) -> None:
        for name in self.totals:
            self.totals[name] += self.values[name]
        for name, observed in self._observed.items():
            observed[bisect_left(self._simulated[name].buckets, self.values[name])] += 1
            self._sums[name] += self.values[name]

    def _families(self) -> list[Metric]:
        makers = {"counter": self._counter, "histogram": self._histogram}
        return [
            makers.get(kind, self._gauge)(name)
            for name, kind in self._kinds.items()
            if name not in self.omitted
        ]

    def _counter(self, name: str) -> Metric:
        return counter_family(name, SIMULATED, self._labels(name), self.totals[name])

    def _gauge(self, name: str) -> Metric:
        labels = self._labels(name)
        family = GaugeMetricFamily(name, SIMULATED, labels=list(labels))
        family.add_metric(list(labels.values()), self._pace.scaled(name, self.values[name]))
        return family

    def _histogram(self, name: str) -> Metric:
        labels = self._labels(name)
        family = HistogramMetricFamily(name, SIMULATED, labels=list(labels))
        bounds = [str(self._pace.scaled(name, bound)) for bound in self._simulated[name].buckets]
        buckets = list(zip([*bounds, "+Inf"], accumulate(self._observed[name]), strict=True))
        family.add_metric(list(labels.values()), buckets, self._pace.scaled(name, self._sums[name]))
        return family

    def _labels(self, name: str) -> dict[str, str]:
        return {self._pace.contract.realm.label: self._realm, **self._simulated[name].labels}


def counter_family(name: str, says: str, labels: Mapping[str, str], value: float) -> Metric:
    """
    One sample of a counter, under exactly this name.

    A CounterMetricFamily adds _total to a name that has none, and would push another metric than the rules read.
    """
    kind = CounterMetricFamily if name.endswith("_total") else UntypedMetricFamily
    family = kind(name, says, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


class _Fixed(Collector):
    """A collector of metrics that have been made already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
