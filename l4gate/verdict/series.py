"""
What the series of an answer say about one realm: readings, rule evaluations, writers.

An instant query shows the value of a series but not when it was sampled; its newest raw sample does. So whatever is
asked for here takes both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import QueryAnswer, SampleSeries
from l4gate.verdict.decision import Evaluation
from l4gate.verdict.look import Source
from l4gate.verdict.readings import Reading, read

# Rule evaluations of one group start an interval apart; half of one more is room for a busy machine.
_GAP_RULE_INTERVALS: Final = 1.5

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


def reading_of(
    name: str,
    realm: str,
    visible: Iterable[SampleSeries],
    newest: Mapping[Key, SampleSeries],
    *,
    now: float,
    pace: Pace,
    warnings: tuple[str, ...],
) -> Reading:
    """A reading of the series visible now, with the true time of its sample (an instant query hides it)."""
    contract = pace.contract
    found = []
    for series in visible:
        if name_of(series) == name and series.labels.get(contract.realm.label) == realm:
            raw = newest.get(series_key(series.labels))
            at = raw.last.at if raw is not None else float("-inf")
            found.append((series.labels, at, series.last.value))
    return read(
        contract.selector(name, realm),
        found,
        now=now,
        max_age_seconds=pace.max_sample_age,
        boolean=name in contract.decisive,
        warnings=warnings,
    )


def strays(
    name: str, realm: str, present: Iterable[SampleSeries], contract: Contract
) -> tuple[Mapping[str, str], ...]:
    """The labels of each series of that name which is not of the realm."""
    return tuple(
        series.labels
        for series in present
        if name_of(series) == name and series.labels.get(contract.realm.label) != realm
    )


def unbroken_evaluations(
    realm: str,
    visible: Iterable[SampleSeries],
    newest: Mapping[Key, SampleSeries],
    pace: Pace,
) -> tuple[Evaluation, ...]:
    """
    The newest rule evaluations without a gap between them, oldest first.

    Of the series that are visible now only: one that ended minutes ago is still in the recent samples.
    """
    contract = pace.contract
    by_name: dict[str, list[SampleSeries]] = {name: [] for name in contract.decisive}
    for series in visible:
        raw = newest.get(series_key(series.labels))
        if (
            name_of(series) in by_name
            and series.labels.get(contract.realm.label) == realm
            and raw is not None
        ):
            by_name[name_of(series)].append(raw)
    if any(len(found) != 1 for found in by_name.values()):
        return ()
    ok, fresh = ({s.at: s.value for s in by_name[name][0].samples} for name in contract.decisive)
    chain: list[Evaluation] = []
    for at in sorted(ok.keys() | fresh.keys(), reverse=True):
        if chain and chain[-1].at - at > _GAP_RULE_INTERVALS * pace.rule_interval:
            break
        chain.append(Evaluation(at, ok.get(at), fresh.get(at)))
    return tuple(reversed(chain))


def source_of(
    series: SampleSeries,
    visible: Mapping[Key, SampleSeries],
    newest: Mapping[Key, SampleSeries],
    sequence: str,
) -> Source:
    """A writer by its series of heartbeat times, with the sequence that stands beside it under the same labels."""
    twin = series_key({**series.labels, "__name__": sequence})
    seq, history = visible.get(twin), newest.get(twin)
    raw = newest.get(series_key(series.labels))
    return Source(
        labels={key: value for key, value in series.labels.items() if key != "__name__"},
        ts=series.last.value,
        seq=None if seq is None else seq.last.value,
        seq_changed=history is not None and len({sample.value for sample in history.samples}) > 1,
        sampled_at=raw.last.at if raw is not None else series.last.at,
    )
