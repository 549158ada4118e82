"""
The metric contract: names, limits and intervals of production, each written once for all Python code.

Durations are seconds. The rule files state the same limits in PromQL; `l4gate lint` (rules/contract) fails when
the two differ. Source of every number: the design of the L4 gate, sections 3, 4, 7 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REALM_LABEL: Final = "metric_realm"
DEFAULT_REALM: Final = "prod"

RAW_TS: Final = "duri_textfile_heartbeat_ts"
RAW_SEQ: Final = "duri_textfile_heartbeat_seq"
FRESH: Final = "duri_heartbeat_fresh_120s"
CHANGES: Final = "duri_heartbeat_changes_6m"
OK: Final = "duri_heartbeat_ok"
STALL: Final = "duri_heartbeat_stall"
LYAPUNOV: Final = "duri_lyapunov_v"
CANARY_FAILURE_RATIO: Final = "duri_canary_failure_ratio"

PUSH_JOB: Final = "duri_heartbeat"
PUSH_INSTANCE: Final = "local"
SERVICE_PUSH_JOB: Final = "duri_service"

JOB_PROMETHEUS: Final = "prometheus"
JOB_PUSHGATEWAY: Final = "pushgateway"
JOB_NODE_EXPORTER: Final = "node-exporter"
REQUIRED_TARGETS: Final = (JOB_PROMETHEUS, JOB_PUSHGATEWAY)
ADVISORY_TARGETS: Final = (JOB_NODE_EXPORTER,)

BEAT_INTERVAL_SECONDS: Final = 60.0
SCRAPE_INTERVAL_SECONDS: Final = 15.0
RULE_INTERVAL_SECONDS: Final = 30.0
LOOKBACK_SECONDS: Final = 300.0  # Prometheus' own default of --query.lookback-delta
FRESH_LIMIT_SECONDS: Final = 120.0
CHANGES_WINDOW_SECONDS: Final = 360.0
FUTURE_LIMIT_SECONDS: Final = 30.0
ABORT_FOR_SECONDS: Final = 300.0

MAX_SAMPLE_AGE_RULE_INTERVALS: Final = 2  # older recorded samples mean that nobody evaluates the rules
CONSECUTIVE_EVALUATIONS: Final = 2  # how many evaluations in a row must say 1 for a GO


@dataclass(frozen=True)
class AbortRule:
    """One of the four abort conditions: `metric op threshold`, held for ABORT_FOR_SECONDS."""

    alert: str
    metric: str
    op: str
    threshold: float


ABORT_LABEL: Final = ("l4", "abort")
ABORT_RULES: Final = (
    AbortRule("L4AbortLyapunovHigh", LYAPUNOV, ">", 0.3),
    AbortRule("L4AbortHeartbeatStale", FRESH, "==", 0.0),
    AbortRule("L4AbortHeartbeatNotOk", OK, "!=", 1.0),
    AbortRule("L4AbortCanaryFailureRatioHigh", CANARY_FAILURE_RATIO, ">", 0.08),
)
