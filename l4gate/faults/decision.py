"""Faults of the service itself: what the abort conditions judge."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from l4gate.faults.model import Action, Fault, Site
from l4gate.sandbox import ALERT_RATE, EVENTS_PER_PUSH, MTTR, PROMOTE, ROLLBACK
from l4gate.verdict import Verdict

_MANY: Final = 1000.0 * EVENTS_PER_PUSH  # more than the window holds from the history
_GOOD_PER_FAILED: Final = 25.0  # at most 4 % failed, and 8 % is the limit


def _service(**attributes: Any) -> Action:
    """A service that does worse, until it is healed."""

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        workload = site.sandbox.workload
        before = {name: getattr(workload, name) for name in attributes}
        for name, value in attributes.items():
            setattr(workload, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(workload, name, value)

    return action


@contextmanager
def _canaries_fail(site: Site) -> Iterator[None]:
    """As many failed canaries at once as there were good ones; healed by so many good ones that it is over at once."""
    totals = site.sandbox.workload.totals
    # The window of 15 minutes may still hold what healed this fault a moment ago: that may not hide the failed ones.
    totals[ROLLBACK] += max(totals[PROMOTE], _MANY)
    with _service(canary_failure_ratio=1.0)(site):
        yield
    totals[PROMOTE] += _GOOD_PER_FAILED * totals[ROLLBACK]


def _aborts(name: str, says: str, action: Action) -> Fault:
    return Fault(f"verdict/{name}", says, action, Verdict.ABORT, "verdict/abort-firing")


def _blind(name: str, says: str, action: Action) -> Fault:
    return Fault(f"verdict/{name}", says, action, Verdict.HOLD, "verdict/abort-input-missing")


FAULTS: Final = (
    _aborts("canaries-fail", "Every canary is rolled back.", _canaries_fail),
    _aborts(
        "slow-repair",
        "Repairs take ten minutes: the Lyapunov energy is too high.",
        _service(mttr_seconds=600.0),
    ),
    _blind(
        "alert-rate-missing",
        "The service no longer publishes its alert rate.",
        _service(omitted={ALERT_RATE}),
    ),
    _blind(
        "repair-time-missing", "The service no longer publishes its time to repair.", _service(omitted={MTTR})
    ),
    _blind(
        "alert-rate-not-a-number",
        "The service publishes NaN for its alert rate.",
        _service(alert_rate_per_hour=math.nan),
    ),
)
