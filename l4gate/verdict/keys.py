"""How series of one answer are found in another: by their name, their realm and all their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from l4gate.prometheus_api import SampleSeries

Key = frozenset[tuple[str, str]]
# By the name of a metric, its series that are visible now, each with its recent samples where there are any.
Visible = Mapping[str, Sequence[tuple[SampleSeries, SampleSeries | None]]]


def name_of(series: SampleSeries) -> str:
    """The metric's name."""
    return series.labels.get("__name__", "")


def series_key(labels: Mapping[str, str]) -> Key:
    """What tells a series from every other: all its labels."""
    return frozenset(labels.items())
