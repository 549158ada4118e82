"""Losing a whole stack and restoring it: the restore drill and its proof."""

from l4gate.rehearsal.drill import RehearsalResult, p95, rehearse
from l4gate.rehearsal.publishing import publish

__all__ = ["RehearsalResult", "p95", "publish", "rehearse"]
