"""The register of gates, its tests, and what a run plans."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from l4gate.contract import GATES, planned


def test_every_gate_has_exactly_one_test_and_no_test_another_gate(pytestconfig: pytest.Config) -> None:
    """Register and tests must name the same gates, each once: a second test could hide a gate that did not run."""
    sources = sorted((pytestconfig.rootpath / "tests" / "gate").glob("test_*.py"))
    claimed = Counter(
        name
        for source in sources
        for name in re.findall(r'@pytest\.mark\.gate\("([^"]+)"\)', source.read_text("utf-8"))
    )

    assert claimed == Counter(gate.id for gate in GATES)


def test_gate_ids_are_area_and_name() -> None:
    """An id must be area/name, once."""
    ids = [gate.id for gate in GATES]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+", each) for each in ids)


def test_external_run_plans_nothing_that_breaks_the_server() -> None:
    """A run against somebody else's server must plan every gate but those of a sandbox, per realm where asked so."""
    names = [plan.name for plan in planned(["a", "b"], external=True)]

    assert not any(plan.gate.sandbox_only for plan in planned(["a", "b"], external=True))
    assert {"verdict/go[a]", "verdict/go[b]", "rules/lint"} <= set(names)
    assert len(names) == sum(2 if gate.per_realm else 1 for gate in GATES if not gate.sandbox_only)


def test_sandbox_run_plans_every_gate() -> None:
    """A run on a stack of our own must plan all gates."""
    assert {plan.gate for plan in planned(["prod"], external=False)} == set(GATES)
