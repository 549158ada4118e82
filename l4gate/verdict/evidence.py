"""What a decision stands on: stages of the path, causes, and the evidence for one realm at one moment. Plain data."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from l4gate.contract import Contract
from l4gate.verdict.readings import Reading


class Stage(enum.IntEnum):
    """The data path, in its order."""

    WRITER = 0
    TRANSPORT = 1
    SCRAPE = 2
    RULES = 3
    QUERY = 4
    VERDICT = 5
    RUN = 6

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the verdict is not GO, or what is worth a warning; every field is for a person to read."""

    stage: Stage
    code: str
    expected: str
    found: str
    where: str
    next_step: str

    @property
    def id(self) -> str:
        """The cause's name, `stage/code`."""
        return f"{self.stage}/{self.code}"

    def __str__(self) -> str:
        return (
            f"{self.id}: expected {self.expected}, found {self.found} ({self.where}). Next: {self.next_step}"
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one rule evaluation recorded: its time, `ok` and `fresh` (None where it recorded none)."""

    at: float
    ok: float | None
    fresh: float | None

    @property
    def good(self) -> bool:
        """Both recorded, and both exactly 1."""
        return self.ok == 1.0 and self.fresh == 1.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    All that a decision stands on, for one realm at one moment of the server's clock.

    `contract` is what it is held against; `readings` has one reading for each metric that the contract lets the gate
    read, by name. `broken` holds the causes that the diagnosis of each stage found, in any order. `evaluations` are the
    newest ones in time order, without gaps between them. `recomputed` names the recorded metrics that are what their
    rules give, with all that they are made from. `witnessed`: the server's clock goes as ours does, and an evaluation
    came while we looked. Of abort alerts, `abort_claimed` are those that anybody says are firing, `abort_firing` those
    of them whose condition is proven.
    """

    contract: Contract
    realm: str
    at: float
    readings: Mapping[str, Reading] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    targets_up: Mapping[str, bool] = field(default_factory=dict)
    config_equal: bool = False
    rules_equal: bool = False
    recomputed: frozenset[str] = frozenset()
    witnessed: bool = False
    abort_armed: frozenset[str] = frozenset()
    abort_claimed: frozenset[str] = frozenset()
    abort_firing: frozenset[str] = frozenset()
    broken: tuple[Cause, ...] = ()
    warnings: tuple[Cause, ...] = ()

    @property
    def newest(self) -> tuple[Evaluation, ...]:
        """The evaluations that a GO rests on, as far as they are there."""
        return self.evaluations[-self.contract.evidence.evaluations :]
