"""
The metric contract: names, limits and intervals of production, each written once for all Python code.

Durations are seconds. The rule files state the same limits in PromQL; `l4gate lint` (checks contract/...) fails when
the two differ. Source of every number: the design of the L4 gate, sections 3, 4, 7 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

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


# What the rules may read, and what they must record.

INPUTS: Final[dict[str, Literal["gauge", "boolean", "counter", "histogram"]]] = {
    RAW_TS: "gauge",
    RAW_SEQ: "gauge",  # counts, but starts again with its file, and is never extrapolated
    "duri_alert_rate_per_hour": "gauge",
    "duri_mttr_seconds": "gauge",
    "duri_ev_created_total": "counter",
    "duri_canary_events_total": "counter",
    "duri_canary_promote_total": "counter",
    "duri_canary_rollback_total": "counter",
    "duri_p_uniform_ks_p": "gauge",
    "duri_p_unique_ratio": "gauge",
    "duri_dr_restore_time_seconds": "histogram",
    "duri_dr_success_total": "counter",
    "duri_dr_failure_total": "counter",
    "node_textfile_scrape_error": "boolean",
    "node_textfile_mtime_seconds": "gauge",
    "push_time_seconds": "gauge",
    "up": "boolean",
}
# Jobs whose samples bring their own job, instance or realm, which the target's labels must not overwrite.
HONOR_LABELS_JOBS: Final = (JOB_PUSHGATEWAY, JOB_NODE_EXPORTER)


@dataclass(frozen=True)
class Recorded:
    """
    A metric that people and the gate read by name: what it is, which inputs it is made from, and its labels.

    `without_heartbeat` is its value when there is no heartbeat at all; None means that it is missing then, as every
    metric is whose inputs are missing.
    """

    name: str
    kind: Literal["boolean", "number"]
    reads: tuple[str, ...]
    labels: tuple[str, ...] = (REALM_LABEL,)
    without_heartbeat: float | None = None


RECORDED: Final = (
    Recorded(FRESH, "boolean", (RAW_TS,), without_heartbeat=0.0),
    Recorded(CHANGES, "number", (RAW_SEQ,), without_heartbeat=0.0),
    Recorded(OK, "boolean", (RAW_TS, RAW_SEQ), without_heartbeat=0.0),
    Recorded(STALL, "boolean", (OK,), without_heartbeat=1.0),
    Recorded("duri_canary_samples_15m", "number", ("duri_canary_events_total",)),
    Recorded(CANARY_FAILURE_RATIO, "number", ("duri_canary_rollback_total", "duri_canary_promote_total")),
    Recorded("error_budget_burn_rate", "number", (OK,), labels=(REALM_LABEL, "window")),
    Recorded("error_budget_burn_7d", "number", (OK,)),
    Recorded("error_budget_burn_30d", "number", (OK,)),
    Recorded("duri_dr_success_ratio_7d", "number", ("duri_dr_success_total", "duri_dr_failure_total")),
    Recorded("duri_dr_restore_p95_seconds", "number", ("duri_dr_restore_time_seconds",)),
    Recorded("duri_green_uptime_ratio", "number", (OK,)),
    Recorded(
        LYAPUNOV,
        "number",
        (
            OK,
            "duri_alert_rate_per_hour",
            "duri_mttr_seconds",
            "duri_ev_created_total",
            "duri_dr_success_total",
            "duri_dr_failure_total",
        ),
    ),
)
