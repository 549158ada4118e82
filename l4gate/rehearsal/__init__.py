"""Losing a whole stack and restoring it: the restore drill and its proof."""

from l4gate.rehearsal.drill import RehearsalResult, p95, rehearse
from l4gate.rehearsal.given import ensure_given
from l4gate.rehearsal.production import ensure_productions_own, publish_as_productions
from l4gate.rehearsal.size import Size, size_of

__all__ = [
    "RehearsalResult",
    "Size",
    "ensure_given",
    "ensure_productions_own",
    "p95",
    "publish_as_productions",
    "rehearse",
    "size_of",
]
