"""
The writers and services of thousands of realms, as one target: what a Pushgateway would show that they all push to.

Ten thousand writers that push each minute leave two cores no time for anything else. So their series are made here and
served over HTTP, healthy ones in step, and some realms broken in one of the ways of BROKEN.

Run it as `python -m benchmarks.fleet_service CONTRACT_DIR FACTOR REALMS BROKEN FIRST`: it prints the two ports that it
listens on, of the gateway and of the exporter, and ends with its standard input.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from l4gate.contract import Contract, Pace, load_contract

_STALE_SECONDS: Final = 3600.0
_AHEAD_SECONDS: Final = 3600.0
_STRANGER: Final = "stranger"
_PUSHED, _FAILED = "push_time_seconds", "push_failure_time_seconds"

# How a realm can be broken, and the cause that the gate has to name.
BROKEN: Final[Mapping[str, str]] = {
    "dead": "writer/stale",
    "stuck": "writer/stuck-sequence",
    "ahead": "writer/clock-ahead",
    "silent": "writer/no-heartbeat",
    "no-number": "writer/not-a-number",
    "no-rate": "verdict/abort-input-missing",
    "stray": "transport/stray-input",
    "refused": "transport/push-rejected",
    "wrong-job": "transport/label-mismatch",
    "wrong-instance": "transport/required-path-dead",
}

# VictoriaMetrics keeps no sample that is no number, so there is none.
NOT_KEPT: Final[Mapping[str, str]] = {"no-number": "writer/no-heartbeat"}


def realm_names(count: int, first: int = 0) -> tuple[str, ...]:
    """The realms of a fleet of that size, numbered from `first` on."""
    return tuple(f"realm-{number:05d}" for number in range(first, first + count))


def broken_realms(count: int, broken: int, first: int = 0) -> Mapping[str, str]:
    """Which realms of such a fleet are broken, evenly among the others, and how: each way in its turn."""
    if not broken:
        return {}
    names, ways = realm_names(count, first), list(BROKEN)
    step = max(count // broken, 1)
    return {name: ways[number % len(ways)] for number, name in enumerate(names[step // 2 :: step][:broken])}


class FleetService:
    """What all realms publish, at one pace. Times are Unix seconds."""

    def __init__(self, pace: Pace, realms: tuple[str, ...], broken: Mapping[str, str]) -> None:
        self._pace, self._contract = pace, pace.contract
        self._label = self._contract.realm.label
        self._began = time.time()
        self._healthy = [name for name in realms if name not in broken]
        self._broken = broken
        self._prefixes: dict[str, list[str]] = {}

    def text(self, now: float) -> str:
        """The page of the gateway."""
        beat = self._pace.beat_interval
        number = int(now / beat)
        lines = self._of(self._healthy, number * beat, str(number), now)
        for realm, way in self._broken.items():
            lines += self._broken_realm(realm, way, number, now)
        return "".join(lines)

    def _of(
        self,
        realms: list[str],
        at: float,
        sequence: str,
        now: float,
        *,
        job: str = "",
        instance: str = "",
        without: frozenset[str] = frozenset(),
    ) -> list[str]:
        contract = self._contract
        heart = {"job": job or contract.heartbeat.job, "instance": instance or contract.heartbeat.instance}
        values = {contract.heartbeat.time: repr(at), contract.heartbeat.sequence: sequence}
        values |= {_PUSHED: repr(now), _FAILED: "0"}
        found = [
            self._lines(name, heart, realms, value) for name, value in values.items() if name not in without
        ]
        service = {"job": contract.simulation.job, "instance": contract.heartbeat.instance}
        beats = (now - self._began) / self._pace.beat_interval
        for name, each in contract.inputs.items():
            if each.simulated is None or each.kind == "histogram" or name in without:
                continue
            done = int(beats) * each.simulated.value
            value = done if each.kind == "counter" else self._pace.scaled(name, each.simulated.value)
            found.append(self._lines(name, {**service, **each.simulated.labels}, realms, repr(float(value))))
        return found

    def _lines(self, name: str, labels: Mapping[str, str], realms: list[str], value: str) -> str:
        inner = ",".join(f'{label}="{text}"' for label, text in labels.items())
        key = f"{name}{inner}{realms[0]}"
        if key not in self._prefixes:
            self._prefixes[key] = [f'{name}{{{inner},{self._label}="{realm}"}}' for realm in realms]
        ending = f" {value}\n"
        return ending.join(self._prefixes[key]) + ending

    def _broken_realm(self, realm: str, way: str, number: int, now: float) -> list[str]:
        contract, factor = self._contract, self._pace.factor
        at, sequence = number * self._pace.beat_interval, str(number)
        match way:
            case "dead":
                at, sequence = self._began - _STALE_SECONDS / factor, "7"
            case "stuck":
                sequence = "7"
            case "ahead":
                at += _AHEAD_SECONDS / factor
            case "no-number":
                at = math.nan
        without = {
            "silent": frozenset((contract.heartbeat.time, contract.heartbeat.sequence)),
            "no-rate": frozenset((self._input(contract),)),
            "refused": frozenset((_FAILED,)),
        }
        job = _STRANGER if way == "wrong-job" else ""
        instance = _STRANGER if way == "wrong-instance" else ""
        found = self._of(
            [realm], at, sequence, now, job=job, instance=instance, without=without.get(way, frozenset())
        )
        if way == "stray":
            found.append(self._lines(self._input(contract), {"job": _STRANGER}, [realm], "0"))
        if way == "refused":
            heart = {"job": contract.heartbeat.job, "instance": contract.heartbeat.instance}
            found.append(self._lines(_FAILED, heart, [realm], repr(now + 1)))
        return found

    @staticmethod
    def _input(contract: Contract) -> str:
        """An input without which the energy cannot be worked out: its first gauge of known jobs."""
        return next(
            name
            for name, each in contract.inputs.items()
            if each.kind == "gauge" and each.simulated and each.jobs
        )


def serve(service: FleetService) -> tuple[ThreadingHTTPServer, ThreadingHTTPServer]:
    """Serves the gateway's page and an exporter's, each on a port of its own, in threads."""

    def page(text: bytes | None) -> type[BaseHTTPRequestHandler]:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = service.text(time.time()).encode() if text is None else text
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Page

    servers = tuple(
        ThreadingHTTPServer(("127.0.0.1", 0), page(text))
        for text in (None, b"node_textfile_scrape_error 0\n")
    )
    for each in servers:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    return servers[0], servers[1]


def main(arguments: list[str]) -> None:
    """See the module."""
    folder, factor, *numbers = arguments
    count, broken, first = map(int, numbers)
    pace = Pace(float(factor), load_contract(Path(folder)))
    service = FleetService(pace, realm_names(count, first), broken_realms(count, broken, first))
    print(*(server.server_address[1] for server in serve(service)), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
