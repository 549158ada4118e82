"""Every supported generation of the programs, as processes and as containers."""

from __future__ import annotations

import pytest
import requests

from fixtures.stacks import Opener
from l4gate.settings import GENERATIONS
from l4gate.stack import PROMETHEUS


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_runs(kind: str, generation: str, opener: Opener) -> None:
    """Each generation must start, scrape, take the rules and evaluate them without an error."""
    with opener(kind, generation=generation) as stack:
        stack.load_rules()
        answer = requests.get(f"{stack.prometheus_url}/api/v1/rules", timeout=5).json()["data"]["groups"]

        assert stack.versions[PROMETHEUS].startswith(f"{generation}.")
        assert stack.promtool.version.startswith(f"{generation}.")
        assert answer
        assert {rule["health"] for group in answer for rule in group["rules"]} <= {"ok", "unknown"}
