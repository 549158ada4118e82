"""A stack of our own with a beating heart and a simulated service."""

from l4gate.sandbox.heartbeat import SCRIPT, Heart
from l4gate.sandbox.history import DAY_SECONDS, HOUR_SECONDS, Series, write_blocks
from l4gate.sandbox.running import Opener, Sandbox, open_sandbox, writer_report
from l4gate.sandbox.simulated_service import SimulatedService, counter_family
from l4gate.sandbox.telling import nobody_told, teller

__all__ = [
    "DAY_SECONDS",
    "HOUR_SECONDS",
    "SCRIPT",
    "Heart",
    "Opener",
    "Sandbox",
    "Series",
    "SimulatedService",
    "counter_family",
    "nobody_told",
    "open_sandbox",
    "teller",
    "write_blocks",
    "writer_report",
]
