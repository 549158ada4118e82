"""The verdict."""

from collections.abc import Callable

import pytest

from fixtures.judging import hold
from l4gate.base import Verdict
from l4gate.verdict import Look

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("verdict/go")
def test_verdict_is_go(look: Look, found: Callable[[str], None]) -> None:
    """The decision on all evidence must be GO."""
    decision = look.decision

    if decision.verdict is not Verdict.GO:
        causes = "\n".join(map(str, decision.causes))
        hold(f"expected GO, found {decision.verdict.name} after {decision.waited_seconds:.1f} s:\n{causes}")
    found(f"GO, {decision.waited_seconds:.1f} s after the first question")
