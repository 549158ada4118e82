"""
Fleets of many realms behind one API: a real Prometheus with the rule set of the fleet, and how long a look at it takes.

`python -m benchmarks.fleet [REALMS...]` prints a row for each size: seconds of a look, memory of this process, and what
was found of the realms that are broken.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.fleet_engines import ENGINES, PROMETHEUS, VICTORIA, imported, prometheus, victoria
from benchmarks.fleet_service import BROKEN, NOT_KEPT, broken_realms, realm_names
from l4gate.base import PROMETHEUS_DIR, StackError, Verdict, wait_until
from l4gate.contract import Pace, load_contract
from l4gate.machine import free_port
from l4gate.programs import host_promtool
from l4gate.prometheus_api import PrometheusApi
from l4gate.report import markdown_table
from l4gate.rules import render
from l4gate.sandbox import DAY_SECONDS, Series, write_blocks
from l4gate.settings import Settings
from l4gate.verdict import Judge, Look, judge_for

_GO_SECONDS: Final = 900.0  # of production time, until every window has what it asks for
_QUIET_SECONDS: Final = (
    600.0  # between the history and what lives, longer than the windows of heartbeat rules
)
_ROOM: Final = 1.02  # more than the least that a mean asks for
_FACTOR: Final = 10.0
_MOST_SCALED: Final = 100  # realms; of more, a server on two cores has no time left beside its rules
SIZES: Final = (10, 100, 1000, 10_000)
_ONE_BROKEN_OF: Final = 200  # and each way once, where there are fewer
MOST_MEGABYTES: Final = 400
BARS: Final = {1000: 1.0, 10_000: 8.0}  # seconds of a look, on two cores


# What is kept back to be sent in larger parts would be seen too late in scaled time.
_REMOTE_WRITE: Final = """
remote_write:
  - url: {url}
    queue_config: {{ batch_send_deadline: 100ms }}
"""


@dataclass(frozen=True)
class FleetServer:
    """A running server with the data of a fleet: its URL, the settings to judge it by, and which realms are broken."""

    url: str
    settings: Settings
    broken: Mapping[str, str]
    causes: Mapping[str, str]  # by the way in which a realm is broken

    def judge(self) -> Judge:
        """A new judge of all its realms."""
        return judge_for(self.settings, self.url)


def history(now: float, pace: Pace, realms: tuple[str, ...]) -> Iterator[Series]:
    """Of each realm what means over a day ask for that decide, and of nothing else: what they are recorded from."""
    contract = pace.contract
    end = now - pace.lookback - _QUIET_SECONDS / pace.factor
    needed = {
        each.covered.metric: each.covered.least
        for each in contract.recorded.values()
        if each.covered is not None and each.covered.least < DAY_SECONDS
    }
    for name, least in needed.items():
        each = contract.recorded[name]
        count = round(_ROOM * least / contract.pace.rules)
        times = [end - (count - index) * pace.rule_interval for index in range(count)]
        for realm in realms if each.past is not None else ():
            yield Series(name, {contract.realm.label: realm}, [(at, each.past or 0.0) for at in times])


@contextmanager
def fleet_server(
    count: int,
    *,
    factor: float,
    generation: str,
    broken: int = 0,
    folder: Path,
    first: int = 0,
    writes_to: str = "",
    engine: str = PROMETHEUS,
) -> Iterator[FleetServer]:
    """
    A server that scrapes a fleet of `count` realms and evaluates its rules, of one of the ENGINES.

    `first` is the number of its first realm; with `writes_to` it writes everything to that URL as well.

    Raises:
        StackError: if it does not start.
    """
    contract = load_contract(PROMETHEUS_DIR)
    pace, realms = Pace(factor, contract), realm_names(count, first)
    settings = Settings(factor=factor, realms=realms, generation=generation)
    service = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.fleet_service",
            PROMETHEUS_DIR,
            str(factor),
            str(count),
            str(broken),
            str(first),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        gateway, exporter = (service.stdout or sys.stdin).readline().split()
        port = free_port()
        addresses = {
            "prometheus:9090": f"127.0.0.1:{port}",
            "pushgateway:9091": f"127.0.0.1:{gateway}",
            "node-exporter:9100": f"127.0.0.1:{exporter}",
            "alertmanager:9093": "127.0.0.1:9",
        }
        render(PROMETHEUS_DIR, folder / "config", factor=factor, realms=realms, addresses=addresses)
        if writes_to:
            config = folder / "config/prometheus.yml"
            config.write_text(config.read_text() + _REMOTE_WRITE.format(url=writes_to))
        promtool = host_promtool(generation, settings.cache_dir)
        past = history(time.time(), pace, realms)
        if engine == VICTORIA:
            (folder / "past").write_text("".join(imported(past)))
        else:
            write_blocks(past, folder / "data", promtool)
        run = victoria if engine == VICTORIA else prometheus
        with run(folder, port, settings) as (url, more):
            causes = {**BROKEN, **(NOT_KEPT if engine == VICTORIA else {})}
            yield FleetServer(url, replace(settings, **more), broken_realms(count, broken, first), causes)
    finally:
        service.kill()
        service.communicate()


def until_settled(server: FleetServer, judge: Judge) -> tuple[Look, ...]:
    """
    Looks until every realm that is not broken is GO.

    Raises:
        NotReady: naming what is not, when that does not come.
    """
    pace = judge.expectation.pace
    looks: tuple[Look, ...] = ()

    def settled() -> bool:
        nonlocal looks
        looks = judge.look()
        return not _not_go(looks, server.broken)

    wait_until(
        settled,
        deadline_seconds=_GO_SECONDS / pace.factor + 60,
        interval_seconds=pace.rule_interval / 2,
        what="every healthy realm to be GO",
        last_seen=lambda: str(Counter(_not_go(looks, server.broken).values())),
    )
    return looks


def said(looks: tuple[Look, ...]) -> dict[str, str]:
    """By realm, the first cause, or the verdict where there is none."""
    return {
        look.decision.realm: look.decision.cause.id if look.decision.cause else look.decision.verdict.name
        for look in looks
    }


def _not_go(looks: tuple[Look, ...], broken: Mapping[str, str]) -> dict[str, str]:
    return {
        realm: what for realm, what in said(looks).items() if what != Verdict.GO.name and realm not in broken
    }


def wrongly_named(looks: tuple[Look, ...], server: FleetServer) -> dict[str, str]:
    """The broken realms whose first cause is not the right one, each with what was said in its place."""
    found = said(looks)
    return {realm: found[realm] for realm, way in server.broken.items() if found[realm] != server.causes[way]}


def timed_looks(judge: Judge, count: int) -> list[float]:
    """Seconds of each of so many looks, each of them at a new evaluation of the rules."""
    seconds = []
    for _ in range(count):
        evaluated = dict(judge.memory.counted)
        began = time.monotonic()
        judge.look()
        seconds.append(time.monotonic() - began)
        wait_until(
            lambda before=evaluated: _newer(judge.api, judge, before),  # type: ignore[misc]
            deadline_seconds=3 * judge.expectation.pace.rule_interval + 10,
            interval_seconds=0.2,
            what="a new evaluation",
        )
    return seconds


def _newer(api: PrometheusApi, judge: Judge, before: Mapping[str, float]) -> bool:
    name = judge.expectation.pace.contract.heartbeat.ok
    answer = api.query(f"max(timestamp({name}))")
    return bool(answer.series) and answer.series[0].last.value > before.get(name, 0.0)


def megabytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(
    count: int, generation: str, *, looks: int = 3, engine: str = PROMETHEUS
) -> tuple[list[float], float, dict[str, str]]:
    """Seconds of looks at a fleet, memory in MB, and what was named wrongly of the broken ones."""
    broken = min(max(count // _ONE_BROKEN_OF, len(BROKEN)), count // 2)
    # With more realms the server needs longer for an evaluation, and a beat must come in time.
    factor = _FACTOR if count <= _MOST_SCALED else 1.0
    with (
        tempfile.TemporaryDirectory(prefix="l4-fleet-") as folder,
        fleet_server(
            count,
            factor=factor,
            generation=generation,
            broken=broken,
            folder=Path(folder),
            engine=engine,
        ) as server,
    ):
        judge = server.judge()
        found = until_settled(server, judge)
        return timed_looks(judge, looks), megabytes(), wrongly_named(found, server)


def looks_at(count: int, engine: str) -> list[float]:
    """
    Seconds of looks at a fleet, measured in a process of its own.

    Raises:
        StackError: if a broken realm was named wrongly, or a look took more memory than it may.
    """
    command = [sys.executable, "-m", "benchmarks.fleet", str(count), "--engine", engine, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError((done.stderr + done.stdout)[-2000:])
    found = json.loads(done.stdout)
    if found["named wrongly"] or found["megabytes"] > MOST_MEGABYTES:
        message = f"expected every broken realm named, within {MOST_MEGABYTES} MB, found {found}."
        raise StackError(message)
    return [float(each) for each in found["seconds"]]


def main(arguments: list[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description="how long a look at a fleet takes")
    parser.add_argument("realms", type=int, nargs="*", default=SIZES)
    parser.add_argument("--engine", choices=ENGINES, default=PROMETHEUS)
    parser.add_argument("--json", action="store_true", help="a line of JSON for each size")
    given = parser.parse_args(arguments)
    rows, wrong = [], False
    for count in given.realms:
        seconds, memory, misnamed = measured(count, Settings().generation, engine=given.engine)
        wrong = wrong or bool(misnamed)
        if given.json:
            found = {"realms": count, "seconds": seconds, "megabytes": memory, "named wrongly": misnamed}
            print(json.dumps(found), flush=True)
        rows.append(
            (
                str(count),
                " ".join(f"{each:.2f}" for each in seconds),
                f"{memory:.0f}",
                str(misnamed or "none"),
            )
        )
    if not given.json:
        print(markdown_table(("realms", "seconds of looks", "MB", "named wrongly"), rows))
    return int(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
