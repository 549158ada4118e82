"""How series of one answer are found in another: by their name and by all their labels."""

from __future__ import annotations

from collections.abc import Mapping

from l4gate.prometheus_api import QueryAnswer, SampleSeries

Key = frozenset[tuple[str, str]]


def name_of(series: SampleSeries) -> str:
    """The metric's name."""
    return series.labels.get("__name__", "")


def series_key(labels: Mapping[str, str]) -> Key:
    """What tells a series from every other: all its labels."""
    return frozenset(labels.items())


def newest_samples(recent: QueryAnswer) -> dict[Key, SampleSeries]:
    """The raw series of a range, to be found by the labels of those that an instant query shows."""
    return {series_key(series.labels): series for series in recent.series}
