"""The closing block: what a tired person must understand at once. Plain lines; the caller adds colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from l4gate.base import Verdict, shown
from l4gate.contract import is_fleet
from l4gate.report.fleet import tally, troubles
from l4gate.report.model import RunReport
from l4gate.report.naming import judged_lines
from l4gate.verdict import NOT_PROVEN, Cause, Decision

HEADLINES = {
    Verdict.GO: "GO: every gate passed, and each has its evidence",
    Verdict.HOLD: "HOLD: not proven; do not merge or promote",
    Verdict.ABORT: "ABORT: an abort alert is firing; roll back",
}
_SHOWN_CAUSES = 3
_SHOWN_DIFF_LINES = 30


def render_terminal(report: RunReport) -> Iterator[str]:
    """The lines of the block, the headline first."""
    return map(plain_line, _report(report))


def decision_lines(decision: Decision) -> Iterator[str]:
    """One realm: its values and age for a GO, else the first broken stage and what to do."""
    return map(plain_line, _decision(decision))


def plain_line(line: str) -> str:
    """A server's words must not move the cursor, colour a GO or end the line."""
    return shown(line.replace("\t", "    ").replace("\n", "?"))


def _report(report: RunReport) -> Iterator[str]:
    yield HEADLINES[report.verdict]
    if report.is_fleet:
        yield from _fleet(report.decisions)
        told = len(troubles(report.decisions))
    else:
        for decision in report.decisions:
            yield from _decision(decision)
        told = sum(len(decision.causes) for decision in report.decisions)
    yield from _causes(report.causes[told:])  # those of realms come first
    passed = len(report.results) - len(report.not_passed)
    yield f"  gates    {passed} of {len(report.results)} passed"
    for result in report.not_passed:
        yield f"           {result.outcome.value:<8} {result.planned.name}"
    for name in ("stack", "programs", "service metrics"):
        if name in report.facts:
            yield f"  {name:<8} {report.facts[name]}"
    yield from judged_lines(report.facts)
    for name in ("kept", "report"):
        if name in report.facts:
            yield f"  {name:<8} {report.facts[name]}"


def fleet_lines(decisions: Sequence[Decision]) -> Iterator[str]:
    """Each realm of a few; of a fleet, what troubles how many, the worst first, and what the others have in common."""
    if is_fleet(decisions):
        yield from map(plain_line, _fleet(decisions))
    else:
        for decision in decisions:
            yield from decision_lines(decision)


def _fleet(decisions: Sequence[Decision]) -> Iterator[str]:
    yield f"  realms   {tally(decisions)}"
    for trouble in troubles(decisions):
        yield f"  {trouble.verdict.name:<8} {trouble.named}"
        yield from _causes((trouble.cause,))
    good = [each.evidence for each in decisions if each.verdict is Verdict.GO]
    if good:
        age = max(each.at - each.newest[-1].at for each in good)
        needed = good[0].contract.evidence.evaluations
        yield (
            f"  GO       {len(good)} realms: {' and '.join(good[0].contract.decisive)} 1 at {needed} evaluations in a "
            f"row, the oldest of the newest ones {age:.2f} s old, each recorded metric computed again"
        )
    if warned := Counter(warning.id for each in decisions for warning in each.warnings):
        words = ", ".join(f"{name} in {count}" for name, count in warned.most_common())
        yield f"  warning  of realms: {words}"


def _decision(decision: Decision) -> Iterator[str]:
    evidence = decision.evidence
    if decision.verdict is Verdict.GO:
        decisive = evidence.contract.decisive
        both = " and ".join(f"{name} {evidence.readings[name]}" for name in decisive)
        others = "; ".join(
            f"{name} {each}" for name, each in evidence.readings.items() if name not in decisive
        )
        good = sum(1 for each in evidence.newest if each.good)
        yield (
            f"  {decision.realm:<8} {both} at {good} evaluations in a row, "
            f"the last {evidence.at - evidence.newest[-1].at:.2f} s old"
        )
        yield f"           {others}"
        yield (
            f"           proven {decision.waited_seconds:.1f} s after the first question: "
            f"{len(evidence.recomputed)} recorded metrics computed again, and evaluations seen to come"
        )
    else:
        yield f"  {decision.realm:<8} {decision.verdict.name} after {decision.waited_seconds:.1f} s"
        yield from _causes(decision.causes)
    for warning in decision.warnings:
        yield f"  warning  {warning.id}: {warning.found}. {warning.next_step}"


def _causes(causes: tuple[Cause, ...]) -> Iterator[str]:
    """The causes that explain something; the conditions that follow from them only as a count."""
    followed = [cause for cause in causes if cause.code == NOT_PROVEN]
    if len(followed) < len(causes):
        causes = tuple(cause for cause in causes if cause.code != NOT_PROVEN)
    else:
        followed = []
    for number, cause in enumerate(causes[:_SHOWN_CAUSES]):
        label = "cause" if number == 0 else "also"
        yield f"  {label:<8} {cause.id}"
        found = cause.found.rstrip().splitlines() or [""]
        yield f"           expected {cause.expected}"
        yield f"           found    {found[0]}"
        for line in found[1:_SHOWN_DIFF_LINES]:
            yield f"                    {line}"
        if len(found) > _SHOWN_DIFF_LINES:
            yield f"                    ... {len(found) - _SHOWN_DIFF_LINES} more lines in the JSON report"
        yield f"           where    {cause.where}"
        yield f"           next     {cause.next_step}"
    if len(causes) > _SHOWN_CAUSES:
        yield f"           and {len(causes) - _SHOWN_CAUSES} more, in the JSON report"
    if followed:
        yield f"           not proven because of that: {len(followed)} conditions, listed in the JSON report"
