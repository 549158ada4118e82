"""What lies share: who is let in, which values lie, and what is true beneath them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from l4gate.base import Verdict
from l4gate.contract import AbortCondition, Contract, SimulatedFault
from l4gate.faults.edits import jobs_changed
from l4gate.faults.model import Action, Fault, Liar, Lie, Site
from l4gate.faults.tools import of_the_service, sample

Lines = Callable[[Site], str]
# In words of a lie: a dead writer is well; an abort condition that holds does not; a healthy service is to be aborted.
SAYS_GO: Final = {by: Lie(by, Verdict.GO, Verdict.HOLD) for by in Liar}
HIDES_ABORT: Final = {by: Lie(by, Verdict.GO, Verdict.ABORT) for by in Liar}
SAYS_ABORT: Final = {by: Lie(by, Verdict.ABORT) for by in Liar}

SOMEBODY: Final = "somebody_else"
DIFFERS: Final = "scrape/config-differs"
# By how much of itself, and on which side, a value is off the limit of a condition that does not hold, and that holds.
_CALM: Final = {">": -1, ">=": -1, "<": 1, "<=": 1, "==": 1, "!=": 0}
_ALARMING: Final = {">": 1, ">=": 1, "<": -1, "<=": -1, "==": 0, "!=": 1}


def _let_in(job: dict[str, Any], _site: Site) -> None:
    job.pop("metric_relabel_configs", None)
    job["honor_labels"] = True


# Somebody took away what keeps impostors out: every job believes what a sample says of itself.
LET_IN: Final = jobs_changed(_let_in)


def _without_target(job: dict[str, Any], site: Site) -> None:
    if job["job_name"] == site.contract.targets.pushgateway.job:
        job["static_configs"] = []


NO_TARGET: Final = jobs_changed(_without_target)


def calm_value(condition: AbortCondition) -> float:
    """A value with which a condition does not hold."""
    return condition.threshold + _CALM[condition.op] * (abs(condition.threshold) or 1)


def alarming_value(condition: AbortCondition) -> float:
    """A value with which a condition holds."""
    return condition.threshold + _ALARMING[condition.op] * (abs(condition.threshold) or 1)


def energy(value: Callable[[AbortCondition], float], **labels: str) -> Lines:
    """What an abort condition of the service watches."""

    def lines(site: Site) -> str:
        condition = of_the_service(site.contract)
        return sample(site, condition.metric, value(condition), **labels)

    return lines


def blinding(contract: Contract) -> SimulatedFault:
    """
    A fault of the service that leaves its abort condition without an input.

    Raises:
        LookupError: if the contract has none.
    """
    reads = contract.recorded[of_the_service(contract).metric].reads
    for each in contract.simulation.faults:
        if set(each.omitted) & set(reads):
            return each
    message = "the contract simulates no missing input of an abort condition of the service"
    raise LookupError(message)


def breaking(contract: Contract) -> SimulatedFault:
    """
    A fault of the service with which its abort condition holds.

    Raises:
        LookupError: if the contract has none.
    """
    for each in contract.simulation.faults:
        if each.aborts == of_the_service(contract).alert:
            return each
    message = f"the contract simulates nothing that fires {of_the_service(contract).alert}"
    raise LookupError(message)


def hold(name: str, says: str, action: Action, cause: str, lie: Lie, *also: str, slow: bool = False) -> Fault:
    """A lie that must be HOLD; `slow` if Prometheus takes it over with its targets only."""
    return Fault(name, says, action, Verdict.HOLD, cause, also=also, lie=lie, by_discovery=slow)
