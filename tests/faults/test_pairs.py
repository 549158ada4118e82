"""Two faults at once, of different stages: never GO, and the cause is one of the two."""

from __future__ import annotations

from typing import Any

import pytest

from l4gate.faults.exercise import Result
from l4gate.faults.model import BOTH
from l4gate.faults.pairs import exercise_pair, sample
from l4gate.faults.register import FAULTS

PAIRS = 10  # some 4 s each: what the time of the whole catalogue leaves


@pytest.mark.faults
@pytest.mark.parametrize("number", range(PAIRS))
def test_pair(number: int, sites: Any, results: list[Result]) -> None:
    """Two faults of different stages MUST NOT be GO; the first cause MUST be that of one of them."""
    site = sites.get()
    first, second = sample(FAULTS, site.sandbox.stack.kind, PAIRS)[number]
    try:
        result = exercise_pair(site, first, second)
    except BaseException:
        sites.discard()
        raise
    results.append(result)
    if not result.right:
        sites.discard()
        trail = "\n".join(f"  {seen.after:6.2f} s {seen.verdict} {seen.cause}" for seen in result.trail)
        pytest.fail(f"{result.id}: expected {result.expected}\n{trail}\n{result.message}")


def test_sample_is_the_same_every_time() -> None:
    """The sample MUST be the same in every run, of different stages, and without repetition."""
    for kind in BOTH:
        pairs = sample(FAULTS, kind, PAIRS)

        assert pairs == sample(FAULTS, kind, PAIRS)
        assert len({(first.id, second.id) for first, second in pairs}) == PAIRS
        assert all(first.stage is not second.stage for first, second in pairs)
