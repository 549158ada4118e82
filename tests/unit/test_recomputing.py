"""Rules asked again: the question, its answer, and what a record that differs means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures import contract
from fixtures.fake_server import GROUPS, PACE
from l4gate import promql
from l4gate.base import ApiBadAnswer
from l4gate.prometheus_api import Sample
from l4gate.rules import Asked, Question, Vector, recordings, sources
from l4gate.verdict.conditions import Standing, standing
from l4gate.verdict.recomputed import Record, again, disagreement, explained

AT = 1_700_000_000.5
FOUND = recordings(GROUPS, contract.REALM_LABEL, "prod")


def pinned(expr: str, **how: object) -> str:
    return promql.to_text(promql.pinned(promql.parse(expr), AT, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("a", "a @ 1700000000.500"),
        ("time() - a", "1700000000.5 - a @ 1700000000.500"),
        ("rate(a[5m] offset 1m)", "rate(a[5m] @ 1700000000.500 offset 1m)"),
        ("max_over_time(rate(a[5m])[1h:1m])", "max_over_time(rate(a[5m])[1h:1m] @ 1700000000.500)"),
        ("sum by (x) (-a) or vector(0)", "sum by (x) (-a @ 1700000000.500) or vector(0)"),
        ("topk(scalar(a), b)", "topk(scalar(a @ 1700000000.500), b @ 1700000000.500)"),
        ("hour()", "hour(vector(1700000000.5))"),
        ("hour(a)", "hour(a @ 1700000000.500)"),
        ("a @ 5", "a @ 5"),
        (
            "predict_linear(a[5m], 60)",
            "last_over_time(predict_linear(a[5m], 60)[1ms:1ms] @ 1700000000.500)",
        ),
    ],
)
def test_pinned_expression_stands_at_its_time(expr: str, expected: str) -> None:
    """What an expression takes from the time of its evaluation must be pinned, and what is pinned must stay."""
    assert pinned(expr) == expected


def test_pinned_expression_can_leave_out_what_came_late() -> None:
    """Without the newest samples a range must begin where it did; what is recorded later must be that of before."""
    assert (
        pinned("a - rate(b[1m])", without_newest=15) == "a @ 1699999985.500 - rate(b[45s] @ 1699999985.500)"
    )
    assert pinned("a - b", later={"b"}) == "a @ 1700000000.500 - b @ 1700000000.499"


def test_question_and_answers_belong_together() -> None:
    """The series of one answer must come back to the rule that each belongs to, labelled as the rule records them."""
    question = Question(tuple(Asked(each, AT) for each in FOUND[:2]))
    assert question.text.count('"l4gate_asked", "') == 2

    labels = {"l4gate_asked": f"{question.id}.1", "metric_realm": "prod", "__name__": "x"}
    assert question.answers([(labels, 2.0)]) == ({}, {frozenset({("metric_realm", "prod")}): 2.0})


@pytest.mark.parametrize("mark", ["2", "0", "-1", "x", "", "٣"])
def test_answer_to_another_question_is_refused(mark: str) -> None:
    """A series that belongs to no rule that was asked must be a bad answer, and so must the same one twice."""
    question = Question(tuple(Asked(each, AT) for each in FOUND[:2]))
    other = Question(question.asked, "other")
    first = {"l4gate_asked": f"{question.id}.0"}

    for labels in (
        {"l4gate_asked": f"{question.id}.{mark}"} if mark != "0" else {"l4gate_asked": "0"},
        {"l4gate_asked": f"{other.id}.0"},
        {},
    ):
        with pytest.raises(ApiBadAnswer, match="another question"):
            question.answers([(labels, 1.0)])
    with pytest.raises(ApiBadAnswer):
        question.answers([(first, 1.0), (first | {"metric_realm": "prod"}, 1.0)])


def test_every_recorded_metric_is_made_from_rules() -> None:
    """Each metric that the contract says is recorded must have a rule that can be asked again, links included."""
    assert all(sources(FOUND, name) for name in contract.CONTRACT.recorded)
    assert contract.CONTRACT.heartbeat.ok in sources(FOUND, contract.LYAPUNOV)


def vector(**values: float) -> Vector:
    return {frozenset({("n", name)}): value for name, value in values.items()}


@pytest.mark.parametrize(
    ("recorded", "exact", "late", "right"),
    [
        (vector(a=5), vector(a=5), vector(a=4), True),
        (vector(a=4), vector(a=5), vector(a=4), True),
        (vector(a=4.5), vector(a=5), vector(a=4), True),
        (vector(a=5.05), vector(a=5), vector(a=4.95), True),
        (vector(a=6), vector(a=5), vector(a=4), False),
        (vector(a=1), vector(a=0), vector(a=0), False),
        (vector(), vector(a=5), vector(), True),
        (vector(a=5), vector(), vector(a=5), True),
        (vector(a=5, b=1), vector(a=5), vector(a=5), False),
        (vector(), vector(a=5), vector(a=5), False),
    ],
)
def test_scrape_under_way_explains_what_lies_in_between(
    recorded: Vector, exact: Vector, late: Vector, right: bool
) -> None:
    """What a record may differ by must be what the newest samples change, and nothing beyond that."""
    assert explained(recorded, exact, late) is right


def test_only_two_evaluations_in_a_row_contradict() -> None:
    """A difference must contradict when the evaluation before differs as well, and be one to look at again if not."""
    record = Record(AT, vector(a=1), AT - 1, vector(a=1))
    zero, one = vector(a=0), vector(a=1)
    count = len(again(FOUND[0], record, PACE)) // 2
    late_zero, late_one = [zero] * count, [one] * count
    twice = disagreement(FOUND[0], record, zero, [*late_zero, zero, *late_zero])
    once = disagreement(FOUND[0], record, zero, [*late_zero, one, *late_one])
    first = disagreement(FOUND[0], replace(record, before_at=None), zero, [*late_zero, zero, *late_zero])

    assert twice is not None
    assert twice.twice
    assert once is not None
    assert not once.twice
    assert first is not None
    assert not first.twice
    assert disagreement(FOUND[0], record, zero, [*late_one, zero, *late_zero]) is None


ABORT_FOR = PACE.abort_for


@pytest.mark.parametrize(
    ("held", "fires", "expected"),
    [
        (None, False, Standing.CALM),
        (None, True, Standing.WITHOUT_CAUSE),
        (1.0, False, Standing.PENDING),
        (1.0, True, Standing.TOO_SOON),
        (ABORT_FOR, False, Standing.PENDING),
        (ABORT_FOR - PACE.rule_interval, True, Standing.FIRING),
        (ABORT_FOR + 4 * PACE.rule_interval, True, Standing.FIRING),
        (ABORT_FOR + 4 * PACE.rule_interval, False, Standing.SILENT),
    ],
)
def test_alert_and_condition_are_held_together(held: float | None, fires: bool, expected: Standing) -> None:
    """An alert must be believed when its condition has held for its time, and only then."""
    condition = replace(contract.CONTRACT.abort.conditions[0])
    step = PACE.rule_interval
    samples = [
        Sample(AT - number * step, 9.0 if held is not None and number * step <= held else 0.0)
        for number in reversed(range(30))
    ]

    assert standing(condition, samples, PACE, fires=fires).standing is expected


def test_alert_that_has_just_ended_is_unsettled() -> None:
    """An alert whose condition ended at the newest sample must be neither proven nor a contradiction."""
    condition = contract.CONTRACT.abort.conditions[0]
    samples = [Sample(AT - 1, 9.0), Sample(AT, 0.0)]

    assert standing(condition, samples, PACE, fires=True).standing is Standing.UNSETTLED
