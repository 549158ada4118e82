"""The catalogue of faults: how the path is broken on purpose, and what the gate must say."""

from l4gate.faults.exercise import Observation, expect_go, is_go
from l4gate.faults.model import Fault
from l4gate.faults.register import all_faults, faults_as_data, find_fault
from l4gate.faults.site import open_site

__all__ = [
    "Fault",
    "Observation",
    "all_faults",
    "expect_go",
    "faults_as_data",
    "find_fault",
    "is_go",
    "open_site",
]
