"""How series of one answer are found in another: by their name, their realm and all their labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from l4gate.prometheus_api import QueryAnswer, SampleSeries

Key = frozenset[tuple[str, str]]
# By the name of a metric, its series that are visible now, each with its recent samples where there are any.
Visible = Mapping[str, Sequence[tuple[SampleSeries, SampleSeries | None]]]


def name_of(series: SampleSeries) -> str:
    """The metric's name."""
    return series.labels.get("__name__", "")


def series_key(labels: Mapping[str, str]) -> Key:
    """What tells a series from every other: all its labels."""
    return frozenset(labels.items())


def newest_samples(recent: QueryAnswer) -> dict[Key, SampleSeries]:
    """The raw series of a range, to be found by the labels of those that an instant query shows."""
    return {series_key(series.labels): series for series in recent.series}


def of_realm(
    present: Iterable[SampleSeries], newest: Mapping[Key, SampleSeries], label: str, realm: str
) -> Visible:
    """The series of one realm that are visible now, and when they were really sampled: an instant query hides it."""
    found: dict[str, list[tuple[SampleSeries, SampleSeries | None]]] = {}
    for series in present:
        if series.labels.get(label) == realm:
            found.setdefault(name_of(series), []).append((series, newest.get(series_key(series.labels))))
    return found
