"""The verdict as JSON, for programs: the same object that the terminal and JUnit show."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from typing import Any

from l4gate.base import Verdict
from l4gate.contract import is_fleet
from l4gate.report.fleet import worst_first
from l4gate.report.model import RunReport
from l4gate.verdict import Cause, Decision, Reading, Value

_YEAR_10000 = (
    253402300799.0  # one second before it: RFC 3339 ends there, and a server's clock may say anything
)


def render_json(report: RunReport) -> str:
    """The report as JSON text; times are RFC 3339 in UTC, durations seconds."""
    return json.dumps(report_as_dict(report), indent=2, allow_nan=False) + "\n"


def report_as_dict(report: RunReport) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "verdict": report.verdict.name,
        "exit_code": report.verdict.exit_code,
        "causes": [cause_as_dict(cause) for cause in report.causes],
        "realms": decisions_as_list(report.decisions),
        "gates": [
            {
                "gate": result.planned.name,
                "outcome": result.outcome.value,
                "seconds": round(result.seconds, 3),
                "found": result.found,
                "message": result.message,
            }
            for result in report.results
        ],
        "facts": dict(report.facts),
        "started_at": utc(report.started_at),
        "seconds": round(report.seconds, 3),
    }


def decisions_as_list(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """Each realm's decision, the worst first; of a fleet's realms that are GO, only what is not the same for all."""
    listed = worst_first(decisions)
    if not is_fleet(listed):
        return [decision_as_dict(each) for each in listed]
    return [
        _in_short(each) if each.verdict is Verdict.GO and not each.warnings else decision_as_dict(each)
        for each in listed
    ]


def _in_short(decision: Decision) -> dict[str, Any]:
    whole = decision_as_dict(decision)
    evidence = whole["evidence"]
    kept = {key: evidence[key] for key in ("readings", "evaluations")}
    return {key: whole[key] for key in ("realm", "verdict", "measured_at")} | {"evidence": kept}


def decision_as_dict(decision: Decision) -> dict[str, Any]:
    """One realm's decision with the evidence that it stands on."""
    evidence = decision.evidence
    return {
        "realm": decision.realm,
        "verdict": decision.verdict.name,
        "causes": [cause_as_dict(cause) for cause in decision.causes],
        "warnings": [cause_as_dict(cause) for cause in decision.warnings],
        "waited_seconds": round(decision.waited_seconds, 3),
        "measured_at": utc(evidence.at),
        "evidence": {
            "readings": {name: _reading(reading) for name, reading in evidence.readings.items()},
            "evaluations": [
                {"at": utc(each.at), "ok": _number(each.ok), "fresh": _number(each.fresh)}
                for each in evidence.newest
            ],
            "targets_up": dict(evidence.targets_up),
            "config_equal": evidence.config_equal,
            "rules_equal": evidence.rules_equal,
            "recomputed": sorted(evidence.recomputed),
            "witnessed": evidence.witnessed,
            "abort_armed": sorted(evidence.abort_armed),
            "abort_claimed": sorted(evidence.abort_claimed),
            "abort_firing": sorted(evidence.abort_firing),
        },
    }


def cause_as_dict(cause: Cause) -> dict[str, str]:
    """One cause: stage, code, expected, found, where, next_step."""
    return {
        "stage": str(cause.stage),
        "code": cause.code,
        "expected": cause.expected,
        "found": cause.found,
        "where": cause.where,
        "next_step": cause.next_step,
    }


def utc(seconds: float) -> str | None:
    """Unix seconds as RFC 3339 with milliseconds; None for a time that is not known."""
    if not 0 < seconds < _YEAR_10000:
        return None
    return (
        dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _number(value: float | None) -> float | str | None:
    """A raw sample; JSON has no NaN and no infinity, so these are text."""
    return value if value is None or math.isfinite(value) else str(value)


def _reading(reading: Reading) -> dict[str, Any]:
    if isinstance(reading, Value):
        return {"query": reading.query, "value": reading.value, "at": utc(reading.at)}
    return {"query": reading.query, "value": None, "missing": str(reading)}
