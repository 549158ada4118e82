"""One judged run: planned gates, what became of each, the verdict. Judged here, rendered elsewhere."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from l4gate.base import Verdict, worst
from l4gate.contract import PlannedGate, is_fleet
from l4gate.report.fleet import troubles
from l4gate.verdict import Cause, Decision, Stage


class Outcome(enum.Enum):
    """What became of a planned gate. Only PASSED is evidence."""

    PASSED = "passed"
    FAILED = "failed"  # measured, and wrong
    ERROR = "error"  # could not be measured
    NOT_RUN = "not-run"  # deselected, skipped, or the run ended before it


@dataclass(frozen=True)
class GateResult:
    """One planned gate and its outcome; the message is empty for a pass, `found` is what was measured then."""

    planned: PlannedGate
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    found: str = ""


@dataclass(frozen=True)
class Event:
    """Something that happened during the run, for the timeline; Unix seconds."""

    at: float
    row: str
    state: str


@dataclass(frozen=True)
class RunReport:
    """
    All that is known of a run. `decisions` holds the last decision of each realm.

    facts: versions, stack, commit, hashes: what a reader needs to know which thing was judged.
    """

    results: tuple[GateResult, ...]
    decisions: tuple[Decision, ...] = ()
    run_causes: tuple[Cause, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    started_at: float = 0.0
    seconds: float = 0.0
    events: tuple[Event, ...] = ()

    @property
    def is_fleet(self) -> bool:
        """Whether there are too many realms to show each."""
        return is_fleet(self.decisions)

    @property
    def not_passed(self) -> tuple[GateResult, ...]:
        """The planned gates without a pass, in the order of the plan."""
        return tuple(result for result in self.results if result.outcome is not Outcome.PASSED)

    @property
    def verdict(self) -> Verdict:
        """The worst of all decisions; a gate that did not pass, or nothing planned or decided, is at least HOLD."""
        verdicts = [decision.verdict for decision in self.decisions]
        if self.not_passed or not self.results or not verdicts or self.run_causes:
            verdicts.append(Verdict.HOLD)
        return worst(verdicts)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why the verdict is not GO, the first one to act on first."""
        if is_fleet(self.decisions):
            found = tuple(each.summed for each in troubles(self.decisions)) + self.run_causes
        else:
            found = tuple(cause for decision in self.decisions for cause in decision.causes) + self.run_causes
        silent = [result for result in self.results if result.outcome is Outcome.NOT_RUN]
        if silent:
            found += (_not_run(silent),)
        if not found:
            found = tuple(_failed(result) for result in self.not_passed)
        if not found and self.verdict is not Verdict.GO:
            found = (_nothing_decided(self),)
        return found


def _not_run(results: list[GateResult]) -> Cause:
    names = ", ".join(result.planned.name for result in results)
    reasons = sorted({result.message for result in results if result.message})
    return Cause(
        Stage.RUN,
        "gates-not-run",
        "every planned gate answered",
        f"{len(results)} without an answer: {names}" + (f" ({'; '.join(reasons)})" if reasons else ""),
        "this run of pytest",
        "run the whole gate: pytest -m l4_gate, without -k, --deselect or a time limit that cuts it short.",
    )


def _nothing_decided(report: RunReport) -> Cause:
    return Cause(
        Stage.RUN,
        "nothing-decided",
        "a decision on each realm, and a plan of gates",
        f"{len(report.decisions)} decisions, {len(report.results)} planned gates",
        "this run of pytest",
        "run the whole gate: pytest -m l4_gate.",
    )


def _failed(result: GateResult) -> Cause:
    first = next((line for line in result.message.splitlines() if line.strip()), "no message")
    code = "gate-failed" if result.outcome is Outcome.FAILED else "gate-error"
    return Cause(
        Stage.RUN,
        code,
        f"{result.planned.name}: {result.planned.gate.expected}",
        first,
        "the gate's own test",
        "read the gate's message above, or in the JUnit report.",
    )
