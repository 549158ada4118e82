"""
The verdict as one HTML page for eyes: self-contained, no script, nothing fetched, light or dark as the reader has it.

Every text is escaped: a server's words, labels and log lines are data, whatever they contain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from l4gate.contract import ABORT_RULES
from l4gate.readings import Reading, Value
from l4gate.report.as_json import utc
from l4gate.report.model import Event, Outcome, RunReport
from l4gate.report.terminal import HEADLINES
from l4gate.timeline import Mark, Row, Span, State, timeline_svg
from l4gate.verdict import Cause, Decision, Verdict

_STYLE = """
:root { color-scheme: light dark; --text: #1a1c1f; --page: #fff; --soft: #f2f3f5; --line: #d5d8dd; --quiet: #5b6168;
  --go: #12672f; --hold: #8a5a00; --abort: #a31621; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --page: #16181b; --soft: #202327; --line: #3a3f45;
  --quiet: #a0a7af; --go: #5fd08a; --hold: #f0b94d; --abort: #ff7b83; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 76rem;
  margin: 0 auto; padding: 1.5rem; }
header { border-left: .6rem solid var(--verdict); padding: .2rem 0 .2rem 1rem; margin-bottom: 2rem; }
h1 { color: var(--verdict); margin: 0; font-size: 1.7rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, dl { margin: .3rem 0; }
.quiet { color: var(--quiet); }
.go, .passed { --verdict: var(--go); } .hold, .error, .not-run { --verdict: var(--hold); }
.abort, .failed { --verdict: var(--abort); }
td.state { color: var(--verdict); font-weight: 600; white-space: nowrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid var(--line); }
th { background: var(--soft); font-weight: 600; }
code, pre { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: 0; }
.cause { background: var(--soft); border-left: .3rem solid var(--verdict); padding: .6rem 1rem; margin: .7rem 0; }
.cause h3 { margin: 0 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: var(--quiet); } dd { margin: 0; min-width: 0; }
""".strip()
_STATES = {Verdict.GO.name: State.GOOD, Verdict.HOLD.name: State.GAP, Verdict.ABORT.name: State.BAD}
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def render_html(report: RunReport) -> str:
    """The report as one HTML page."""
    verdict = report.verdict.name
    started = _text(utc(report.started_at) or "at an unknown time")
    body = [
        f'<header class="{verdict.lower()}"><h1>{_text(HEADLINES[report.verdict])}</h1>',
        f'<p class="quiet">started {started}, took {report.seconds:.1f} s</p></header>',
        *_section("Causes", (_cause(cause, verdict.lower()) for cause in report.causes)),
        *_section("Warnings", _warnings(report.decisions)),
        *_section("What happened when", _timeline(report)),
        *_section("Gates", _gates(report)),
        *_section("Evidence", (part for decision in report.decisions for part in _evidence(decision))),
        *_section("What was judged, and with what", _facts(report)),
    ]
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>L4 gate: {verdict}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
            f"<style>\n{_STYLE}\n</style></head><body>",
            *body,
            "</body></html>\n",
        )
    )


def _text(value: object) -> str:
    """A text that is safe between tags and in attributes; what no page can show becomes a replacement character."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)))


def _section(title: str, parts: Iterable[str]) -> Iterator[str]:
    found = list(parts)
    if found:
        yield f"<section><h2>{_text(title)}</h2>"
        yield from found
        yield "</section>"


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of finished cells: `<td>...</td>` each."""
    heads = "".join(f"<th>{_text(each)}</th>" for each in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _cell(value: object, kind: str = "") -> str:
    return f'<td class="{kind}">{_text(value)}</td>' if kind else f"<td>{_text(value)}</td>"


def _code(value: object) -> str:
    return f"<td><code>{_text(value)}</code></td>"


def _cause(cause: Cause, kind: str) -> str:
    rows = (
        ("expected", _text(cause.expected)),
        ("found", f"<pre>{_text(cause.found.strip())}</pre>"),
        ("where", f"<code>{_text(cause.where)}</code>"),
        ("next", _text(cause.next_step)),
    )
    inner = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return f'<div class="cause {kind}"><h3>{_text(cause.id)}</h3><dl>{inner}</dl></div>'


def _warnings(decisions: Iterable[Decision]) -> Iterator[str]:
    return (_cause(warning, "hold") for decision in decisions for warning in decision.warnings)


def _gates(report: RunReport) -> Iterator[str]:
    rows = [
        (
            _cell(result.outcome.value, f"state {result.outcome.value}"),
            _code(result.planned.name),
            _cell(result.planned.gate.question),
            _cell(result.planned.gate.expected)
            if result.outcome is Outcome.PASSED
            else f"<td><pre>{_text(result.message.strip() or 'no message')}</pre></td>",
            _cell(f"{result.seconds:.2f} s"),
        )
        for result in report.results
    ]
    passed = len(rows) - len(report.not_passed)
    yield f"<p>{passed} of {len(rows)} planned gates passed.</p>"
    if rows:
        yield _table(("outcome", "gate", "question", "what was proven, or found", "took"), rows)


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
        description="; ".join(f"{utc(event.at)} {event.row} {event.state}" for event in events),
        marks=[
            Mark(event.at, f"{event.row} {event.state}") for event in events if event.state not in _STATES
        ],
    )
    yield "</div>"


def _evidence(decision: Decision) -> Iterator[str]:
    evidence = decision.evidence
    yield (
        f"<h3>Realm {_text(decision.realm)}: {decision.verdict.name}</h3>"
        f'<p class="quiet">measured {_text(utc(evidence.at) or "never")}, after {decision.waited_seconds:.1f} s</p>'
    )
    readings = (evidence.ok, evidence.fresh, *evidence.abort_inputs.values())
    yield _table(("query", "value", "time of the sample"), (_reading(reading) for reading in readings))
    rows = ((utc(each.at), _number(each.ok), _number(each.fresh)) for each in evidence.evaluations[-2:])
    yield _table(("rule evaluation", "ok", "fresh_120s"), (map(_cell, row) for row in rows))
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
    yield _table(("condition", "state"), ((_cell(name), _cell(state)) for name, state in facts))


def _abort_state(alert: str, decision: Decision) -> str:
    if alert in decision.evidence.abort_firing:
        return "FIRING"
    return "armed, not firing" if alert in decision.evidence.abort_armed else "not known to be armed"


def _reading(reading: Reading) -> tuple[str, str, str]:
    at = (utc(reading.at) or "unknown") if isinstance(reading, Value) else ""
    return _code(reading.query), _cell(reading), _cell(at)


def _number(value: float | None) -> str:
    return "nothing recorded" if value is None else f"{value:g}"


def _facts(report: RunReport) -> Iterator[str]:
    if report.facts:
        yield _table(("fact", "value"), ((_cell(name), _code(value)) for name, value in report.facts.items()))
