"""The configuration: what the server scrapes, and what it lets through, as it stands in this repository."""

from collections.abc import Callable

import pytest

from fixtures.judging import hold
from l4gate.verdict import Look

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("config/loaded")
def test_loaded_configuration_is_that_of_the_repository(look: Look, found: Callable[[str], None]) -> None:
    """What the server has loaded must do the same as this repository's prometheus.yml, addresses aside."""
    evidence = look.decision.evidence

    if not evidence.config_equal:
        causes = [cause for cause in evidence.broken if cause.code.startswith("config-")]
        hold("\n".join(map(str, causes)) or "\n".join(map(str, look.decision.causes)))
    jobs = ", ".join(target.job for target in evidence.contract.targets)
    found(f"no difference of {jobs}, addresses aside")
