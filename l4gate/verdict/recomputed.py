"""
What was recorded beside what the rules' own expressions give: who can write into the server can write the former.

Pure. A scrape that was under way at an evaluation can be in the recomputation and not in the record. So what differs is
held against the expression without its newest samples as well, and what still differs at one evaluation is looked at
again; at two in a row it is a contradiction.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from l4gate.contract import Pace
from l4gate.prometheus_api import SampleSeries
from l4gate.rules import Asked, Labels, Recording, Vector
from l4gate.verdict.keys import Visible, series_key

_ROUNDING: Final = 1e-9  # relative: sums over the same samples in another order
# How long before an evaluation a scrape may have begun that ended after it, in scrape intervals: mostly they take
# milliseconds. The shorter it is, the nearer comes what is left out to what the rule has seen.
UNDER_WAY: Final = (0.1, 0.25, 1.0)
# Relative: by how much the end of a range, which is then some of a scrape sooner, moves a value that is extrapolated.
_EXTRAPOLATED: Final = 0.02
_SHOWN_SERIES: Final = 4


@dataclass(frozen=True)
class Record:
    """A recorded metric as it is visible: its newest evaluation, and the one before it, if there was one."""

    at: float
    vector: Vector
    before_at: float | None
    before: Vector


@dataclass(frozen=True)
class Disagreement:
    """
    A recorded metric that is not what its rule gives. Both sides are in words.

    `twice`: at two evaluations in a row, so that no scrape under way explains it.
    """

    metric: str
    at: float
    recorded: str
    recomputed: str
    twice: bool


def records(found: Sequence[Recording], mine: Visible, *, now: float, pace: Pace) -> tuple[Record, ...]:
    """
    What is visible of each recording, in order.

    A metric without a series was last evaluated when its group was, as far as that can be seen, else now.
    """
    recent = [[raw for _, raw in mine.get(each.rule.name, ()) if raw is not None] for each in found]
    evaluated = [{sample.at for one in series for sample in one.samples} for series in recent]
    groups: dict[str, set[float]] = {}
    for each, times in zip(found, evaluated, strict=True):
        groups.setdefault(each.group, set()).update(times)
    made = []
    for each, series, own in zip(found, recent, evaluated, strict=True):
        times = own or groups[each.group]
        at = max(times, default=now)
        before_at = max((time for time in times if time < at), default=None)
        before = {} if before_at is None else _at(series, before_at, pace)
        made.append(Record(at, _at(series, at, pace), before_at, before))
    return tuple(made)


def _at(found: Iterable[SampleSeries], at: float, pace: Pace) -> dict[Labels, float]:
    """What a query would have seen of the series at a time."""
    vector = {}
    for series in found:
        sample = next((each for each in reversed(series.samples) if each.at <= at), None)
        if sample is not None and at - sample.at < pace.lookback:
            labels = {key: value for key, value in series.labels.items() if key != "__name__"}
            vector[series_key(labels)] = sample.value
    return vector


def again(recording: Recording, record: Record, pace: Pace) -> tuple[Asked, ...]:
    """What else to ask about a record that differs: for `disagreement`."""
    before = record.at if record.before_at is None else record.before_at
    late = [share * pace.scrape_interval for share in UNDER_WAY]
    return (
        *(Asked(recording, record.at, each) for each in late),
        Asked(recording, before),
        *(Asked(recording, before, each) for each in late),
    )


def split(vector: Vector, label: str, realms: Collection[str]) -> Mapping[str, Vector]:
    """A vector by realm; all of it is that of a single one, whatever its labels say."""
    if len(realms) == 1:
        return {realm: dict(vector) for realm in realms}
    found: dict[str, dict[Labels, float]] = {realm: {} for realm in realms}
    for labels, value in vector.items():
        realm = next((text for name, text in labels if name == label), "")
        if realm in found:
            found[realm][labels] = value
    return found


def same(recorded: Vector, recomputed: Vector) -> bool:
    """Whether two vectors have the same series with the same values."""
    return recorded.keys() == recomputed.keys() and all(
        _close(value, recomputed[labels], _ROUNDING) for labels, value in recorded.items()
    )


def explained(recorded: Vector, exact: Vector, late: Vector) -> bool:
    """Whether a record is what the expression gives with some of the newest samples: each value lies in between."""
    if not exact.keys() & late.keys() <= recorded.keys() <= exact.keys() | late.keys():
        return False
    for labels, value in recorded.items():
        bounds = [vector[labels] for vector in (exact, late) if labels in vector]
        low, high = min(bounds), max(bounds)
        if not (low <= value <= high or any(_close(value, bound, _EXTRAPOLATED) for bound in bounds)):
            return False
    return True


def disagreement(
    recording: Recording, record: Record, exact: Vector, more: Sequence[Vector]
) -> Disagreement | None:
    """What is wrong with a record that differs from its exact recomputation, if anything; `more` answers `again`."""
    late, (exact_before, *late_before) = more[: len(UNDER_WAY)], more[len(UNDER_WAY) :]
    if any(explained(record.vector, exact, each) for each in late):
        return None
    twice = record.before_at is not None and not (
        same(record.before, exact_before)
        or any(explained(record.before, exact_before, each) for each in late_before)
    )
    return Disagreement(
        recording.rule.name, record.at, _words(record.vector, exact), _words(exact, record.vector), twice
    )


def _close(one: float, other: float, relative: float) -> bool:
    return math.isclose(one, other, rel_tol=relative) or (math.isnan(one) and math.isnan(other))


def _words(vector: Vector, other: Vector) -> str:
    """What stands in one vector and not so in the other."""
    differing = [
        f"{{{', '.join(f'{key}={text!r}' for key, text in sorted(labels))}}} {value:g}"
        for labels, value in sorted(vector.items(), key=lambda each: sorted(each[0]))
        if labels not in other or not _close(value, other[labels], _ROUNDING)
    ]
    more = f" and {len(differing) - _SHOWN_SERIES} more" if len(differing) > _SHOWN_SERIES else ""
    return ("; ".join(differing[:_SHOWN_SERIES]) or "no such series") + more
