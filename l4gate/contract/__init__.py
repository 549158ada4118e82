"""What is promised, read from contract.yml: names, limits, paces, criteria; and the gates that ask for it."""

from l4gate.contract.criteria import Condition, Criterion, When
from l4gate.contract.gates import FEW_REALMS, GATES, PlannedGate, asked_for, is_fleet, planned
from l4gate.contract.model import (
    CHECKS,
    AbortCondition,
    Contract,
    Covered,
    Levels,
    Recorded,
    SimulatedFault,
    Target,
)
from l4gate.contract.pace import Pace
from l4gate.contract.reading import (
    CONTRACT_NAME,
    SCHEMA_NAME,
    contract_hash,
    load_contract,
    parse_contract,
)
from l4gate.contract.schema import schema

__all__ = [
    "CHECKS",
    "CONTRACT_NAME",
    "FEW_REALMS",
    "GATES",
    "SCHEMA_NAME",
    "AbortCondition",
    "Condition",
    "Contract",
    "Covered",
    "Criterion",
    "Levels",
    "Pace",
    "PlannedGate",
    "Recorded",
    "SimulatedFault",
    "Target",
    "When",
    "asked_for",
    "contract_hash",
    "is_fleet",
    "load_contract",
    "parse_contract",
    "planned",
    "schema",
]
