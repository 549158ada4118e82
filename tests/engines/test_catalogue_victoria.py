"""The catalogue of faults on VictoriaMetrics with vmagent and vmalert: right verdict and cause, and GO when healed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from fixtures.catalogue import FAULTS
from l4gate.base import ProgramMissing
from l4gate.faults import Fault, open_site
from l4gate.faults.exercise import exercise
from l4gate.faults.model import Site
from l4gate.settings import GENERATIONS, Settings
from l4gate.stack import open_victoria
from tests.support.victoria_catalogue import HELD, IMPOSSIBLE, OTHERWISE, QUICK, UNTRIED

FACTOR = 10.0  # see test_victoria.py
LEAST = 40

Held = Callable[[Fault], None]


@pytest.fixture(scope="module")
def hold_against(settings: Settings) -> Iterator[Held]:
    """Holds the gate against one fault on the running site; a new site follows one that may be spoilt."""
    asked = replace(
        settings,
        stack="processes",
        factor=FACTOR,
        generation=GENERATIONS[-1],
        url=None,
        keep_stack=False,
    )
    with ExitStack() as ending:
        sites: list[Site] = []

        def held(fault: Fault) -> None:
            try:
                if not sites:
                    sites.append(ending.enter_context(open_site(asked, opened=open_victoria)))
                result = exercise(sites[0], fault)
            except ProgramMissing as error:
                pytest.skip(f"VictoriaMetrics: {error.message}")
            except BaseException:
                sites.clear()
                ending.close()
                raise
            if not result.right:
                sites.clear()
                ending.close()
                trail = "\n".join(f"  {seen}" for seen in result.trail)
                pytest.fail(
                    f"expected {result.expected}, found {result.verdict} {result.cause}: "
                    f"{', '.join(result.wrongs)}\n{trail}\n{result.message}",
                    pytrace=False,
                )

        yield held


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.id, marks=() if fault.id in QUICK else pytest.mark.variants)
        for fault in HELD
    ],
)
def test_a_fault_is_told_as_on_prometheus(fault: Fault, hold_against: Held) -> None:
    """Verdict and first cause must be those of the catalogue, or the table's, stay, and be GO again after healing."""
    hold_against(fault)


@pytest.mark.parametrize(
    ("fault_id", "reason"), [pytest.param(*each, id=each[0]) for each in IMPOSSIBLE.items()]
)
def test_what_cannot_be_there_says_why(fault_id: str, reason: str) -> None:
    """A fault that this engine cannot have must say why, in every run that leaves it out."""
    assert reason
    pytest.skip(f"{fault_id}: {reason}")


def test_no_fault_is_left_out() -> None:
    """Every fault must be held here, or be listed with its reason; at least 40 must be held."""
    known = {fault.id for fault in FAULTS}
    listed = {*OTHERWISE, *IMPOSSIBLE, *UNTRIED, *QUICK}

    assert listed <= known
    assert not {*IMPOSSIBLE} & {*OTHERWISE, *UNTRIED, *QUICK}
    assert {fault.id for fault in HELD} | {*IMPOSSIBLE} | UNTRIED == known
    assert len(HELD) >= LEAST
    assert all(each.reason for each in OTHERWISE.values())
