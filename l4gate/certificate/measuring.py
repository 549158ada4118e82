"""
Measures a window for its certificate: the recorded samples themselves, from any server with the Prometheus query API.

The samples are asked for with range selectors, because a range query would repeat each of them for a lookback of five
minutes and so paint over gaps. A large window is asked in pieces. Times are Unix seconds of the server's clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from l4gate.base import ApiBadAnswer, format_duration
from l4gate.certificate.intervals import Interval, SeriesHistory, Window, segments
from l4gate.certificate.judging import Certificate, CriterionResult, certify, judge, judge_newest
from l4gate.contract import Criterion, Pace
from l4gate.prometheus_api import QueryAnswer
from l4gate.verdict import format_labels

# 11,000 points per series is what servers allow a range query, and 50 million samples any query: both are far away,
# and an answer of one piece is below 1 MB.
PIECE_SAMPLES: Final = 10_000


class QueryApi(Protocol):
    """The one question that is asked; `l4gate.prometheus_api.PrometheusApi` answers it."""

    def query(self, expr: str, at: float | None = None) -> QueryAnswer:
        """An instant query."""


def certify_window(
    api: QueryApi, realm: str, window: Window, criteria: Sequence[Criterion] | None = None
) -> tuple[Certificate, dict[str, SeriesHistory]]:
    """
    Measures and judges one realm over one window, by all criteria unless some are given.

    The histories by metric are for the picture.

    Raises:
        ApiUnreachable, ApiBadAnswer: if any piece got no answer. A piece that is missing is never left out.
    """
    pace, contract = window.pace, window.pace.contract
    criteria = contract.criteria.certificate if criteria is None else criteria
    # A condition may have held before the window, and a sample before it may still stand at its start.
    whole = Interval(window.start - pace.abort_for - pace.max_sample_age, window.end)
    watched = (contract.levels.metric, *(each.metric for each in contract.abort.conditions))
    asked = {metric: (contract.selector(metric, realm), whole) for metric in watched}
    for one in criteria:
        asked.setdefault(one.metric, (contract.selector(one.metric, realm, one.labels), whole))
    histories = {
        metric: _history(api, what, when, pace.rule_interval) for metric, (what, when) in asked.items()
    }
    for metric, found in histories.items():
        found.coverage = _coverage(api, metric, realm, window, found)
    alerts = _alerts(api, realm, whole, window)
    return certify(realm, window, criteria, histories, alerts), histories


def moment(
    api: QueryApi,
    realm: str,
    at: float,
    pace: Pace,
    criteria: Sequence[Criterion],
    *,
    over: float = 0.0,
) -> tuple[CriterionResult, ...]:
    """
    Judges criteria at one moment: by their newest samples, or over that many seconds of production before it.

    Raises:
        ApiUnreachable, ApiBadAnswer: if any of them got no answer.
    """
    window = Window(at - (over / pace.factor or pace.max_sample_age), at, pace)
    judged = judge if over else judge_newest
    asked = Interval(window.start - pace.max_sample_age, at) if over else window
    results = []
    for one in criteria:
        history = _history(
            api, pace.contract.selector(one.metric, realm, one.labels), asked, pace.rule_interval
        )
        history.coverage = _coverage(api, one.metric, realm, window, history)
        results.append(judged(one, history, window))
    return tuple(results)


def _history(api: QueryApi, what: str, when: Interval, interval: float) -> SeriesHistory:
    """The samples of the one series that a selector has to match."""
    history = SeriesHistory()
    for answer in _pieces(api, what, when, interval):
        if answer.warnings:
            history.problem = f"expected a complete answer, found a partial one: {'; '.join(answer.warnings)}"
        elif len(answer.series) > 1:
            names = "; ".join(sorted(format_labels(series.labels) for series in answer.series)[:4])
            history.problem = f"expected one series of {what}, found {len(answer.series)}: {names}"
        for series in answer.series[:1]:
            for sample in series.samples:
                history.add(sample.at, sample.value)
    return history


def _coverage(api: QueryApi, metric: str, realm: str, window: Window, found: SeriesHistory) -> str:
    """How much is covered at the window's end of what a metric without any sample looks back on; empty if not known."""
    contract, pace = window.pace.contract, window.pace
    recorded = contract.recorded.get(metric)
    if recorded is None or recorded.covered is None or found.times or found.problem:
        return ""
    covered = recorded.covered
    what = f"{contract.selector(covered.metric, realm)}[{format_duration(covered.window / pace.factor)}]"
    answer = api.query(f"count_over_time({what})", window.end)
    if answer.warnings or len(answer.series) > 1:
        return ""
    counts = [sample.value for series in answer.series for sample in series.samples]
    return covered.told(counts[-1] * contract.pace.rules if counts else 0.0)


def _alerts(api: QueryApi, realm: str, when: Interval, window: Window) -> dict[str, list[Interval]]:
    """The times at which the server had an abort alert firing, by its name; empty where it records no alerts."""
    contract = window.pace.contract
    names = "|".join(each.alert for each in contract.abort.conditions)
    what = f'ALERTS{{alertstate="firing",alertname=~"{names}"}}'
    histories: dict[tuple[tuple[str, str], ...], SeriesHistory] = {}
    for answer in _pieces(api, what, when, window.pace.rule_interval):
        if answer.warnings:
            message = (
                f"expected a complete answer to {what}, found a partial one: {'; '.join(answer.warnings)}."
            )
            raise ApiBadAnswer(message, next_step="find the store or shard that did not answer.")
        for series in answer.series:
            if "alertname" not in series.labels:
                message = (
                    f"expected series of ALERTS with an alertname, found {format_labels(series.labels)}."
                )
                raise ApiBadAnswer(
                    message, next_step="check that the URL is that of a Prometheus-compatible API."
                )
            # Only a realm that is named and is another one is none of ours.
            if series.labels.get(contract.realm.label, realm) == realm:
                history = histories.setdefault(tuple(sorted(series.labels.items())), SeriesHistory())
                for sample in series.samples:
                    history.add(sample.at, sample.value)
    found: dict[str, list[Interval]] = {}
    for labels, history in histories.items():
        fires = [each for each in segments(history, window) if each.value is not None]
        found.setdefault(dict(labels).get("alertname", ""), []).extend(fires)
    return found


def _pieces(api: QueryApi, what: str, when: Interval, interval: float) -> Iterator[QueryAnswer]:
    """
    The answers for consecutive pieces of an interval; a sample on a border may be in two of them.

    Raises:
        ApiBadAnswer: for a series of another name than was asked for.
    """
    name = what.partition("{")[0]
    piece = PIECE_SAMPLES * interval
    for index in range(max(1, math.ceil(when.seconds / piece))):
        start = when.start + index * piece
        end = min(start + piece, when.end)
        answer = api.query(f"{what}[{format_duration(end - start)}]", end)
        for series in answer.series:
            if series.labels.get("__name__") != name:
                message = f"expected series of {what}, found {format_labels(series.labels)}."
                raise ApiBadAnswer(
                    message, next_step="look for a cache or proxy between here and the server."
                )
        yield answer
