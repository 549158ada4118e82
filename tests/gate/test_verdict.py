"""The verdict."""

import pytest

from fixtures.judging import hold
from l4gate.verdict import Look, Verdict

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("verdict/go")
def test_verdict_is_go(look: Look) -> None:
    """The decision on all evidence MUST be GO."""
    decision = look.decision

    if decision.verdict is not Verdict.GO:
        causes = "\n".join(map(str, decision.causes))
        hold(f"expected GO, found {decision.verdict.name} after {decision.waited_seconds:.1f} s:\n{causes}")
