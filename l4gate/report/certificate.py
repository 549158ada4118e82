"""A certificate as plain data, and the files that are written of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from l4gate.certificate import Certificate, CriterionResult, Interval, SeriesHistory
from l4gate.contract import Pace
from l4gate.report.as_json import utc
from l4gate.report.certificate_page import certificate_html, certificate_svg
from l4gate.report.write import write_atomically


def certificate_as_dict(certificate: Certificate, facts: Mapping[str, str]) -> dict[str, Any]:
    """The certificate as plain data; times are RFC 3339 in UTC, durations seconds, shares from 0 to 1."""
    window = certificate.window
    return {
        "verdict": certificate.verdict.name,
        "exit_code": certificate.verdict.exit_code,
        "certified": certificate.certified,
        "level": certificate.level,
        "why_not": list(certificate.why_not),
        "realm": certificate.realm,
        "window": {**_interval(window), "factor": window.pace.factor},
        "criteria": [criterion_as_dict(result, window.pace) for result in certificate.results],
        "aborts": [
            {"alert": each.alert, "proven": each.proven, **_interval(each)} for each in certificate.aborts
        ],
        "violations": [_interval(each) for each in certificate.violations],
        "stability": {
            "metric": window.pace.contract.levels.metric,
            "mean": certificate.stability.mean,
            "measured_share": certificate.stability.measured,
            "rises": [{**_interval(each), "height": each.height} for each in certificate.stability.rises],
        },
        "facts": dict(facts),
    }


def criterion_as_dict(result: CriterionResult, pace: Pace) -> dict[str, Any]:
    """One criterion as plain data."""
    criterion = result.criterion
    return {
        "id": criterion.id,
        "met": result.met,
        "metric": criterion.metric,
        "op": criterion.op,
        "limit": pace.scaled(criterion.metric, criterion.limit),
        "when": criterion.when.value,
        "required_share": criterion.share,
        "value": result.value,
        "share": result.share,
        "measured_share": result.measured,
        "why": result.why,
        "violations": [
            {**_interval(each), "kind": "gap" if each.worst is None else "value", "worst": each.worst}
            for each in result.violations
        ],
    }


def write_certificate(
    certificate: Certificate, histories: Mapping[str, SeriesHistory], facts: Mapping[str, str], folder: Path
) -> tuple[Path, ...]:
    """Writes JSON, HTML and SVG, each whole or not at all; returns their paths."""
    stem = f"l4-certificate-{certificate.realm}"
    texts = {
        ".json": json.dumps(certificate_as_dict(certificate, facts), indent=2, allow_nan=False) + "\n",
        ".html": certificate_html(certificate, histories, facts),
        ".svg": certificate_svg(certificate, histories),
    }
    for suffix, content in texts.items():
        write_atomically(folder / f"{stem}{suffix}", content)
    return tuple(folder / f"{stem}{suffix}" for suffix in texts)


def _interval(interval: Interval) -> dict[str, Any]:
    return {"start": utc(interval.start), "end": utc(interval.end), "seconds": round(interval.seconds, 3)}
