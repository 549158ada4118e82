"""Every fault of the register on a real stack: the right verdict, the right cause, and GO after healing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalogue import FAULTS
from l4gate.faults.exercise import FaultResult
from l4gate.faults.model import Fault
from l4gate.programs import release_of
from l4gate.settings import GENERATIONS, chosen
from l4gate.stack import PROMETHEUS
from tests.support.fault_report import normal

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "L4_UPDATE_SNAPSHOTS"  # set to 1 to write the snapshots anew, then read what changed with git diff


def snapshot_differs(fault: Fault, result: FaultResult) -> str:
    """Compares a message with its snapshot; says how they differ."""
    path = SNAPSHOTS / f"{fault.id}.txt"
    found = normal(result.message)
    if chosen(UPDATE) == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    expected = path.read_text() if path.exists() else f"(no snapshot; {UPDATE}=1 writes it)"
    return "" if expected == found else f"the message changed.\nexpected:\n{expected}\nfound:\n{found}"


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault(fault: Fault, sites: Any, hold_against: Callable[[Fault], FaultResult]) -> None:
    """The verdict and its first cause must be those of the register, stay, and be GO again after healing."""
    result = hold_against(fault)
    stack = sites.get().sandbox.stack
    # The programs word their errors differently in each generation, and with other addresses in containers.
    found = release_of(stack.versions[PROMETHEUS])
    worded = stack.kind == "processes" and f"{found[0]}.{found[1]}" == GENERATIONS[-1]
    if worded and (differs := snapshot_differs(fault, result)):
        pytest.fail(differs, pytrace=False)
