"""Target health: Prometheus scrapes what the heartbeat travels through."""

import pytest

from fixtures.judging import hold
from l4gate.contract import REQUIRED_TARGETS
from l4gate.verdict import Look, Stage

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("scrape/targets")
def test_required_targets_are_up(look: Look) -> None:
    """Every required target MUST be up, as recorded by a scrape just now."""
    up = look.decision.evidence.targets_up
    down = [job for job in REQUIRED_TARGETS if not up.get(job, False)]

    if down:
        causes = [c for c in look.decision.causes if c.stage in (Stage.TRANSPORT, Stage.SCRAPE, Stage.QUERY)]
        hold(
            "\n".join(map(str, causes))
            or f"expected targets {', '.join(REQUIRED_TARGETS)} up, not up: {down}"
        )
