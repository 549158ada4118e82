"""The verdict of a run: never GO by default, and never without a cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures import contract
from fixtures.evidence import cause, good_evidence, report
from l4gate.base import Verdict
from l4gate.report import Outcome
from l4gate.verdict import Stage, decide

GO = report(good_evidence())
FIRING = good_evidence(abort_firing=frozenset({contract.ABORT_RULES[0].alert}))


def test_all_passed_and_decided_is_go() -> None:
    """A run whose planned gates passed and whose realms are GO must be GO, without a cause."""
    assert (GO.verdict, GO.causes) == (Verdict.GO, ())


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ERROR, Outcome.NOT_RUN])
@pytest.mark.parametrize("number", range(len(GO.results)))
def test_one_gate_without_a_pass_is_hold(number: int, outcome: Outcome) -> None:
    """Any single planned gate that did not pass must make the run HOLD, and be named."""
    results = list(GO.results)
    results[number] = replace(results[number], outcome=outcome, message="why")
    run = replace(GO, results=tuple(results))

    assert run.verdict is Verdict.HOLD
    assert any(results[number].planned.name in f"{each.expected} {each.found}" for each in run.causes)


@pytest.mark.parametrize(
    "changes",
    [
        {"results": ()},
        {"decisions": ()},
        {"results": (), "decisions": ()},
        {"run_causes": (cause(Stage.RUN, "x"),)},
    ],
)
def test_nothing_planned_or_decided_is_hold_with_a_cause(changes: dict) -> None:
    """A run without gates, without decisions or with a cause of its own must be HOLD and say why."""
    run = replace(GO, **changes)

    assert run.verdict is Verdict.HOLD
    assert run.causes
    assert run.causes[0].stage is Stage.RUN


def test_one_realm_decides_for_all() -> None:
    """The worst realm must be the verdict of the run, and its causes the run's."""
    hold, abort = decide(good_evidence(rules_equal=False)), decide(FIRING)

    assert replace(GO, decisions=(*GO.decisions, hold)).verdict is Verdict.HOLD
    run = replace(GO, decisions=(*GO.decisions, hold, abort))
    assert run.verdict is Verdict.ABORT
    assert run.causes == hold.causes + abort.causes


def test_abort_is_not_softened_by_gates_that_did_not_run() -> None:
    """ABORT must stay ABORT when gates are missing as well, and both are told."""
    run = report(FIRING, Outcome.NOT_RUN)

    assert run.verdict is Verdict.ABORT
    assert [each.code for each in run.causes] == ["abort-firing", "gates-not-run"]
