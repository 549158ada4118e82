"""Target health: Prometheus scrapes what the heartbeat travels through."""

from collections.abc import Callable

import pytest

from fixtures.judging import hold
from l4gate.verdict import Look, Stage

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("scrape/targets")
def test_required_targets_are_up(look: Look, found: Callable[[str], None]) -> None:
    """Every required target must be up, as recorded by a scrape just now."""
    evidence = look.decision.evidence
    required = evidence.contract.required_jobs
    down = [job for job in required if not evidence.targets_up.get(job, False)]

    if down:
        causes = [c for c in look.decision.causes if c.stage in (Stage.TRANSPORT, Stage.SCRAPE, Stage.QUERY)]
        hold("\n".join(map(str, causes)) or f"expected targets {', '.join(required)} up, not up: {down}")
    found(f"{len(required)} up: {', '.join(required)}")
