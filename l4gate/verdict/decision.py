"""
The decision: from what was observed to GO, HOLD or ABORT, with the causes. Pure: no clock, no HTTP, no Docker.

`decide` answers one question per realm. A GO needs every single condition as a measured value; everything that is
not proven is HOLD; a firing abort alert is ABORT whatever else is known. Causes are ordered by walking the data path
backwards from the verdict: the first of them is the first broken stage on that walk, which explains the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from l4gate.base import Verdict
from l4gate.contract import Contract
from l4gate.verdict.evidence import Cause, Evidence, Stage
from l4gate.verdict.readings import Missing, Unreachable, Value

NOT_WITNESSED: Final = "not-witnessed"  # nobody has seen time pass yet
NOT_PROVEN: Final = "not-proven"  # the code of a condition of GO without evidence, whatever the reason


@dataclass(frozen=True, slots=True)
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
    if evidence.abort_firing and evidence.witnessed:
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
    unmet += _unlike_expected(evidence)
    unmet += _no_evidence(evidence)
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


def _unlike_expected(evidence: Evidence) -> list[Cause]:
    """What of targets, configuration and rules is not proven to be as expected."""
    contract = evidence.contract
    unmet = [
        _verdict_cause(f"target {job} up", "no such evidence", "the server's targets")
        for job in contract.required_jobs
        if not evidence.targets_up.get(job, False)
    ]
    if not contract.required_jobs:
        unmet.append(_verdict_cause("required targets to judge", "none were named", "the contract"))
    if not evidence.config_equal:
        unmet.append(
            _verdict_cause(
                "the loaded configuration equal to this repository's",
                "no such evidence",
                "the server's configuration",
            )
        )
    if not evidence.rules_equal:
        unmet.append(
            _verdict_cause(
                "the loaded rules equal to this repository's", "no such evidence", "the server's rules"
            )
        )
    return unmet


def _no_evidence(evidence: Evidence) -> list[Cause]:
    """What makes values no evidence: nobody has asked again, nobody has seen time pass, or an alert says otherwise."""
    unmet = []
    others = sorted(evidence.contract.recorded.keys() - evidence.recomputed)
    if others:
        unmet.append(
            _verdict_cause(
                "every recorded metric as its rule gives it when it is asked again",
                f"no such evidence of {', '.join(others)}",
                "the rules' own expressions",
            )
        )
    unmet += [
        _verdict_cause(f"{alert} not firing", "said to be firing", "the server's alerts")
        for alert in sorted(evidence.abort_claimed)
    ]
    if not evidence.witnessed:
        unmet.append(
            Cause(
                Stage.VERDICT,
                NOT_WITNESSED,
                "a new evaluation of the rules while the gate looks",
                "none yet",
                "the newest recorded samples",
                "give it time (--deadline): at least twice the interval of the rules.",
            )
        )
    return unmet


def _abort_input(metric: str, reading: Missing | Unreachable | None, contract: Contract) -> Cause:
    expected = f"one finite value of {metric}, without which its abort alert cannot fire"
    if not isinstance(reading, Missing) or metric in contract.decisive:
        # Nobody answered, or an earlier stage explains why the heartbeat's own metrics are missing.
        return _verdict_cause(expected, str(reading or "no reading"), metric)
    step = f"find out which input of {metric} is missing: a missing input leaves it missing."
    covered = contract.recorded[metric].covered if metric in contract.recorded else None
    if covered is not None:
        step += (
            f" It also needs {covered.asked} at least, which a server that has just begun does not have yet."
        )
    return Cause(
        Stage.VERDICT, "abort-input-missing", expected, reading.found, f"query {reading.query}", step
    )


def _verdict_cause(expected: str, found: str, where: str) -> Cause:
    return Cause(
        Stage.VERDICT, NOT_PROVEN, expected, found, where, "mend the first broken stage, then ask again."
    )
