"""Two faults at once, of different stages: what the design says of both, and never a GO but where one path is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import pytest

from fixtures.catalogue import FAULTS
from l4gate.base import Verdict
from l4gate.faults.exercise import FaultResult
from l4gate.faults.model import BOTH, Fault
from l4gate.verdict import Stage
from tests.support.fault_pairs import CHOSEN, drawn, stages_of

STAGES = stages_of(FAULTS)


@pytest.mark.faults
@pytest.mark.parametrize("stages", STAGES, ids=lambda stages: "+".join(map(str, stages)))
def test_drawn_pair(
    stages: tuple[Stage, Stage], sites: Any, hold_against: Callable[[Fault], FaultResult]
) -> None:
    """Two faults that are HOLD must be HOLD together, with the cause that the walk backwards comes to first."""
    hold_against(drawn(FAULTS, sites.get().sandbox.stack.kind, stages))


@pytest.mark.faults
@pytest.mark.parametrize("pair", CHOSEN, ids=lambda pair: pair.id)
def test_chosen_pair(pair: Fault, hold_against: Callable[[Fault], FaultResult]) -> None:
    """ABORT must win over HOLD where it can be known, and two faults that leave no path whole must be HOLD."""
    hold_against(pair)


def pairs_of(kind: str) -> list[Fault]:
    return [*(drawn(FAULTS, kind, stages) for stages in STAGES), *CHOSEN]


def stage_pairs(pairs: Sequence[Fault]) -> set[frozenset[Stage]]:
    return {frozenset(part.stage for part in pair.parts) for pair in pairs}


@pytest.mark.parametrize("kind", BOTH)
def test_every_two_stages_are_combined(kind: str) -> None:
    """Every two stages that the register has faults of must have a pair of faults, on each kind of stack."""
    stages = {fault.stage for fault in FAULTS if kind in fault.stacks} - {Stage.RUN}
    missing = {frozenset(two) for two in combinations(stages, 2)} - stage_pairs(pairs_of(kind))

    assert not missing, f"no pair of faults of {[' and '.join(map(str, sorted(two))) for two in missing]}"
    assert all(len(two) == len(BOTH) for two in stage_pairs(pairs_of(kind)))


@pytest.mark.parametrize(
    "like",
    [
        pytest.param(lambda fault: fault.verdict is Verdict.ABORT, id="ABORT"),
        pytest.param(lambda fault: bool(fault.warnings), id="warnings"),
    ],
)
def test_abort_and_warnings_meet_every_stage(like: Any) -> None:
    """Faults that give ABORT, and faults that give warnings, must be combined with a fault of every stage."""
    met = {other.stage for pair in CHOSEN for one, other in (pair.parts, reversed(pair.parts)) if like(one)}
    missing = {fault.stage for fault in FAULTS} - {Stage.RUN} - met

    assert not missing, f"none combined with a fault of {sorted(map(str, missing))}"


def test_pairs_are_the_same_every_time() -> None:
    """The pairs must be the same in every run, for every kind of stack that they are for, without repetition."""
    for kind in BOTH:
        ids = [pair.id for pair in pairs_of(kind)]

        assert ids == [pair.id for pair in pairs_of(kind)]
        assert len(set(ids)) == len(ids)
        assert all(kind in pair.stacks for pair in pairs_of(kind))


def test_abort_comes_from_a_part_that_gives_it() -> None:
    """A pair must be ABORT only if one of its faults is by itself, and GO only if both are."""
    for pair in CHOSEN:
        verdicts = {part.verdict for part in pair.parts}

        assert pair.verdict is not Verdict.ABORT or Verdict.ABORT in verdicts, pair.id
        assert pair.verdict is not Verdict.GO or verdicts == {Verdict.GO}, pair.id
