"""Faults behind the verdict: an alert fires, and nobody hears of it. The verdict stays, and a warning says why."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import yaml

from l4gate.base import Verdict, wait_until, yamldoc
from l4gate.faults.model import Action, Fault, Site, asked_of_the_judge
from l4gate.faults.tools import killed
from l4gate.prometheus_api import AlertmanagerApi, new_session
from l4gate.rules import ALERTING_FILE
from l4gate.sandbox import teller
from l4gate.stack import ALERTMANAGER
from l4gate.verdict import Cause, Decision

_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
_MAINTENANCE: Final = "Maintenance"
_REASON: Final = "Who is told is advisory: no verdict depends on it, in neither direction."


class _Unheard:
    """A way to keep an alert from people, and the judge's look with what the sandbox's teller says beside it."""

    def __init__(self, broken: Action) -> None:
        self._broken = broken
        self._why_untold: Callable[[], tuple[Cause, ...]] = tuple

    @contextmanager
    def action(self, site: Site) -> Iterator[None]:
        """Breaks it; calls that had failed before are of another fault."""
        stack = site.sandbox.stack
        failed = AlertmanagerApi(str(stack.alertmanager_url)).failed_notifications()
        self._why_untold = teller(stack, site.contract, failed_before=failed)
        with self._broken(site):
            yield

    def ask(self, site: Site) -> Decision:
        """See `Fault.ask`."""
        decision = asked_of_the_judge(site)
        return replace(decision, warnings=(*decision.warnings, *self._why_untold()))


def _post(site: Site, path: str, content: Any) -> Any:
    url = f"{site.sandbox.stack.alertmanager_url}{path}"
    with new_session(url) as session:
        answer = session.post(url, json=content, timeout=_SECONDS)
        answer.raise_for_status()
        return json.loads(answer.text) if answer.text else None


@contextmanager
def _silenced(site: Site) -> Iterator[None]:
    now = datetime.now(UTC)
    silence = _post(
        site,
        "/api/v2/silences",
        {
            "matchers": [{"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "l4gate faults",
            "comment": "everything",
        },
    )
    try:
        yield
    finally:
        url = f"{site.sandbox.stack.alertmanager_url}/api/v2/silence/{silence['silenceID']}"
        with new_session(url) as session:
            session.delete(url, timeout=_SECONDS).raise_for_status()


@contextmanager
def _answering(site: Site, status: int) -> Iterator[None]:
    """Has every receiver call a pager that answers so; none calls anybody afterwards, as in every sandbox."""

    class Pager(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    stack = site.sandbox.stack
    with ThreadingHTTPServer((stack.host_address, 0), Pager) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.notify(f"http://{stack.host_address}:{server.server_address[1]}")
        try:
            yield
        finally:
            stack.notify("")
            server.shutdown()


def _configured(change: Callable[[dict[str, Any], str], None]) -> Action:
    """Receivers that call a pager, with one change of the configuration, which is told the watchdog's receiver."""

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        with _answering(site, 200):
            (receiver,) = wait_until(
                lambda: [
                    name
                    for alert in AlertmanagerApi(str(site.sandbox.stack.alertmanager_url)).alerts()
                    if alert.labels.get("alertname") == site.contract.watchdog
                    for name in alert.receivers
                ],
                deadline_seconds=_SECONDS,
                interval_seconds=_POLL_SECONDS,
                what="the Alertmanager to know the watchdog",
            )
            path = site.sandbox.stack.config_dir / ALERTING_FILE
            config = yamldoc.plain(path.read_text(), str(path))
            change(config, receiver)
            path.write_text(yaml.safe_dump(config))
            _post(site, "/-/reload", None)
            now = datetime.now(UTC)
            # What inhibits, for whom there is a rule of it.
            _post(
                site, "/api/v2/alerts", [{"labels": {"alertname": _MAINTENANCE}, "startsAt": now.isoformat()}]
            )
            yield

    return action


def _without_calls(config: dict[str, Any], receiver: str) -> None:
    for each in config["receivers"]:
        if each["name"] == receiver:
            each.pop("webhook_configs")


def _with_inhibition(config: dict[str, Any], _receiver: str) -> None:
    config["inhibit_rules"] = [
        {"source_matchers": [f'alertname="{_MAINTENANCE}"'], "target_matchers": ['l4=~"abort|watchdog"']}
    ]


def _fault(name: str, says: str, broken: Action) -> Fault:
    unheard = _Unheard(broken)
    return Fault(
        f"verdict/{name}",
        says,
        unheard.action,
        Verdict.GO,
        warnings=("verdict/nobody-told",),
        ask=unheard.ask,
        reason=_REASON,
    )


FAULTS: Final = (
    _fault("told-silenced", "Somebody has silenced every alert.", _silenced),
    _fault(
        "told-inhibited", "Another alert inhibits the aborts and the watchdog.", _configured(_with_inhibition)
    ),
    _fault("told-to-nobody", "The watchdog's receiver calls nobody.", _configured(_without_calls)),
    _fault("told-refused", "What receivers call answers 500.", lambda site: _answering(site, 500)),
    _fault("told-by-nobody", "The Alertmanager is dead.", lambda site: killed(site, ALERTMANAGER)),
)
