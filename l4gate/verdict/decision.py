"""
The decision: from what was observed to GO, HOLD or ABORT, with the causes. Pure: no clock, no HTTP, no Docker.

`decide` answers one question per realm. A GO needs every single condition as a measured value; everything that is
not proven is HOLD; a firing abort alert is ABORT whatever else is known. Causes are ordered by walking the data path
backwards from the verdict: the first of them is the first broken stage on that walk, which explains the others.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from l4gate.base import Verdict
from l4gate.contract import Contract
from l4gate.verdict.readings import Missing, Reading, Unreachable, Value

NOT_PROVEN: Final = "not-proven"  # the code of a condition of GO without evidence, whatever the reason


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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Evaluation:
    """What one rule evaluation recorded: its time, `ok` and `fresh` (None where it recorded none)."""

    at: float
    ok: float | None
    fresh: float | None

    @property
    def good(self) -> bool:
        """Both recorded, and both exactly 1."""
        return self.ok == 1.0 and self.fresh == 1.0


@dataclass(frozen=True)
class Evidence:
    """
    All that a decision stands on, for one realm at one moment of the server's clock.

    `contract` is what it is held against; `readings` has one reading for each metric that the contract lets the gate
    read, by name. `broken` holds the causes that the diagnosis of each stage found, in any order; `abort_firing` and
    `abort_armed` are names of abort alerts. `evaluations` are the newest ones in time order, without gaps between them.
    """

    contract: Contract
    realm: str
    at: float
    readings: Mapping[str, Reading] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    targets_up: Mapping[str, bool] = field(default_factory=dict)
    rules_equal: bool = False
    abort_armed: frozenset[str] = frozenset()
    abort_firing: frozenset[str] = frozenset()
    broken: tuple[Cause, ...] = ()
    warnings: tuple[Cause, ...] = ()

    @property
    def newest(self) -> tuple[Evaluation, ...]:
        """The evaluations that a GO rests on, as far as they are there."""
        return self.evaluations[-self.contract.evidence.evaluations :]


@dataclass(frozen=True)
class Decision:
    """The verdict of one realm, its causes (the first is the one to act on), and what it stands on."""

    verdict: Verdict
    realm: str
    causes: tuple[Cause, ...]
    warnings: tuple[Cause, ...]
    evidence: Evidence
    waited_seconds: float = 0.0

    @property
    def cause(self) -> Cause | None:
        """The first broken stage, or None for GO."""
        return self.causes[0] if self.causes else None


def decide(evidence: Evidence) -> Decision:
    """Judges the evidence of one realm. The same evidence always gives the same decision."""
    unmet = _unmet(evidence)
    if evidence.abort_firing:
        verdict = Verdict.ABORT
        causes = (
            _backwards(evidence.broken)
            + tuple(_firing(name, evidence.contract) for name in sorted(evidence.abort_firing))
            + unmet
        )
    elif unmet or evidence.broken:
        verdict = Verdict.HOLD
        causes = _backwards(evidence.broken) + unmet
    else:
        verdict, causes = Verdict.GO, ()
    return Decision(verdict, evidence.realm, causes, evidence.warnings, evidence)


def _backwards(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    return tuple(sorted(causes, key=lambda cause: -cause.stage))


def _firing(alert: str, contract: Contract) -> Cause:
    condition = next(each for each in contract.abort.conditions if each.alert == alert)
    return Cause(
        Stage.VERDICT,
        "abort-firing",
        f"{alert} not firing",
        f"{alert} firing: {condition} has held for its whole `for`",
        "the server's alerts",
        "roll back (scripts/ops/l4_dryrun_rollback.sh), then find out why.",
    )


def _unmet(evidence: Evidence) -> tuple[Cause, ...]:
    """The conditions of a GO that are not proven, each worded as such; empty means GO, unless a stage is broken."""
    contract = evidence.contract
    unmet = []
    for name in contract.decisive:
        reading = evidence.readings.get(name)
        if not (isinstance(reading, Value) and reading.value == 1.0):
            where = reading.query if reading else name
            unmet.append(
                _verdict_cause(f"{name} == 1 as a measured value", str(reading or "no reading"), where)
            )
    needed = contract.evidence.evaluations
    good = sum(each.good for each in evidence.newest)
    if good < needed:
        both = " and ".join(f"{name} == 1" for name in contract.decisive)
        unmet.append(
            _verdict_cause(
                f"{both} at {needed} rule evaluations in a row",
                f"{good} of {needed}",
                "the newest recorded samples",
            )
        )
    unmet += [
        _verdict_cause(f"target {job} up", "no such evidence", "the server's targets")
        for job in contract.required_jobs
        if not evidence.targets_up.get(job, False)
    ]
    if not contract.required_jobs:
        unmet.append(_verdict_cause("required targets to judge", "none were named", "the contract"))
    if not evidence.rules_equal:
        unmet.append(
            _verdict_cause(
                "the loaded rules equal to this repository's", "no such evidence", "the server's rules"
            )
        )
    for condition in contract.abort.conditions:
        if condition.alert not in evidence.abort_armed:
            unmet.append(
                _verdict_cause(
                    f"abort rule {condition.alert} loaded and healthy",
                    "no such evidence",
                    "the server's rules",
                )
            )
        reading = evidence.readings.get(condition.metric)
        if not isinstance(reading, Value):
            unmet.append(_abort_input(condition.metric, reading, contract))
    return tuple(unmet)


def _abort_input(metric: str, reading: Missing | Unreachable | None, contract: Contract) -> Cause:
    expected = f"one finite value of {metric}, without which its abort alert cannot fire"
    if not isinstance(reading, Missing) or metric in contract.decisive:
        # Nobody answered, or an earlier stage explains why the heartbeat's own metrics are missing.
        return _verdict_cause(expected, str(reading or "no reading"), metric)
    step = f"find out which input of {metric} is missing: a missing input leaves it missing."
    return Cause(
        Stage.VERDICT, "abort-input-missing", expected, reading.found, f"query {reading.query}", step
    )


def _verdict_cause(expected: str, found: str, where: str) -> Cause:
    return Cause(
        Stage.VERDICT, NOT_PROVEN, expected, found, where, "mend the first broken stage, then ask again."
    )
