"""The verdict as one HTML page for eyes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from l4gate.base import Verdict
from l4gate.report.as_json import utc
from l4gate.report.fleet import tally
from l4gate.report.model import Event, RunReport
from l4gate.report.pages import render
from l4gate.report.states import Mark, Row, State, StateSpan
from l4gate.report.terminal import HEADLINES
from l4gate.report.timeline import timeline_svg
from l4gate.verdict import Decision, Evidence, Reading, Value

_STATES = {Verdict.GO.name: State.GOOD, Verdict.HOLD.name: State.GAP, Verdict.ABORT.name: State.BAD}
_MEANINGS = {State.GOOD: "GO", State.GAP: "HOLD: not proven", State.BAD: "ABORT"}


def render_html(report: RunReport) -> str:
    """The report as one HTML page."""
    verdict = report.verdict
    page = render(
        "verdict.html",
        title=f"L4 gate: {verdict.name}",
        kind=verdict.name.lower(),
        headline=HEADLINES[verdict],
        subtitle=f"started {utc(report.started_at) or 'at an unknown time'}, took {report.seconds:.1f} s",
        report=report,
        warnings=[warning for each in _shown_in_full(report) for warning in each.warnings],
        shown=_shown_in_full(report),
        tally=tally(report.decisions),
        timeline=_timeline(report) if report.events else "",
        conditions=_conditions,
        sample_time=_sample_time,
        number=lambda value: "nothing recorded" if value is None else f"{value:g}",
        utc=utc,
    )
    return str(page)  # plain, so that whoever adds to it escapes nothing by accident


def _shown_in_full(report: RunReport) -> tuple[Decision, ...]:
    """The decisions whose evidence is shown whole: of a fleet those that are not GO."""
    if not report.is_fleet:
        return report.decisions
    return tuple(each for each in report.decisions if each.verdict is not Verdict.GO)


def _timeline(report: RunReport) -> str:
    """The events as a picture: a verdict holds until the next one of its row, anything else is a mark."""
    events = sorted(report.events, key=lambda event: event.at)
    end = max(report.started_at + report.seconds, events[-1].at)
    rows: dict[str, list[Event]] = {}
    for event in events:
        if event.state in _STATES:
            rows.setdefault(event.row, []).append(event)
    return timeline_svg(
        [Row(name, list(_spans(found, end)), found[-1].state) for name, found in rows.items()],
        events[0].at,
        end,
        title="The run over time",
        meanings=_MEANINGS,
        description="; ".join(f"{utc(event.at)} {event.row} {event.state}" for event in events),
        marks=[
            Mark(event.at, f"{event.row} {event.state}") for event in events if event.state not in _STATES
        ],
    )


def _spans(events: list[Event], end: float) -> Iterator[StateSpan]:
    for event, later in pairwise([*events, Event(end, "", "")]):
        yield StateSpan(event.at, later.at, _STATES[event.state])


def _conditions(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """What has to hold beside the numbers, and whether it is known to."""
    for job in dict.fromkeys((*evidence.contract.required_jobs, *evidence.targets_up)):
        yield f"target {job}", "up" if evidence.targets_up.get(job, False) else "not known to be up"
    equal = evidence.config_equal
    yield "loaded configuration", "equal to the repository's" if equal else "not known to be the repository's"
    equal = evidence.rules_equal
    yield "loaded rules", "equal to the repository's" if equal else "not known to be the repository's"
    recorded = evidence.contract.recorded
    yield "recorded metrics", f"{len(evidence.recomputed)} of {len(recorded)} computed again and the same"
    yield (
        "new evaluations",
        "seen to come, by a clock that goes" if evidence.witnessed else "none seen to come",
    )
    for condition in evidence.contract.abort.conditions:
        yield f"{condition.alert}: {condition}", _abort_state(condition.alert, evidence)


def _abort_state(alert: str, evidence: Evidence) -> str:
    if alert in evidence.abort_firing:
        return "FIRING"
    return "armed, not firing" if alert in evidence.abort_armed else "not known to be armed"


def _sample_time(reading: Reading) -> str:
    return (utc(reading.at) or "unknown") if isinstance(reading, Value) else ""
