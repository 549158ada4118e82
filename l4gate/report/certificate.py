"""A certificate for the terminal, as plain data, as a picture and as an HTML page: the same object, rendered."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from l4gate.base import format_duration
from l4gate.certificate import Certificate, Interval, Result, Track, Violation, Window, segments
from l4gate.contract import ABORT, ABORT_RULES, LYAPUNOV, OPERATORS, AbortRule, Criterion, Pace, When
from l4gate.report.as_json import utc
from l4gate.report.page import cell, code, render_page, section, table, text
from l4gate.report.timeline import Curve, Row, Span, State, timeline_svg
from l4gate.report.write import write_atomically

_SHOWN_VIOLATIONS: Final = 200  # in the HTML page; the JSON has them all
_SHOWN_LINES: Final = 10  # on a terminal
_MEANINGS: Final = {
    State.GOOD: "in bounds",
    State.WARN: "abort condition holds, not yet long enough to fire",
    State.BAD: "out of bounds, or alert firing",
}


def headline(certificate: Certificate) -> str:
    """The answer in one line."""
    if certificate.aborts:
        return f"ABORT in the window: not certified ({certificate.level})"
    return (
        f"certified {certificate.level}" if certificate.certified else f"not certified ({certificate.level})"
    )


def certificate_lines(certificate: Certificate) -> Iterator[str]:
    """The certificate for a terminal: the answer, every criterion, and what keeps the next level away."""
    window = certificate.window
    yield f"{certificate.realm}: {headline(certificate)}"
    yield f"  window   {utc(window.start)} to {utc(window.end)} ({format_duration(window.seconds)})"
    for result in certificate.results:
        mark = "met" if result.met else "NOT MET"
        yield f"  {mark:<8} {result.criterion.id:<22} {_asked(result, window):<44} {_found(result)}"
    yield f"  lyapunov {_lyapunov(certificate)}"
    for interval in certificate.violations[:_SHOWN_LINES]:
        yield f"  violated {utc(interval.start)} to {utc(interval.end)} ({interval.seconds:.6g} s)"
    if len(certificate.violations) > _SHOWN_LINES:
        yield f"  violated {len(certificate.violations) - _SHOWN_LINES} more times; the JSON has them all"
    for reason in certificate.why_not:
        yield f"  why not  {reason}"


def certificate_as_dict(certificate: Certificate, facts: Mapping[str, str]) -> dict[str, Any]:
    """The certificate as plain data; times are RFC 3339 in UTC, durations seconds, shares from 0 to 1."""
    window = certificate.window
    return {
        "verdict": certificate.verdict.name,
        "exit_code": certificate.verdict.exit_code,
        "certified": certificate.certified,
        "level": certificate.level,
        "why_not": list(certificate.why_not),
        "realm": certificate.realm,
        "window": {**_interval(window), "factor": window.pace.factor},
        "criteria": [criterion_as_dict(result, window.pace) for result in certificate.results],
        "aborts": [{"alert": each.alert, **_interval(each)} for each in certificate.aborts],
        "violations": [_interval(each) for each in certificate.violations],
        "lyapunov": {
            "mean": certificate.lyapunov.mean,
            "measured_share": certificate.lyapunov.measured,
            "rises": [{**_interval(each), "height": each.height} for each in certificate.lyapunov.rises],
        },
        "facts": dict(facts),
    }


def criterion_as_dict(result: Result, pace: Pace) -> dict[str, Any]:
    """One criterion as plain data."""
    criterion = result.criterion
    return {
        "id": criterion.id,
        "met": result.met,
        "metric": criterion.metric,
        "op": criterion.op,
        "limit": criterion.limit_at(pace),
        "when": criterion.when.value,
        "required_share": criterion.required_share,
        "value": result.value,
        "share": result.share,
        "measured_share": result.measured,
        "why": result.why,
        "violations": [
            {**_interval(each), "kind": "gap" if each.worst is None else "value", "worst": each.worst}
            for each in result.violations
        ],
    }


def certificate_svg(certificate: Certificate, tracks: Mapping[str, Track]) -> str:
    """The picture of the window."""
    window = certificate.window
    rows: list[Row | Curve] = [
        Row(result.criterion.title, list(_spans(result, window)), f"{result.share:.3%}")
        for result in certificate.results
        if result.criterion.when is not When.END
    ]
    rows += [_abort_row(rule, certificate, tracks[rule.metric]) for rule in ABORT_RULES]
    rows.append(_lyapunov_row(certificate, tracks[LYAPUNOV]))
    told = "; ".join(f"{result.criterion.title}: {_found(result)}" for result in certificate.results)
    return timeline_svg(
        rows,
        window.start,
        window.end,
        title=f"Realm {certificate.realm}: {headline(certificate)}",
        description=told,
        meanings=_MEANINGS,
        name=f"timeline-{certificate.realm}",
    )


def certificate_html(certificate: Certificate, tracks: Mapping[str, Track], facts: Mapping[str, str]) -> str:
    """The certificate as one HTML page without script."""
    window = certificate.window
    title = f"L4 certificate of {certificate.realm}: {headline(certificate)}"
    times = f"{utc(window.start)} to {utc(window.end)} ({format_duration(window.seconds)})"
    body = [
        f'<header class="{certificate.verdict.name.lower()}"><h1>{text(headline(certificate))}</h1>',
        f'<p class="quiet">realm {text(certificate.realm)}, {text(times)}</p></header>',
        *section(f"What keeps {_next_level(certificate)} away", _why_not(certificate)),
        *section("Timeline", [f'<div class="wide">{certificate_svg(certificate, tracks)}</div>']),
        *section("Criteria", [_criteria(certificate)]),
        *section("Violations", _violations(certificate)),
        *section("Lyapunov value", [f"<p>{text(_lyapunov(certificate))}</p>", *_rises(certificate)]),
        *section(
            "Where this comes from",
            [table(("fact", "value"), ((cell(k), code(v)) for k, v in facts.items()))],
        ),
    ]
    return render_page(title, body)


def write_certificate(
    certificate: Certificate, tracks: Mapping[str, Track], facts: Mapping[str, str], folder: Path
) -> tuple[Path, ...]:
    """Writes JSON, HTML and SVG, each whole or not at all; returns their paths."""
    stem = f"l4-certificate-{certificate.realm}"
    texts = {
        ".json": json.dumps(certificate_as_dict(certificate, facts), indent=2, allow_nan=False) + "\n",
        ".html": certificate_html(certificate, tracks, facts),
        ".svg": certificate_svg(certificate, tracks),
    }
    for suffix, content in texts.items():
        write_atomically(folder / f"{stem}{suffix}", content)
    return tuple(folder / f"{stem}{suffix}" for suffix in texts)


def _interval(interval: Interval) -> dict[str, Any]:
    return {"start": utc(interval.start), "end": utc(interval.end), "seconds": round(interval.seconds, 3)}


def _asked(result: Result, window: Window) -> str:
    """What a criterion asks, for people."""
    criterion = result.criterion
    bounds = f"{criterion.op} {criterion.limit_at(window.pace):g}"
    if criterion.when is When.END:
        return f"{bounds} at the end"
    if criterion.when is When.ALWAYS:
        return f"{bounds} always, seen {criterion.required_share:.1%} of the time"
    return f"{bounds} for {criterion.required_share:.1%} of the time"


def _found(result: Result) -> str:
    """What was measured for a criterion, for people."""
    if result.value is None:
        return "no sample"
    worst = f"{result.value:.6g}"
    if result.criterion.when is When.END:
        return worst
    return f"{result.share:.3%} of the time, worst {worst}"


def _lyapunov(certificate: Certificate) -> str:
    found = certificate.lyapunov
    mean = "no sample" if found.mean is None else f"mean {found.mean:.4f}"
    highest = max((rise.height for rise in found.rises), default=0.0)
    return f"{mean}, seen {found.measured:.3%} of the time, rises: {len(found.rises)}, highest {highest:.3f}"


def _next_level(certificate: Certificate) -> str:
    return {"L4.5": "L4.7", "L4.7": "L4.9", "L4.9": ""}[certificate.level]


def _why_not(certificate: Certificate) -> Iterator[str]:
    if certificate.why_not:
        yield "<ul>" + "".join(f"<li>{text(reason)}</li>" for reason in certificate.why_not) + "</ul>"


def _criteria(certificate: Certificate) -> str:
    rows = (
        (
            cell("met" if result.met else "not met", f"state {'go' if result.met else 'hold'}"),
            cell(result.criterion.title),
            cell(_asked(result, certificate.window)),
            cell(_found(result)),
            cell("" if result.criterion.when is When.END else f"{result.measured:.3%}"),
            code(result.criterion.metric),
        )
        for result in certificate.results
    )
    return table(("", "criterion", "asked", "found", "seen", "metric"), rows)


def _violations(certificate: Certificate) -> Iterator[str]:
    found = sorted(
        ((each, result.criterion) for result in certificate.results for each in result.violations),
        key=lambda pair: pair[0].start,
    )
    rows = [
        (
            cell(utc(each.start)),
            cell(utc(each.end)),
            cell(f"{each.seconds:.6g} s"),
            cell(criterion.title),
            cell(_worst(each, criterion, certificate)),
        )
        for each, criterion in found[:_SHOWN_VIOLATIONS]
    ]
    if rows:
        yield table(("from", "to", "lasting", "criterion", "worst"), rows)
    if len(found) > len(rows):
        yield f"<p>{len(found) - len(rows)} more are in the JSON file.</p>"


def _worst(violation: Violation, criterion: Criterion, certificate: Certificate) -> str:
    """What was wrong: the worst value, the alerts that fired, or that there was nothing."""
    if violation.worst is None:
        return "no data"
    if criterion is not ABORT:
        return f"{violation.worst:.6g}"
    fired = {
        each.alert for each in certificate.aborts if each.start < violation.end and violation.start < each.end
    }
    return ", ".join(sorted(fired))


def _rises(certificate: Certificate) -> Iterator[str]:
    rows = [
        (cell(utc(rise.start)), cell(utc(rise.end)), cell(f"{rise.height:.3f}"))
        for rise in certificate.lyapunov.rises[:_SHOWN_VIOLATIONS]
    ]
    if rows:
        yield table(("rose from", "to", "by"), rows)


def _spans(result: Result, window: Window) -> Iterator[Span]:
    """A criterion's row: its violations, and what lies between them is in bounds."""
    at = window.start
    for each in result.violations:
        if each.start > at:
            yield Span(at, each.start, State.GOOD)
        yield Span(each.start, each.end, State.GAP if each.worst is None else State.BAD)
        at = each.end
    if at < window.end:
        yield Span(at, window.end, State.GOOD)


def _abort_row(rule: AbortRule, certificate: Certificate, track: Track) -> Row:
    """An abort condition's row: known and false, unknown, true, and on top of it the time in which its alert fired."""
    spans: list[Span] = []
    for segment in segments(track, certificate.window):
        state = (
            State.GAP
            if segment.value is None
            else State.WARN
            if OPERATORS[rule.op](segment.value, rule.threshold)
            else State.GOOD
        )
        if spans and spans[-1].state is state and spans[-1].end == segment.start:
            spans[-1] = Span(spans[-1].start, segment.end, state)
        else:
            spans.append(Span(segment.start, segment.end, state))
    fired = [Span(each.start, each.end, State.BAD) for each in certificate.aborts if each.alert == rule.alert]
    label = f"abort: {rule.metric.removeprefix('duri_')} {rule.op} {rule.threshold:g}"
    return Row(label, [*spans, *fired], f"{len(fired)} firing" if fired else "not firing")


def _lyapunov_row(certificate: Certificate, track: Track) -> Curve:
    points = [
        (segment.start, math.nan if segment.value is None else segment.value)
        for segment in segments(track, certificate.window)
    ]
    limit = next(rule.threshold for rule in ABORT_RULES if rule.metric == LYAPUNOV)
    mean = certificate.lyapunov.mean
    return Curve("Lyapunov value", points, limit, "no sample" if mean is None else f"mean {mean:.3f}")
