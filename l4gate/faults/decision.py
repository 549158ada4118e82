"""Faults of the service itself, which the contract knows: what its abort conditions judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from l4gate.base import Verdict
from l4gate.contract import Contract, SimulatedFault
from l4gate.faults.model import Action, Fault, Site

_PUSHES: Final = 1000.0  # a jump of so many pushes is more than a window holds from the history
_GOOD_PER_BAD: Final = 25.0  # what heals a jump: at most 4 % of what a window holds was bad then


def service_faults(contract: Contract) -> tuple[Fault, ...]:
    """The faults of a contract's service."""
    return tuple(_fault(each) for each in contract.simulation.faults)


def _fault(simulated: SimulatedFault) -> Fault:
    verdict, cause = (
        (Verdict.ABORT, "verdict/abort-firing")
        if simulated.aborts
        else (Verdict.HOLD, "verdict/abort-input-missing")
    )
    return Fault(f"verdict/{simulated.name}", simulated.says, service_does(simulated), verdict, cause)


def service_does(fault: SimulatedFault) -> Action:
    """
    A service that does worse, until it is healed.

    Counters that gain more than they should jump at once, and those that gain less make up for it when it is healed:
    a window may still hold what was before, and what it holds of the fault may not outlast it.
    """

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        service = site.sandbox.service
        before, omitted = dict(service.values), set(service.omitted)
        counters = [name for name in fault.service if name in service.totals]
        bad = [name for name in counters if fault.service[name] > before[name]]
        good = [name for name in counters if fault.service[name] < before[name]]
        for name in bad:
            held = sum(service.totals[other] for other in good)
            service.totals[name] += max(held, _PUSHES * fault.service[name])
        service.values |= fault.service
        service.omitted |= set(fault.omitted)
        try:
            yield
        finally:
            service.values |= before
            service.omitted = omitted
        for name in good:
            service.totals[name] += _GOOD_PER_BAD * sum(service.totals[other] for other in bad)

    return action
