"""
What the series of one look say, found by realm: the answers are gone through once, however many realms there are.

An instant query shows the value of a series but not when it was sampled; its newest raw sample does. So both are kept.
Times are Unix seconds of the server's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import SampleSeries
from l4gate.rules import realm_pattern
from l4gate.verdict.keys import Key, Visible, name_of, series_key
from l4gate.verdict.look import Source
from l4gate.verdict.series import scrape_times, source_of
from l4gate.verdict.targets import UP

PUSH_TIME: Final = "push_time_seconds"
PUSH_FAILURE_TIME: Final = "push_failure_time_seconds"
TEXTFILE_ERROR: Final = "node_textfile_scrape_error"
ALERTS: Final = "ALERTS"
RELOADED: Final = "prometheus_config_last_reload_successful"
OF_PROGRAMS: Final = (UP, PUSH_TIME, PUSH_FAILURE_TIME, TEXTFILE_ERROR, ALERTS, RELOADED)

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Sighting:
    """
    The series of one look.

    Attributes:
        now: the time that was asked for.
        present: what an instant query shows.
        recent: the raw samples, of some time back.
        realms: those that are ours: judged now, or of the same fleet.
        warnings: what makes the answers partial ones.
        moved: the keys of the sequences that have changed lately, where the samples do not go back far enough to tell.
    """

    now: float
    present: tuple[SampleSeries, ...]
    recent: tuple[SampleSeries, ...]
    pace: Pace
    realms: frozenset[str]
    warnings: tuple[str, ...] = ()
    moved: frozenset[Key] | None = None

    @property
    def contract(self) -> Contract:
        """What the series are read by."""
        return self.pace.contract

    @cached_property
    def newest(self) -> Mapping[Key, SampleSeries]:
        """The raw series, to be found by the labels of those that an instant query shows."""
        return {series_key(series.labels): series for series in self.recent}

    @cached_property
    def _by_realm(self) -> Mapping[str, Visible]:
        label = self.contract.realm.label
        found: dict[str, dict[str, list[tuple[SampleSeries, SampleSeries | None]]]] = {}
        for series in self.present:
            mine = found.setdefault(series.labels.get(label, ""), {})
            raw = self.newest.get(series_key(series.labels))
            mine.setdefault(name_of(series), []).append((series, raw))
        return found

    def of(self, realm: str) -> Visible:
        """By the name of a metric, the series of a realm that are visible, each with its recent samples."""
        return self._by_realm.get(realm, {})

    @cached_property
    def _named(self) -> Mapping[str, list[SampleSeries]]:
        found: dict[str, list[SampleSeries]] = {}
        for series in self.present:
            found.setdefault(name_of(series), []).append(series)
        return found

    @cached_property
    def scrapes(self) -> Mapping[str, frozenset[float]]:
        """When each job was scraped lately."""
        return scrape_times(self.recent, UP)

    @cached_property
    def _visible(self) -> Mapping[Key, SampleSeries]:
        sequence = self.contract.heartbeat.sequence
        return {series_key(series.labels): series for series in self._named.get(sequence, ())}

    def sources(self, realm: str) -> tuple[Source, ...]:
        """The writers of a realm."""
        return tuple(
            self._source(series) for series, _ in self.of(realm).get(self.contract.heartbeat.time, ())
        )

    @cached_property
    def foreign_sources(self) -> tuple[Source, ...]:
        """The writers of realms that are none of ours."""
        label = self.contract.realm.label
        return tuple(
            self._source(series)
            for series in self._named.get(self.contract.heartbeat.time, ())
            if series.labels.get(label) not in self.realms
        )

    def _source(self, series: SampleSeries) -> Source:
        return source_of(
            series,
            self._visible,
            self.newest,
            self.scrapes,
            self.contract,
            since=self.now - self.pace.changes_window,
            moved=self.moved,
        )

    @cached_property
    def strays(self) -> Mapping[str, tuple[Labels, ...]]:
        """By the name of each metric that decides, the labels of its series of realms that are none of ours."""
        label = self.contract.realm.label
        return {
            name: tuple(
                series.labels
                for series in self._named.get(name, ())
                if series.labels.get(label) not in self.realms
            )
            for name in self.contract.decisive
        }

    def stray_inputs(self, realm: str) -> tuple[Labels, ...]:
        """The labels of each series of an input of the realm that comes under a job which may not bring it."""
        mine = self.of(realm)
        return tuple(
            series.labels
            for name, jobs in self.contract.of_known_jobs.items()
            for series, _ in mine.get(name, ())
            if series.labels.get("job") not in jobs
        )

    def pushed(self, name: str, realm: str) -> float | None:
        """What the Pushgateway says of the heartbeat's group of a realm."""
        found = [
            series.last.value
            for series, _ in self.of(realm).get(name, ())
            if series.labels.get("job") == self.contract.heartbeat.job
        ]
        return found[-1] if found else None

    @cached_property
    def scraped_as_pushed(self) -> bool:
        """Whether a target has the job under which the heartbeat is pushed."""
        job = self.contract.heartbeat.job
        return any(series.labels.get("job") == job for series in self._named.get(UP, ()))

    @cached_property
    def textfile_error(self) -> bool:
        """Whether a text file could not be read."""
        return any(series.last.value != 0 for series in self._named.get(TEXTFILE_ERROR, ()))

    @cached_property
    def reload_failed(self) -> bool:
        """Whether the server says that its last reload was refused."""
        job = self.contract.targets.prometheus.job
        found = self._named.get(RELOADED, ())
        return any(each.labels.get("job") == job and each.last.value == 0 for each in found)

    @cached_property
    def _firing(self) -> Mapping[str, frozenset[str]]:
        label = self.contract.realm.label
        names: dict[str, set[str]] = {}
        for series in self._named.get(ALERTS, ()):
            raw = self.newest.get(series_key(series.labels))
            if (
                series.labels.get("alertstate") == "firing"
                and raw is not None
                and self.now - raw.last.at <= self.pace.max_sample_age
            ):
                names.setdefault(series.labels.get(label, ""), set()).add(series.labels.get("alertname", ""))
        return {realm: frozenset(found) for realm, found in names.items()}

    def firing(self, realm: str) -> frozenset[str]:
        """The alerts that `ALERTS` says are firing now: an instant query alone shows those of minutes ago too."""
        return self._firing.get(realm, frozenset()) | self._firing.get("", frozenset())

    @cached_property
    def ups(self) -> Mapping[Key, SampleSeries]:
        """What is recorded of each target, by its labels."""
        return {series_key(each.labels) - {("__name__", UP)}: each for each in self._named.get(UP, ())}


def selector(names: Iterable[str], label: str = "", realms: Collection[str] = ()) -> str:
    """Everything of these names in one question; with `realms`, of these alone, and of what says none."""
    of_realms = f', {label}=~"{realm_pattern(("", *realms))}"' if realms else ""
    return f'{{__name__=~"{"|".join(dict.fromkeys(names))}"{of_realms}}}'
