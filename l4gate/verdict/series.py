"""
What the series of an answer say about one realm: readings, rule evaluations, writers.

An instant query shows the value of a series but not when it was sampled; its newest raw sample does. So whatever is
asked for here takes both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import Sample, SampleSeries
from l4gate.verdict.evidence import Evaluation
from l4gate.verdict.keys import Key, Visible, name_of, series_key
from l4gate.verdict.look import Source
from l4gate.verdict.readings import Reading, read

# Rule evaluations of one group are an interval apart; half of one is room for a busy machine. What is closer was not
# written by a rule.
_GAP_RULE_INTERVALS: Final = 1.5
_CLOSE_RULE_INTERVALS: Final = 0.5


def reading_of(
    name: str, realm: str, mine: Visible, *, now: float, pace: Pace, warnings: tuple[str, ...]
) -> Reading:
    """A reading of the series of the realm that are visible now, with the true time of its sample."""
    contract = pace.contract
    found = [
        (series.labels, raw.last.at if raw is not None else float("-inf"), series.last.value)
        for series, raw in mine.get(name, ())
    ]
    return read(
        contract.selector(name, realm),
        found,
        now=now,
        max_age_seconds=pace.max_sample_age,
        boolean=name in contract.decisive,
        allowed=contract.series_labels(name),
        warnings=warnings,
    )


def recorded_samples(name: str, mine: Visible) -> tuple[Sample, ...]:
    """The recent samples of the one series of a recorded metric that is visible now, oldest first; none of several."""
    found = [raw for _, raw in mine.get(name, ()) if raw is not None]
    return found[0].samples if len(found) == 1 else ()


@dataclass(frozen=True)
class Evaluations:
    """
    The newest rule evaluations without a gap between them, oldest first.

    `too_close`: how far apart two that a GO would rest on are if no rule can have written both, in seconds.
    """

    chain: tuple[Evaluation, ...] = ()
    too_close: float | None = None


def evaluations_of(mine: Visible, pace: Pace) -> Evaluations:
    """Of the series that are visible now: one that ended minutes ago is among the recent samples too."""
    ok, fresh = (
        {each.at: each.value for each in recorded_samples(name, mine)} for name in pace.contract.decisive
    )
    if not ok or not fresh:
        return Evaluations()
    chain: list[Evaluation] = []
    for at in sorted(ok.keys() | fresh.keys(), reverse=True):
        gap = chain[-1].at - at if chain else pace.rule_interval
        if gap < _CLOSE_RULE_INTERVALS * pace.rule_interval:
            # Ordinary once: a group moves to other moments when its file is renamed. No GO rests on the older ones.
            among = len(chain) < pace.contract.evidence.evaluations
            return Evaluations(tuple(reversed(chain)), too_close=gap if among else None)
        if gap > _GAP_RULE_INTERVALS * pace.rule_interval:
            break
        chain.append(Evaluation(at, ok.get(at), fresh.get(at)))
    return Evaluations(tuple(reversed(chain)))


def scrape_times(recent: Iterable[SampleSeries], up: str) -> dict[str, frozenset[float]]:
    """When each job was scraped lately: at one time for all that a scrape brings, its `up` among it."""
    times: dict[str, frozenset[float]] = {}
    for series in recent:
        if name_of(series) == up:
            job = series.labels.get("job", "")
            times[job] = times.get(job, frozenset()) | {sample.at for sample in series.samples}
    return times


def source_of(
    series: SampleSeries,
    visible: Mapping[Key, SampleSeries],
    newest: Mapping[Key, SampleSeries],
    scrapes: Mapping[str, frozenset[float]],
    contract: Contract,
    *,
    since: float,
    moved: frozenset[Key] | None = None,
) -> Source:
    """
    A writer by its series of heartbeat times, with the sequence that stands beside it under the same labels.

    `since` is where the window begins in which the sequence must have changed; `moved` has the keys of those that the
    server says have changed, where the samples do not go back that far.
    """
    twin = series_key({**series.labels, "__name__": contract.heartbeat.sequence})
    seq, history = visible.get(twin), newest.get(twin)
    raw = newest.get(series_key(series.labels))
    sampled_at = raw.last.at if raw is not None else series.last.at
    exporter = contract.targets.node_exporter.job
    job = exporter if series.labels.get("job") == exporter else contract.targets.pushgateway.job
    return Source(
        labels={key: value for key, value in series.labels.items() if key != "__name__"},
        ts=series.last.value,
        seq=None if seq is None else seq.last.value,
        seq_changed=twin in moved
        if moved is not None
        else history is not None
        and len({sample.value for sample in history.samples if sample.at >= since}) > 1,
        sampled_at=sampled_at,
        scraped=sampled_at in scrapes.get(job, frozenset()),
    )
