"""
The register of gates: what `pytest -m l4_gate` judges, in the order of the run.

A gate that is not in a report did not pass: the report counts what is planned here against what was recorded. A test
claims a gate with `@pytest.mark.gate("area/name")`; tests/unit/test_gates.py holds register and tests together, and
`make docs` writes the register into docs/gates.md.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Gate:
    """
    One question with a yes or no answer.

    per_realm: asked once for each realm. sandbox_only: needs a stack that may be broken on purpose, so it is never
    asked of somebody else's server.
    """

    id: str
    question: str
    expected: str
    per_realm: bool = False
    sandbox_only: bool = False


FEW_REALMS: Final = 20  # more are a fleet: nobody reads each, and pytest would need minutes for their tests

GATES: Final = (
    Gate(
        "writer/heartbeat",
        "Does the heartbeat script deliver?",
        "exit code 0 of every run",
        sandbox_only=True,
    ),
    Gate("scrape/targets", "Are the required targets up?", "up == 1, scraped just now", per_realm=True),
    Gate(
        "config/loaded",
        "Does the server scrape as this repository says?",
        "no difference but addresses",
        per_realm=True,
    ),
    Gate(
        "rules/loaded",
        "Are the loaded rules this repository's?",
        "no difference, no failing rule",
        per_realm=True,
    ),
    Gate(
        "rules/abort-armed",
        "Could every abort alert fire?",
        "loaded, healthy, inputs present, none firing",
        per_realm=True,
    ),
    Gate("heartbeat/fresh", "Is the newest beat fresh?", "recorded as 1", per_realm=True),
    Gate(
        "heartbeat/ok",
        "Is the heartbeat ok?",
        "recorded as 1 at the evaluations in a row that the contract asks for",
        per_realm=True,
    ),
    Gate("verdict/go", "What is the verdict?", "GO", per_realm=True),
    Gate(
        "smoke/abort",
        "Does silence abort?",
        "ABORT by writer/stale, and not before its time; where there is an Alertmanager somebody is told of it in time"
        " and the watchdog goes on",
        sandbox_only=True,
    ),
    Gate("smoke/recovery", "Does it recover?", "GO after the rollback and new beats", sandbox_only=True),
    # They need no stack and run meanwhile as commands of their own, so their results are asked for last.
    Gate("rules/lint", "Do the rules and the configuration hold?", "no finding of `l4gate lint`"),
    Gate("rules/unit-tests", "Do the promtool tests of the rules pass?", "every test group passes"),
)


@dataclass(frozen=True)
class PlannedGate:
    """A gate as one run has to answer it; realm is empty for a gate that is asked once."""

    gate: Gate
    realm: str = ""

    @property
    def name(self) -> str:
        """`area/name`, with the realm in brackets where it is asked for each."""
        return f"{self.gate.id}[{self.realm}]" if self.realm else self.gate.id


def is_fleet(realms: Sized) -> bool:
    """Whether there are too many to ask and to show each."""
    return len(realms) > FEW_REALMS


def asked_for(realms: Sequence[str]) -> tuple[str, ...]:
    """The realms that a gate is asked for: each of a few; of a fleet the worst, as none is better than all others."""
    return (f"worst of {len(realms)}",) if is_fleet(realms) else tuple(realms)


def planned(realms: Sequence[str], *, external: bool) -> tuple[PlannedGate, ...]:
    """All gates that a run must answer, in the order of the run."""
    realms = asked_for(realms)
    return tuple(
        PlannedGate(gate, realm)
        for gate in GATES
        if not (external and gate.sandbox_only)
        for realm in (realms if gate.per_realm else ("",))
    )
