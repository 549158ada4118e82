"""The decision against an independent oracle, on everything that a server might be seen to say."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures import oracle
from fixtures.contract import CONTRACT
from fixtures.evidence import NOW, cause
from l4gate.verdict import Evaluation, Evidence, Reading, Stage, Unreachable, Value, decide
from l4gate.verdict.readings import read

INTERVAL = 0.5  # seconds; the evidence of a sandbox at factor 60
ODD_NUMBERS = (0.0, 0.5, 2.0, -1.0, 1.0000001, math.nan, math.inf, -math.inf, 1e308, 5e-324)
ODD_AGES = (0.0, 1.9, 2.0, 2.1, 600.0, -0.5, -600.0, math.inf, math.nan)


def mostly(usual: object, odd: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """The usual thing three times out of four, or a GO would hardly ever be generated."""
    return st.integers(0, 3).flatmap(lambda number: odd if number == 0 else st.just(usual))


samples = st.tuples(
    mostly(0.5, st.sampled_from(ODD_AGES)), mostly(1.0, st.sampled_from(ODD_NUMBERS) | st.floats(width=64))
)
odd_answers = st.builds(
    oracle.Answer,
    reachable=st.booleans(),
    warnings=st.booleans(),
    series=st.lists(samples, max_size=3).map(tuple),
    labels_exact=mostly(True, st.booleans()),
)
answers = mostly(oracle.Answer(series=((0.5, 1.0),)), odd_answers)
pairs = mostly((1.0, 1.0), st.tuples(*[st.sampled_from((None, *ODD_NUMBERS, 1.0))] * 2))
cases = st.builds(
    oracle.Case,
    watched=st.fixed_dictionaries(dict.fromkeys(oracle.WATCHED, answers)),
    evaluations=mostly(((1.0, 1.0), (1.0, 1.0)), st.lists(pairs, max_size=4).map(tuple)),
    up=mostly(
        frozenset(oracle.REQUIRED), st.frozensets(st.sampled_from((*oracle.REQUIRED, "node-exporter", "x")))
    ),
    config_equal=mostly(True, st.booleans()),
    rules_equal=mostly(True, st.booleans()),
    armed=mostly(frozenset(oracle.ALERTS), st.frozensets(st.sampled_from(oracle.ALERTS))),
    firing=mostly(frozenset(), st.frozensets(st.sampled_from(oracle.ALERTS))),
    claimed=mostly(frozenset(), st.frozensets(st.sampled_from(oracle.ALERTS))),
    recomputed=mostly(frozenset(oracle.RECORDED), st.frozensets(st.sampled_from(oracle.RECORDED))),
    witnessed=mostly(True, st.booleans()),
    stage_broken=mostly(False, st.booleans()),
)


def reading_of(answer: oracle.Answer, name: str) -> Reading:
    if not answer.reachable:
        return Unreachable(name, "no answer")
    labels = [
        {"__name__": name, "metric_realm": "prod"}
        | ({} if answer.labels_exact and not number else {"n": str(number)})
        for number in range(len(answer.series))
    ]
    return read(
        name,
        [
            (each, NOW - age * INTERVAL, number)
            for each, (age, number) in zip(labels, answer.series, strict=True)
        ],
        now=NOW,
        max_age_seconds=2 * INTERVAL,
        boolean=name.startswith("duri_heartbeat"),
        allowed=frozenset({"metric_realm"}),
        warnings=("a store did not answer",) if answer.warnings else (),
    )


def evidence_of(case: oracle.Case) -> Evidence:
    start = NOW - len(case.evaluations) * INTERVAL
    return Evidence(
        contract=CONTRACT,
        realm="prod",
        at=NOW,
        readings={name: reading_of(answer, name) for name, answer in case.watched.items()},
        evaluations=tuple(
            Evaluation(start + number * INTERVAL, *pair) for number, pair in enumerate(case.evaluations)
        ),
        targets_up=dict.fromkeys(case.up, True),
        config_equal=case.config_equal,
        rules_equal=case.rules_equal,
        abort_armed=case.armed,
        abort_firing=case.firing,
        abort_claimed=case.claimed,
        recomputed=case.recomputed,
        witnessed=case.witnessed,
        broken=(cause(Stage.SCRAPE, "broken"),) if case.stage_broken else (),
    )


HEALTHY = oracle.Case(
    watched=dict.fromkeys(oracle.WATCHED, oracle.Answer(series=((0.5, 1.0),))),
    evaluations=((1.0, 1.0), (1.0, 1.0)),
    up=frozenset(oracle.REQUIRED),
    config_equal=True,
    rules_equal=True,
    armed=frozenset(oracle.ALERTS),
    firing=frozenset(),
    claimed=frozenset(),
    recomputed=frozenset(oracle.RECORDED),
    witnessed=True,
    stage_broken=False,
)


@given(cases)
@example(HEALTHY)
def test_decision_equals_the_oracle(case: oracle.Case) -> None:
    """The decision must be the oracle's for every evidence, and never come without causes unless it is GO."""
    decision = decide(evidence_of(case))

    assert decision.verdict.name == oracle.verdict(case)
    assert (decision.verdict.name == "GO") is (decision.causes == ())


@given(answers, st.sampled_from(oracle.WATCHED))
def test_reading_equals_the_oracle(answer: oracle.Answer, name: str) -> None:
    """A reading must be a value exactly where the oracle measures one, and the same one."""
    reading = reading_of(answer, name)

    expected = oracle.measured(answer, boolean=name.startswith("duri_heartbeat"))
    assert (reading.value if isinstance(reading, Value) else None) == expected


def test_generated_cases_reach_every_verdict() -> None:
    """The generator must produce GO, HOLD and ABORT, or the comparison above would say nothing."""
    seen: Counter[str] = Counter()

    @settings(max_examples=300, database=None)
    @given(cases)
    def count(case: oracle.Case) -> None:
        seen[oracle.verdict(case)] += 1

    count()

    assert {"GO", "HOLD", "ABORT"} <= seen.keys()
