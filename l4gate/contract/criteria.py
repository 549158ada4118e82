"""
What a certificate, the canary check and the budget check ask: every criterion once, as data.

Sources: sections 7 (required checks) and 8 (24-hour certificate) of the design. Shares are from 0 to 1.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from l4gate.contract import model as contract
from l4gate.contract.pace import Pace

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
}


class When(enum.Enum):
    """How the samples of a window decide."""

    SHARE = "for a share of the time"  # out of bounds for the rest is allowed
    ALWAYS = "always"  # no sample out of bounds; the share says how much of the time must have been measured
    END = "at the end"  # the newest sample of the window; the metric looks back on hours by itself


@dataclass(frozen=True)
class Criterion:
    """`metric op limit`, when it has to hold, and for which share of the window it has to be proven."""

    id: str
    title: str
    metric: str
    op: str
    limit: float
    when: When
    required_share: float = (
        0.999  # for all but `fresh` as for `ok`: what is not seen for longer is not certified
    )
    is_duration: bool = False
    matchers: Mapping[str, str] | None = None

    def limit_at(self, pace: Pace) -> float:
        """The limit at a time factor: durations shrink with the factor, everything else stays."""
        return self.limit / pace.factor if self.is_duration else self.limit

    def holds(self, value: float, pace: Pace) -> bool:
        """Whether a value is in bounds."""
        return OPERATORS[self.op](value, self.limit_at(pace))

    def worse(self, one: float, other: float) -> float:
        """The one of two values that is further out of bounds."""
        if self.op == "==":
            return max(one, other, key=lambda value: abs(value - self.limit))
        return min(one, other) if self.op in (">", ">=") else max(one, other)

    def bounds(self, pace: Pace) -> str:
        """What is asked, as `metric op limit`."""
        return f"{self.metric} {self.op} {self.limit_at(pace):g}"


def selector(metric: str, realm: str, matchers: Mapping[str, str] | None = None) -> str:
    """The PromQL selector of one realm's series of a metric."""
    labels = {contract.REALM_LABEL: realm, **(matchers or {})}
    return metric + "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


_OVER_2H: Final = {"window": "2h"}

HEARTBEAT: Final = (
    Criterion("heartbeat/ok", "heartbeat ok", contract.OK, "==", 1, When.SHARE),
    Criterion(
        "heartbeat/fresh", "heartbeat fresh", contract.FRESH, "==", 1, When.SHARE, required_share=0.995
    ),
    Criterion("heartbeat/changes", "sequence changes in 6 min", contract.CHANGES, ">=", 1, When.ALWAYS),
)
CANARY_QUORUM: Final = (
    Criterion(
        "canary/failure-ratio", "canary failure ratio", contract.CANARY_FAILURE_RATIO, "<=", 0.08, When.ALWAYS
    ),
    Criterion("canary/samples", "canary samples in 15 min", "duri_canary_samples_15m", ">=", 300, When.END),
    # A p-value of healthy data is below 0.05 in one window of twenty by its very meaning, so "always" would never hold.
    Criterion(
        "canary/uniform", "KS p over 2 h", "duri_p_uniform_ks_p", ">", 0.05, When.END, matchers=_OVER_2H
    ),
    Criterion(
        "canary/unique",
        "unique ratio over 2 h",
        "duri_p_unique_ratio",
        ">=",
        0.92,
        When.END,
        matchers=_OVER_2H,
    ),
)
ERROR_BUDGET: Final = (
    Criterion("budget/7d", "error budget used, 7 d", "error_budget_burn_7d", "<=", 0.60, When.ALWAYS),
    Criterion("budget/30d", "error budget used, 30 d", "error_budget_burn_30d", "<=", 0.40, When.ALWAYS),
)
DISASTER_RECOVERY: Final = (
    Criterion(
        "dr/restore-p95",
        "DR restore time p95",
        "duri_dr_restore_p95_seconds",
        "<=",
        720,
        When.ALWAYS,
        is_duration=True,
    ),
)
# Not a metric of its own: whether any abort alert fires, as `certificate.py` puts it together.
ABORT: Final = Criterion("abort/none", "abort alerts firing", 'ALERTS{l4="abort"}', "==", 0, When.ALWAYS)
CERTIFICATE: Final = (*HEARTBEAT, *CANARY_QUORUM, *ERROR_BUDGET, *DISASTER_RECOVERY)
CHECKS: Final = {"canary-quorum-pass": CANARY_QUORUM, "error-budget-burn-ok": ERROR_BUDGET}
