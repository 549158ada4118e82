"""A certificate as a picture and as an HTML page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from l4gate.base import format_duration
from l4gate.certificate import Certificate, CriterionResult, SeriesHistory, Violation, Window, segments
from l4gate.contract import AbortCondition, Criterion
from l4gate.report.as_json import utc
from l4gate.report.certificate_words import asked, found, headline, stability_in_words
from l4gate.report.pages import render
from l4gate.report.states import Curve, Row, State, StateSpan
from l4gate.report.timeline import timeline_svg

_SHOWN: Final = 200  # violations, or rises, in the HTML page; the JSON has them all
_NEXT_LEVEL: Final = {"L4.5": "L4.7", "L4.7": "L4.9", "L4.9": ""}
_MEANINGS: Final = {
    State.GOOD: "in bounds",
    State.WARN: "abort condition holds, not yet long enough to fire",
    State.BAD: "out of bounds, or alert firing",
}


def certificate_svg(certificate: Certificate, histories: Mapping[str, SeriesHistory]) -> str:
    """The picture of the window."""
    window = certificate.window
    rows: list[Row | Curve] = [
        Row(result.criterion.title, list(_spans(result, window)), f"{result.share:.3%}")
        for result in certificate.results
    ]
    contract = window.pace.contract
    rows += [_abort_row(each, certificate, histories[each.metric]) for each in contract.abort.conditions]
    rows.append(_stability_row(certificate, histories[contract.levels.metric]))
    told = "; ".join(f"{result.criterion.title}: {found(result)}" for result in certificate.results)
    return timeline_svg(
        rows,
        window.start,
        window.end,
        title=f"Realm {certificate.realm}: {headline(certificate)}",
        description=told,
        meanings=_MEANINGS,
        name=f"timeline-{certificate.realm}",
    )


def certificate_html(
    certificate: Certificate, histories: Mapping[str, SeriesHistory], facts: Mapping[str, str]
) -> str:
    """The certificate as one HTML page without script."""
    window = certificate.window
    times = f"{utc(window.start)} to {utc(window.end)} ({format_duration(window.seconds)})"
    page = render(
        "certificate.html",
        title=f"L4 certificate of {certificate.realm}: {headline(certificate)}",
        kind=certificate.verdict.name.lower(),
        headline=headline(certificate),
        subtitle=f"realm {certificate.realm}, {times}",
        certificate=certificate,
        next_level=_NEXT_LEVEL[certificate.level],
        timeline=certificate_svg(certificate, histories),
        violations=_violations(certificate),
        stability=stability_in_words(certificate),
        shown=_SHOWN,
        facts=facts,
        asked=asked,
        found=found,
        utc=utc,
    )
    return str(page)  # plain, so that whoever adds to it escapes nothing by accident


def _violations(certificate: Certificate) -> list[tuple[Violation, Criterion, str]]:
    """All violations in the order of time, each with what was violated and by what."""
    return sorted(
        (
            (each, result.criterion, _worst(each, result.criterion, certificate))
            for result in certificate.results
            for each in result.violations
        ),
        key=lambda one: one[0].start,
    )


def _worst(violation: Violation, criterion: Criterion, certificate: Certificate) -> str:
    """What was wrong: the worst value, the alerts that fired, or that there was nothing."""
    if violation.worst is None:
        return "no data"
    if criterion != certificate.window.pace.contract.silence:
        return f"{violation.worst:.6g}"
    fired = {
        each.alert if each.proven else f"{each.alert} (its condition had not held)"
        for each in certificate.aborts
        if each.start < violation.end and violation.start < each.end
    }
    return ", ".join(sorted(fired))


def _spans(result: CriterionResult, window: Window) -> Iterator[StateSpan]:
    """A criterion's row: its violations, and what lies between them is in bounds."""
    at = window.start
    for each in result.violations:
        if each.start > at:
            yield StateSpan(at, each.start, State.GOOD)
        yield StateSpan(each.start, each.end, State.GAP if each.worst is None else State.BAD)
        at = each.end
    if at < window.end:
        yield StateSpan(at, window.end, State.GOOD)


def _abort_row(rule: AbortCondition, certificate: Certificate, history: SeriesHistory) -> Row:
    """An abort condition's row: known and false, unknown, true, and on top of it the time in which its alert fired."""
    spans: list[StateSpan] = []
    for segment in segments(history, certificate.window):
        state = (
            State.GAP
            if segment.value is None
            else State.WARN
            if rule.holds(segment.value, certificate.window.pace)
            else State.GOOD
        )
        if spans and spans[-1].state is state and spans[-1].end == segment.start:
            spans[-1] = StateSpan(spans[-1].start, segment.end, state)
        else:
            spans.append(StateSpan(segment.start, segment.end, state))
    fired = [
        StateSpan(each.start, each.end, State.BAD) for each in certificate.aborts if each.alert == rule.alert
    ]
    return Row(f"abort: {rule}", [*spans, *fired], f"{len(fired)} firing" if fired else "not firing")


def _stability_row(certificate: Certificate, history: SeriesHistory) -> Curve:
    points = [
        (segment.start, math.nan if segment.value is None else segment.value)
        for segment in segments(history, certificate.window)
    ]
    levels = certificate.window.pace.contract.levels
    mean = certificate.stability.mean
    return Curve(levels.metric, points, levels.good.mean, "no sample" if mean is None else f"mean {mean:.3f}")
