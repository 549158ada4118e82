"""`l4gate certify`: what the last hours prove, criterion by criterion."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import time
from typing import Any, Final

from l4gate.base import UsageError, Verdict, parse_duration, worst
from l4gate.certificate import Window, certify_window, moment
from l4gate.commands._sound import ensure_sound_settings
from l4gate.contract import CHECKS, Pace
from l4gate.prometheus_api import PrometheusApi, caller_of, external_of
from l4gate.report import (
    certificate_as_dict,
    certificate_lines,
    criterion_as_dict,
    judged_by,
    judged_lines,
    plain_line,
    utc,
    write_certificate,
)
from l4gate.rules import rendered_rules
from l4gate.settings import Settings
from l4gate.verdict import TenantProof

HELP: Final = (
    "certify a window of a running server: certified (exit 0), not certified (10), abort in the window (20)"
)
OPTIONS: Final = (
    "url",
    "realm",
    "factor",
    "report-dir",
    "external-label",
    "config-dir",
    "bearer-token-file",
    "basic-auth-file",
    "header-file",
    "client-cert",
    "client-key",
    "cache-dir",
)
_TIMEOUT_SECONDS: Final = (
    30.0  # per piece; a server that reads 10,000 samples from a slow disk is no broken server
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the window, the single checks and `--json`."""
    parser.add_argument(
        "--window",
        default="24h",
        metavar="DURATION",
        help="how much production time is judged (default: %(default)s)",
    )
    parser.add_argument(
        "--until",
        metavar="TIME",
        help="where the window ends, RFC 3339 or Unix seconds (default: the server's now)",
    )
    parser.add_argument(
        "--check",
        choices=CHECKS,
        help="judge the criteria of one required check alone, over the time that it asks for",
    )
    parser.add_argument("--json", action="store_true", help="print the certificate as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Measures, judges, prints, and writes the report of each realm."""
    if settings.url is None:
        message = "certify needs a server to judge."
        raise UsageError(message, next_step="give --url http://HOST:PORT.")
    seconds = parse_duration(args.window)
    if seconds <= 0:
        message = f"--window: expected a duration above 0, found {args.window!r}."
        raise UsageError(message)
    asked = parse_time(args.until) if args.until else None
    ensure_sound_settings(settings)
    started = time.monotonic()
    api = PrometheusApi(
        settings.url,
        timeout_seconds=_TIMEOUT_SECONDS,
        caller=caller_of(settings),
    )
    api.external = external_of(settings)
    now = api.now()
    end = now if asked is None else asked
    if end > now:
        message = (
            f"--until: expected a time that has passed on the server, found one {end - now:.0f} s ahead."
        )
        raise UsageError(message)
    pace = settings.pace
    tenants = TenantProof()
    for realm in settings.realms:
        tenants.ensure(api, pace, realm, end)
    if args.check:
        return _check(args, settings, api, end, pace)
    window = Window(end - seconds / pace.factor, end, pace)
    groups = rendered_rules(settings.config_dir, factor=settings.factor, realms=settings.fleet)
    named = judged_by(settings, groups, api).facts()
    payloads, verdicts = [], []
    for realm in settings.realms:
        certificate, histories = certify_window(api, realm, window)
        facts = {
            "server": settings.url,
            **named,
            "asked at": utc(now) or "",
            "took": f"{time.monotonic() - started:.2f} s",
            "time factor": f"{pace.factor:g}",
        }
        verdicts.append(certificate.verdict)
        payloads.append(certificate_as_dict(certificate, facts))
        written = write_certificate(certificate, histories, facts, settings.report_dir)
        if not args.json:
            print("\n".join(certificate_lines(certificate)))
            print(*map(plain_line, judged_lines(named)), sep="\n")
            print(f"  report   {', '.join(str(path) for path in written)}")
    if args.json:
        print(json.dumps(_payload(verdicts, payloads), indent=2, allow_nan=False))
    return worst(verdicts).exit_code


def parse_time(text: str) -> float:
    """
    Unix seconds of a time given as such or as RFC 3339 with a zone.

    Raises:
        UsageError: if it is neither, or before 1970.
    """
    try:
        found = float(text)
    except ValueError:
        found = _rfc3339(text)
    if not 0 <= found < math.inf:  # no number is not, either
        message = f"expected a time such as 2024-05-01T00:00:00Z or 1714521600, found {text!r:.60}."
        raise UsageError(message)
    return found


def _rfc3339(text: str) -> float:
    """Unix seconds; not a number if it is no such time, or has no zone."""
    try:
        given = dt.datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return given.timestamp() if given.tzinfo else math.nan


def _payload(verdicts: list[Verdict], realms: list[dict[str, Any]]) -> dict[str, Any]:
    verdict = worst(verdicts)
    return {"verdict": verdict.name, "exit_code": verdict.exit_code, "realms": realms}


def _check(args: argparse.Namespace, settings: Settings, api: PrometheusApi, at: float, pace: Pace) -> int:
    """Judges one required check at one moment. What was not measured is HOLD like what is out of bounds."""
    verdicts, payloads = [], []
    criteria, seconds = pace.contract.criteria.of_check(args.check)
    for realm in settings.realms:
        results = moment(api, realm, at, pace, criteria, over=seconds)
        verdict = Verdict.GO if all(result.met for result in results) else Verdict.HOLD
        verdicts.append(verdict)
        payloads.append(
            {
                "realm": realm,
                "check": args.check,
                "verdict": verdict.name,
                "at": utc(at),
                "criteria": [criterion_as_dict(result, pace) for result in results],
            }
        )
        if not args.json:
            print(f"{realm}: {args.check} {verdict.name}")
            for result in results:
                found = "no sample" if result.value is None else f"{result.value:.6g}"
                mark = "met" if result.met else "NOT MET"
                print(
                    f"  {mark:<8} {result.criterion.id:<22} {result.criterion.bounds(pace)}: {result.why or found}"
                )
    if args.json:
        print(json.dumps(_payload(verdicts, payloads), indent=2, allow_nan=False))
    return worst(verdicts).exit_code
