"""
A simulated DuRi service: pushes the metrics that a real one would, healthy until it is told otherwise.

The sandbox needs it because the canary, Lyapunov and DR rules judge the service, not the heartbeat. Whatever comes
from here is simulated, and evidence has to say so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from l4gate.contract import PUSH_INSTANCE, REALM_LABEL, SERVICE_PUSH_JOB
from l4gate.prometheus_api import HttpError, new_session
from l4gate.sandbox.steady import Steady

EVENTS: Final = "duri_canary_events_total"
PROMOTE: Final = "duri_canary_promote_total"
ROLLBACK: Final = "duri_canary_rollback_total"
CREATED: Final = "duri_ev_created_total"
DR_SUCCESS: Final = "duri_dr_success_total"
DR_FAILURE: Final = "duri_dr_failure_total"
DR_RESTORE: Final = "duri_dr_restore_time_seconds"
KS_P: Final = "duri_p_uniform_ks_p"
UNIQUE_RATIO: Final = "duri_p_unique_ratio"
ALERT_RATE: Final = "duri_alert_rate_per_hour"
MTTR: Final = "duri_mttr_seconds"
COUNTERS: Final = (EVENTS, PROMOTE, ROLLBACK, CREATED, DR_SUCCESS, DR_FAILURE)

EVENTS_PER_PUSH: Final = 100  # a whole number of per cents; the quorum is 300 events in 15 min
CREATED_PER_PUSH: Final = 10  # 4 events an hour are needed
RESTORE_BUCKETS_SECONDS: Final = (60.0, 120.0, 240.0, 480.0, 720.0, 960.0, 1800.0)  # 720: limit of the p95
PUSH_LIMIT_SECONDS: Final = 5.0
SIMULATED: Final = "Of a simulated DuRi service."


class Workload(Steady):
    """
    Pushes the service's metrics under `job=duri_service, instance=local` at every interval, between start and stop.

    The attributes below say how the service does, and may be changed at any time. All are of production: seconds are
    divided by `factor` when they are pushed, as the limits of a scaled stack are. Every push counts 100 canary
    events, 10 created events and one restore rehearsal.

    `totals` is where the counters stand (a history may have counted before); `omitted` names metrics that are not
    pushed; `last_error` says why the newest push failed, and is empty if it was accepted.

    Raises:
        UsageError: if the interval is not a positive number.
    """

    def __init__(
        self,
        pushgateway_url: str,
        realm: str,
        interval_seconds: float,
        *,
        factor: float = 1.0,
        totals: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__("workload", interval_seconds, self.push)
        self.canary_failure_ratio = 0.01
        self.ks_p = 0.6
        self.unique_ratio = 0.97
        self.alert_rate_per_hour = 0.2
        self.mttr_seconds = 30.0
        self.restore_seconds = 200.0
        self.restore_succeeds = True
        self.omitted: set[str] = set()
        self.totals = {**dict.fromkeys(COUNTERS, 0.0), **(totals or {})}
        self.pushes = 0
        self.last_error = ""
        self._url = f"{pushgateway_url}/metrics/job/{SERVICE_PUSH_JOB}/instance/{PUSH_INSTANCE}"
        self._realm = realm
        self._factor = factor
        self._restores = [0] * (len(RESTORE_BUCKETS_SECONDS) + 1)  # per bucket; the last one is +Inf
        self._restored_seconds = 0.0
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
        rolled_back = round(EVENTS_PER_PUSH * self.canary_failure_ratio)
        self.totals[EVENTS] += EVENTS_PER_PUSH
        self.totals[ROLLBACK] += rolled_back
        self.totals[PROMOTE] += EVENTS_PER_PUSH - rolled_back
        self.totals[CREATED] += CREATED_PER_PUSH
        self.totals[DR_SUCCESS if self.restore_succeeds else DR_FAILURE] += 1
        if self.restore_succeeds:
            self._restores[bisect_left(RESTORE_BUCKETS_SECONDS, self.restore_seconds)] += 1
            self._restored_seconds += self.restore_seconds

    def _families(self) -> list[Metric]:
        window = {"window": "2h"}
        families = {
            KS_P: self._gauge(KS_P, self.ks_p, window),
            UNIQUE_RATIO: self._gauge(UNIQUE_RATIO, self.unique_ratio, window),
            ALERT_RATE: self._gauge(ALERT_RATE, self.alert_rate_per_hour, {}),
            MTTR: self._gauge(MTTR, self.mttr_seconds / self._factor, {}),
            DR_RESTORE: self._restore_histogram(),
            **{name: self._counter(name, total) for name, total in self.totals.items()},
        }
        return [family for name, family in families.items() if name not in self.omitted]

    def _counter(self, name: str, total: float) -> Metric:
        family = CounterMetricFamily(name, SIMULATED, labels=[REALM_LABEL])
        family.add_metric([self._realm], total)
        return family

    def _gauge(self, name: str, value: float, labels: Mapping[str, str]) -> Metric:
        family = GaugeMetricFamily(name, SIMULATED, labels=[REALM_LABEL, *labels])
        family.add_metric([self._realm, *labels.values()], value)
        return family

    def _restore_histogram(self) -> Metric:
        family = HistogramMetricFamily(DR_RESTORE, SIMULATED, labels=[REALM_LABEL])
        bounds = [str(bound / self._factor) for bound in RESTORE_BUCKETS_SECONDS]
        buckets = list(zip([*bounds, "+Inf"], accumulate(self._restores), strict=True))
        family.add_metric([self._realm], buckets, self._restored_seconds / self._factor)
        return family


class _Fixed(Collector):
    """A collector of metrics that have been made already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
