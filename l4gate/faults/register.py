"""The register: every fault, in the order of the data path, the lies last. The only list of faults there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from l4gate.base import UsageError
from l4gate.contract import Contract
from l4gate.faults import (
    engine,
    impostors,
    interceptors,
    notification,
    query,
    rules,
    run,
    scrape,
    surroundings,
    tampering,
    transport,
    writer,
    writings,
)
from l4gate.faults.decision import service_faults
from l4gate.faults.model import Fault


def all_faults(contract: Contract) -> tuple[Fault, ...]:
    """The catalogue: the faults of the path, the lies about it, and the faults of the contract's service."""
    return (
        *writer.FAULTS,
        *surroundings.FAULTS,
        *transport.FAULTS,
        *engine.FAULTS,
        *scrape.FAULTS,
        *rules.FAULTS,
        *query.FAULTS,
        *impostors.FAULTS,
        *writings.FAULTS,
        *tampering.FAULTS,
        *interceptors.FAULTS,
        *service_faults(contract),
        *notification.FAULTS,
        *run.FAULTS,
    )


def find_fault(fault_id: str, contract: Contract) -> Fault:
    """
    The fault of that name.

    Raises:
        UsageError: if there is none.
    """
    for fault in all_faults(contract):
        if fault.id == fault_id:
            return fault
    message = f"expected the id of a fault, found {fault_id!r}."
    raise UsageError(message, next_step="`l4gate faults list` prints them.")


def faults_as_data(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """The register without its actions."""
    return [
        {
            "id": fault.id,
            "says": fault.says,
            "verdict": fault.verdict.name,
            "cause": fault.cause,
            "also": list(fault.also),
            "warnings": list(fault.warnings),
            "stacks": list(fault.stacks),
            "passes": fault.passes,
            "reason": fault.reason,
            "lie": fault.lie
            and {"by": fault.lie.by.value, "says": fault.lie.says.name, "truth": fault.lie.truth.name},
        }
        for fault in faults
    ]
