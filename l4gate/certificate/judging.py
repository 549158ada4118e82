"""
The certificate of a window: its criteria, its level, and what kept the next level away. Pure: no clock, no HTTP.

A recorded sample stands for the time until the next one, but for no longer than two rule intervals (the limit of the
live verdict). All other time is a gap, and a gap violates every criterion: what was not seen is not good news.
Times are Unix seconds, durations seconds, shares from 0 to 1.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from l4gate.base import Verdict, format_duration
from l4gate.certificate.intervals import Interval, Segment, SeriesHistory, Window, merged, segments
from l4gate.certificate.levels import Stability, level, stability_of
from l4gate.contract import AbortCondition, Criterion, When

_ROUNDING_SECONDS: Final = 1e-6  # sums of some 100,000 floats are off by less


@dataclass(frozen=True)
class Violation(Interval):
    """When a criterion was not met: out of bounds (with the worst value), or not measured (None)."""

    worst: float | None


@dataclass(frozen=True)
class CriterionResult:
    """
    One criterion over the window. `value` is the worst sample (of a moment: the newest), None when there is none.

    `share` is the part of the time in bounds, `measured` the part with samples at all; `why` is empty when it is met.
    """

    criterion: Criterion
    met: bool
    value: float | None
    share: float
    measured: float
    violations: tuple[Violation, ...]
    why: str


@dataclass(frozen=True)
class AbortInterval(Interval):
    """When one abort alert was firing; `proven` if, by the recorded samples, its condition had held for its time."""

    alert: str
    proven: bool = True


@dataclass(frozen=True)
class Certificate:
    """
    The judgement of one realm over one window.

    `violations` are the times at which any criterion was violated, `why_not` what keeps the next level away.
    """

    realm: str
    window: Window
    results: tuple[CriterionResult, ...]
    aborts: tuple[AbortInterval, ...]
    stability: Stability
    violations: tuple[Interval, ...]
    level: str
    why_not: tuple[str, ...]

    @property
    def certified(self) -> bool:
        """Every criterion met, at a level that is more than "anything else"."""
        return all(result.met for result in self.results) and self.level != "L4.5"

    @property
    def verdict(self) -> Verdict:
        """ABORT if an abort alert fired in the window and had reason to, GO if it is certified, else HOLD."""
        if any(each.proven for each in self.aborts):
            return Verdict.ABORT
        return Verdict.GO if self.certified else Verdict.HOLD


def certify(
    realm: str,
    window: Window,
    criteria: Sequence[Criterion],
    histories: Mapping[str, SeriesHistory],
    alerts: Mapping[str, Sequence[Interval]],
) -> Certificate:
    """
    Judges a window.

    `histories` holds the samples of every criterion's and every abort condition's metric; `alerts` the times at which
    the server itself had an abort alert firing. What a server did not record (one filled from files, or without
    alerting) is found from the condition, so that silence about alerts is no good news either. An alert whose condition
    had not held keeps the window from being certified, and is no ABORT: anybody may have made it.
    """
    contract = window.pace.contract
    aborts: list[AbortInterval] = []
    for rule in contract.abort.conditions:
        held = list(_firing(rule, histories[rule.metric], window))
        aborts += [
            AbortInterval(
                found.start,
                found.end,
                rule.alert,
                any(each.start <= found.end and found.start <= each.end for each in held),
            )
            for found in merged([*held, *alerts.get(rule.alert, ())])
        ]
    results = (
        *(judge(one, histories[one.metric], window) for one in criteria),
        _silent(aborts, histories, window),
    )
    violations = merged(each for result in results for each in result.violations)
    stability = stability_of(segments(histories[contract.levels.metric], window), window)
    unmet = [f"{result.criterion.id}: {result.why}" for result in results if not result.met]
    reached, why_not = level(unmet, stability, len(violations), contract.levels)
    return Certificate(realm, window, results, tuple(aborts), stability, violations, reached, why_not)


def _silent(
    aborts: Sequence[AbortInterval], histories: Mapping[str, SeriesHistory], window: Window
) -> CriterionResult:
    """That no abort alert fired; where a condition is not known because too little is covered, how much is."""
    contract = window.pace.contract
    result = _judge_segments(contract.silence, _abort_segments(aborts, histories, window), window)
    metrics = dict.fromkeys(each.metric for each in contract.abort.conditions)
    told = [f"{each}: {histories[each].coverage}" for each in metrics if histories[each].coverage]
    return replace(result, why="; ".join([result.why, *told])) if told and not result.met else result


def judge(criterion: Criterion, history: SeriesHistory, window: Window) -> CriterionResult:
    """One criterion over one window."""
    return _told(_judge_segments(criterion, segments(history, window), window), history)


def judge_newest(criterion: Criterion, history: SeriesHistory, window: Window) -> CriterionResult:
    """One criterion by the newest sample of a window alone: it has to hold now."""
    *_, newest = segments(history, window)
    one = replace(criterion, when=When.ALWAYS)
    return _told(_judge_segments(one, [replace(newest, start=window.start)], window), history)


def _told(result: CriterionResult, history: SeriesHistory) -> CriterionResult:
    if result.met:
        return result
    if history.problem:
        return replace(result, why=history.problem)
    return replace(result, why=f"{result.why}: {history.coverage}") if history.coverage else result


def _judge_segments(criterion: Criterion, states: Iterable[Segment], window: Window) -> CriterionResult:
    violations: list[Violation] = []
    good = measured = 0.0
    worst: float | None = None
    for segment in states:
        value = segment.value
        if value is not None:
            measured += segment.seconds
            worst = value if worst is None else criterion.worse(worst, value)
        if value is not None and criterion.holds(value, window.pace):
            good += segment.seconds
        else:
            _extend(violations, segment, criterion)
    met = window.seconds - good <= (1 - criterion.share) * window.seconds + _ROUNDING_SECONDS
    if criterion.when is When.ALWAYS and worst is not None:
        met = met and criterion.holds(worst, window.pace)
    share, known = good / window.seconds, measured / window.seconds
    result = CriterionResult(criterion, met, worst, share, known, tuple(violations), "")
    return result if met else replace(result, why=_why(result, window))


def _extend(violations: list[Violation], segment: Segment, criterion: Criterion) -> None:
    """Appends a bad segment, joined with the one before it if both are gaps or both are values."""
    last = violations[-1] if violations else None
    if last is None or last.end != segment.start or (last.worst is None) != (segment.value is None):
        violations.append(Violation(segment.start, segment.end, segment.value))
    else:
        worst = (
            None
            if last.worst is None or segment.value is None
            else criterion.worse(last.worst, segment.value)
        )
        violations[-1] = Violation(last.start, segment.end, worst)


def _why(result: CriterionResult, window: Window) -> str:
    """The sentence for a criterion that is not met."""
    criterion = result.criterion
    wanted = f"expected {criterion.bounds(window.pace)}"
    if result.value is None:
        return f"{wanted}, found no sample in the last {format_duration(round(window.seconds, 3))}"
    if criterion.when is not When.SHARE and not criterion.holds(result.value, window.pace):
        return f"{wanted} {criterion.when}, found {result.value:.6g}"
    asked = f"{wanted} for at least {criterion.share:.1%} of the time"
    return f"{asked}, found {result.share:.3%} ({1 - result.measured:.3%} without samples)"


def _firing(rule: AbortCondition, history: SeriesHistory, window: Window) -> Iterator[Interval]:
    """
    When an abort alert must have been firing: its condition had held at every evaluation for the whole `for`.

    The history should begin one `for` before the window, because a condition may have held since then.
    """
    lasting = window.pace.abort_for
    since: float | None = None
    for segment in segments(history, Window(window.start - lasting, window.end, window.pace)):
        if segment.value is None or not rule.holds(segment.value, window.pace):
            since = None
            continue
        since = segment.start if since is None else since
        # It fires at an evaluation, the first one when it has held for long enough.
        evaluation = bisect.bisect_left(
            history.times, max(segment.start, since + lasting - _ROUNDING_SECONDS)
        )
        start = history.times[evaluation] if evaluation < len(history.times) else segment.end
        if max(start, window.start) < segment.end:
            yield Interval(max(start, window.start), segment.end)


def _abort_segments(
    aborts: Sequence[AbortInterval], histories: Mapping[str, SeriesHistory], window: Window
) -> Iterator[Segment]:
    """The window as 1 where an abort alert fires, None where a condition is not known, and 0 elsewhere."""
    fires = merged(aborts)
    unknown = merged(
        gap
        for rule in window.pace.contract.abort.conditions
        for gap in segments(histories[rule.metric], window)
        if gap.value is None
    )
    edges = sorted(
        {window.start, window.end, *(edge for each in (*fires, *unknown) for edge in (each.start, each.end))}
    )
    for start, end in itertools.pairwise(edges):
        middle = (start + end) / 2
        value = 1.0 if _covers(fires, middle) else None if _covers(unknown, middle) else 0.0
        yield Segment(start, end, value)


def _covers(intervals: Sequence[Interval], at: float) -> bool:
    index = bisect.bisect_right(intervals, at, key=lambda each: each.start) - 1
    return index >= 0 and at < intervals[index].end
