"""The decision by its whole truth table; the fold; exit codes; the order of causes."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures import contract
from fixtures.contract import CONTRACT
from fixtures.evidence import NOW, cause, good_evidence, value
from l4gate.base import Verdict, worst
from l4gate.contract import AbortCondition
from l4gate.verdict import Evaluation, Stage, Unreachable, decide
from l4gate.verdict.readings import Missing, MissingReason

ROOT = Path(__file__).parents[2]
MISSING = Missing("q", MissingReason.NO_SERIES, "no series")
GOOD, BAD = Evaluation(NOW - 0.6, 1.0, 1.0), Evaluation(NOW - 0.6, 1.0, 0.0)
# Each condition of a GO, and one way in which it is not met.
SPOIL = {
    "ok": {"readings": {contract.OK: value(contract.OK, 0.0)}},
    "fresh": {"readings": {contract.FRESH: value(contract.FRESH, 0.0)}},
    "evaluations": {"evaluations": (GOOD, BAD)},
    "targets": {"targets_up": {"prometheus": True}},
    "rules": {"rules_equal": False},
    "configuration": {"config_equal": False},
    "recomputed": {"recomputed": frozenset(list(CONTRACT.recorded)[1:])},
    "claimed": {"abort_claimed": frozenset({contract.ABORT_RULES[0].alert})},
    "witnessed": {"witnessed": False},
    "armed": {"abort_armed": frozenset(rule.alert for rule in contract.ABORT_RULES[1:])},
    "inputs": {"readings": {contract.LYAPUNOV: MISSING}},
    "broken": {"broken": (cause(),)},
    "firing": {"abort_firing": frozenset({contract.ABORT_RULES[0].alert})},
    "warnings": {"warnings": (cause(Stage.SCRAPE, "advisory"),)},
}


def test_truth_table_has_one_go() -> None:
    """GO must need every condition, ABORT a proven alert and a witness alone, warnings must change nothing."""
    table = {}
    for chosen in itertools.product((False, True), repeat=len(SPOIL)):
        spoilt = {name for name, wrong in zip(SPOIL, chosen, strict=True) if wrong}
        changes = {key: new for name in spoilt for key, new in SPOIL[name].items()}
        table[frozenset(spoilt)] = decide(good_evidence(**changes)).verdict

    for spoilt, verdict in table.items():
        needed = spoilt - {"warnings"}
        proven = "firing" in needed and "witnessed" not in needed
        expected = Verdict.ABORT if proven else Verdict.HOLD if needed else Verdict.GO
        assert verdict is expected, spoilt


@pytest.mark.parametrize("rule", contract.ABORT_RULES, ids=lambda rule: rule.alert)
def test_each_abort_rule_is_needed_and_aborts(rule: AbortCondition) -> None:
    """Each abort rule must be armed and have its input for a GO, and must give ABORT alone when it fires."""
    evidence = good_evidence()

    assert decide(replace(evidence, abort_armed=evidence.abort_armed - {rule.alert})).verdict is Verdict.HOLD
    for reading in (MISSING, Unreachable("q", "refused")):
        readings = {**evidence.readings, rule.metric: reading}
        assert decide(replace(evidence, readings=readings)).verdict is Verdict.HOLD
    decision = decide(replace(evidence, abort_firing=frozenset({rule.alert})))
    assert decision.verdict is Verdict.ABORT
    assert decision.cause is not None
    assert rule.alert in decision.cause.found


@pytest.mark.parametrize(
    ("metric", "told"), [(contract.LYAPUNOV, True), (contract.CANARY_FAILURE_RATIO, False)]
)
def test_a_missing_abort_input_says_what_must_be_covered(metric: str, told: bool) -> None:
    """Where the contract asks for a covered window, the cause must name it; elsewhere it must not."""
    evidence = good_evidence()
    cause = decide(replace(evidence, readings={**evidence.readings, metric: MISSING})).cause

    assert cause is not None
    assert cause.id == "verdict/abort-input-missing"
    needs = "12 h of realm:duri_ev_created:increase_1h in the last 24 h"
    assert (needs in cause.next_step) is told


@pytest.mark.parametrize(
    "evaluations",
    [
        (),
        (GOOD,),
        (BAD, GOOD),
        (GOOD, BAD),
        (GOOD, GOOD, BAD),
        (GOOD, Evaluation(NOW, None, 1.0)),
        (GOOD, Evaluation(NOW, 1.0, None)),
        (GOOD, Evaluation(NOW, float("nan"), 1.0)),
        (GOOD, Evaluation(NOW, 1.0, 0.9999)),
    ],
)
def test_go_needs_two_good_evaluations_in_a_row(evaluations: tuple[Evaluation, ...]) -> None:
    """Anything but two good newest evaluations must be HOLD."""
    assert decide(good_evidence(evaluations=evaluations)).verdict is Verdict.HOLD


def test_no_required_target_is_no_go() -> None:
    """An empty list of required targets must NOT count as all of them up."""
    targets = replace(CONTRACT.targets, prometheus=replace(CONTRACT.targets.prometheus, required=False))
    none = replace(targets, pushgateway=replace(targets.pushgateway, required=False))

    assert decide(good_evidence(contract=replace(CONTRACT, targets=targets))).verdict is Verdict.GO
    assert decide(good_evidence(contract=replace(CONTRACT, targets=none))).verdict is Verdict.HOLD


def test_causes_do_not_depend_on_their_order() -> None:
    """The first cause must be the last stage on the path, in whatever order the causes were found."""
    causes = [
        cause(stage, "x") for stage in (Stage.WRITER, Stage.TRANSPORT, Stage.SCRAPE, Stage.RULES, Stage.QUERY)
    ]

    for order in itertools.permutations(causes):
        for firing in (frozenset(), frozenset({contract.ABORT_RULES[0].alert})):
            decision = decide(good_evidence(broken=order, abort_firing=firing))
            assert decision.cause is not None
            assert decision.cause.id == "query/x"
            assert [each.stage for each in decision.causes[:5]] == sorted(Stage)[4::-1]


def test_go_has_no_cause_and_everything_else_has() -> None:
    """GO must come without a cause, HOLD and ABORT never."""
    assert decide(good_evidence()).causes == ()
    for changes in SPOIL.values():
        decision = decide(good_evidence(**changes))
        assert (decision.verdict is Verdict.GO) is (decision.causes == ())


@pytest.mark.parametrize("verdicts", list(itertools.product(Verdict, repeat=3)))
def test_worst_is_the_maximum_in_any_order(verdicts: tuple[Verdict, ...]) -> None:
    """One ABORT must make all ABORT, one HOLD must keep all from GO."""
    expected = next(each for each in (Verdict.ABORT, Verdict.HOLD, Verdict.GO) if each in verdicts)
    assert worst(verdicts) is expected


def test_worst_of_nothing_is_hold() -> None:
    """No verdict at all must be HOLD."""
    assert worst(()) is Verdict.HOLD


def test_exit_codes() -> None:
    """The exit codes must be 0 GO, 10 HOLD, 20 ABORT, none of which pytest uses itself."""
    assert {verdict.name: verdict.exit_code for verdict in Verdict} == {"GO": 0, "HOLD": 10, "ABORT": 20}


TEXTS = (
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("*.md"),
    *(ROOT / "scripts").rglob("*.sh"),
    ROOT / "Makefile",
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_exit_codes_in_texts_are_the_verdicts(path: Path) -> None:
    """Where a text says "N GO", "N HOLD" or "N ABORT", N must be that verdict's exit code."""
    said = re.findall(r"\b(\d+) (GO|HOLD|ABORT)\b", path.read_text(encoding="utf-8"))

    assert [pair for pair in said if int(pair[0]) != Verdict[pair[1]].exit_code] == []
