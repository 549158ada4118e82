"""The verdict as one HTML page for eyes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from l4gate.contract import ABORT_RULES
from l4gate.report.as_json import utc
from l4gate.report.model import Event, Outcome, RunReport
from l4gate.report.page import cell, code, render_page, section, table, text
from l4gate.report.terminal import HEADLINES
from l4gate.report.timeline import Mark, Row, Span, State, timeline_svg
from l4gate.verdict import Cause, Decision, Reading, Value, Verdict

_STATES = {Verdict.GO.name: State.GOOD, Verdict.HOLD.name: State.GAP, Verdict.ABORT.name: State.BAD}
_MEANINGS = {State.GOOD: "GO", State.GAP: "HOLD: not proven", State.BAD: "ABORT"}


def render_html(report: RunReport) -> str:
    """The report as one HTML page."""
    verdict = report.verdict.name
    started = text(utc(report.started_at) or "at an unknown time")
    body = [
        f'<header class="{verdict.lower()}"><h1>{text(HEADLINES[report.verdict])}</h1>',
        f'<p class="quiet">started {started}, took {report.seconds:.1f} s</p></header>',
        *section("Causes", (_cause(cause, verdict.lower()) for cause in report.causes)),
        *section("Warnings", _warnings(report.decisions)),
        *section("What happened when", _timeline(report)),
        *section("Gates", _gates(report)),
        *section("Evidence", (part for decision in report.decisions for part in _evidence(decision))),
        *section("What was judged, and with what", _facts(report)),
    ]
    return render_page(f"L4 gate: {verdict}", body)


def _cause(cause: Cause, kind: str) -> str:
    rows = (
        ("expected", text(cause.expected)),
        ("found", f"<pre>{text(cause.found.strip())}</pre>"),
        ("where", f"<code>{text(cause.where)}</code>"),
        ("next", text(cause.next_step)),
    )
    inner = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return f'<div class="cause {kind}"><h3>{text(cause.id)}</h3><dl>{inner}</dl></div>'


def _warnings(decisions: Iterable[Decision]) -> Iterator[str]:
    return (_cause(warning, "hold") for decision in decisions for warning in decision.warnings)


def _gates(report: RunReport) -> Iterator[str]:
    rows = [
        (
            cell(result.outcome.value, f"state {result.outcome.value}"),
            code(result.planned.name),
            cell(result.planned.gate.question),
            cell(result.planned.gate.expected)
            if result.outcome is Outcome.PASSED
            else f"<td><pre>{text(result.message.strip() or 'no message')}</pre></td>",
            cell(f"{result.seconds:.2f} s"),
        )
        for result in report.results
    ]
    passed = len(rows) - len(report.not_passed)
    yield f"<p>{passed} of {len(rows)} planned gates passed.</p>"
    if rows:
        yield table(("outcome", "gate", "question", "what was proven, or found", "took"), rows)


def _timeline(report: RunReport) -> Iterator[str]:
    """The events as a picture: a verdict holds until the next one of its row, anything else is a mark."""
    events = sorted(report.events, key=lambda event: event.at)
    if not events:
        return
    end = max(report.started_at + report.seconds, events[-1].at)
    rows: dict[str, list[Event]] = {}
    for event in events:
        if event.state in _STATES:
            rows.setdefault(event.row, []).append(event)
    yield '<div class="wide">'
    yield timeline_svg(
        [
            Row(
                name,
                [
                    Span(event.at, ends, _STATES[event.state])
                    for event, ends in zip(found, [*(later.at for later in found[1:]), end], strict=True)
                ],
                found[-1].state,
            )
            for name, found in rows.items()
        ],
        events[0].at,
        end,
        title="The run over time",
        meanings=_MEANINGS,
        description="; ".join(f"{utc(event.at)} {event.row} {event.state}" for event in events),
        marks=[
            Mark(event.at, f"{event.row} {event.state}") for event in events if event.state not in _STATES
        ],
    )
    yield "</div>"


def _evidence(decision: Decision) -> Iterator[str]:
    evidence = decision.evidence
    yield (
        f"<h3>Realm {text(decision.realm)}: {decision.verdict.name}</h3>"
        f'<p class="quiet">measured {text(utc(evidence.at) or "never")}, after {decision.waited_seconds:.1f} s</p>'
    )
    readings = (evidence.ok, evidence.fresh, *evidence.abort_inputs.values())
    yield table(("query", "value", "time of the sample"), (_reading(reading) for reading in readings))
    rows = ((utc(each.at), _number(each.ok), _number(each.fresh)) for each in evidence.evaluations[-2:])
    yield table(("rule evaluation", "ok", "fresh_120s"), (map(cell, row) for row in rows))
    facts = [
        *(
            (f"target {job}", "up" if evidence.targets_up.get(job, False) else "not known to be up")
            for job in dict.fromkeys((*evidence.required_targets, *evidence.targets_up))
        ),
        (
            "loaded rules",
            "equal to the repository's" if evidence.rules_equal else "not known to be the repository's",
        ),
        *((f"abort rule {rule.alert}", _abort_state(rule.alert, decision)) for rule in ABORT_RULES),
    ]
    yield table(("condition", "state"), ((cell(name), cell(state)) for name, state in facts))


def _abort_state(alert: str, decision: Decision) -> str:
    if alert in decision.evidence.abort_firing:
        return "FIRING"
    return "armed, not firing" if alert in decision.evidence.abort_armed else "not known to be armed"


def _reading(reading: Reading) -> tuple[str, str, str]:
    at = (utc(reading.at) or "unknown") if isinstance(reading, Value) else ""
    return code(reading.query), cell(reading), cell(at)


def _number(value: float | None) -> str:
    return "nothing recorded" if value is None else f"{value:g}"


def _facts(report: RunReport) -> Iterator[str]:
    if report.facts:
        yield table(("fact", "value"), ((cell(name), code(value)) for name, value in report.facts.items()))
