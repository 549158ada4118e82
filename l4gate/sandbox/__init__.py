"""A stack of our own with a beating heart and a simulated service."""

from l4gate.sandbox.heartbeat import SCRIPT, Heart
from l4gate.sandbox.history import DAY_SECONDS, HOUR_SECONDS, Series, write_blocks
from l4gate.sandbox.running import Sandbox, open_sandbox, writer_report
from l4gate.sandbox.workload import (
    ALERT_RATE,
    DR_FAILURE,
    DR_RESTORE,
    DR_SUCCESS,
    EVENTS_PER_PUSH,
    MTTR,
    PROMOTE,
    RESTORE_BUCKETS_SECONDS,
    ROLLBACK,
)

__all__ = [
    "ALERT_RATE",
    "DAY_SECONDS",
    "DR_FAILURE",
    "DR_RESTORE",
    "DR_SUCCESS",
    "EVENTS_PER_PUSH",
    "HOUR_SECONDS",
    "MTTR",
    "PROMOTE",
    "RESTORE_BUCKETS_SECONDS",
    "ROLLBACK",
    "SCRIPT",
    "Heart",
    "Sandbox",
    "Series",
    "open_sandbox",
    "write_blocks",
    "writer_report",
]
