"""
The floor: the three programs started by hand, at the intervals of the sandbox, and beaten with a bare curl.

No reaping, no free-port dance, no history, no checks, no evidence: what is left is what the programs themselves need.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import requests

from fixtures.contract import CONSECUTIVE_EVALUATIONS, OK, PUSH_INSTANCE, PUSH_JOB, RAW_SEQ, RAW_TS
from l4gate.contract import Pace
from l4gate.machine import free_port
from l4gate.programs import find_program
from l4gate.rules import render
from l4gate.settings import Settings

_LIMIT_SECONDS = 60.0


def push(gateway: str, seq: int) -> None:
    """One beat with nothing but curl."""
    realm = '{metric_realm="prod"}'
    body = f"{RAW_TS}{realm} {time.time():.3f}\n{RAW_SEQ}{realm} {seq}\n"
    url = f"{gateway}/metrics/job/{PUSH_JOB}/instance/{PUSH_INSTANCE}"
    subprocess.run(
        ["curl", "--silent", "--fail", "--data-binary", "@-", url], input=body.encode(), check=True
    )


def cold_start_seconds(settings: Settings) -> float:
    """From nothing to `duri_heartbeat_ok == 1` at two rule evaluations, in seconds."""
    pace = settings.pace
    names = ("prometheus", "pushgateway", "node_exporter")
    program = {name: find_program(name, settings.generation, settings.cache_dir).path for name in names}
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        began = time.monotonic()
        address = {name: f"127.0.0.1:{free_port()}" for name in names}
        (folder / "textfile").mkdir()
        render(
            settings.config_dir,
            folder / "config",
            factor=settings.factor,
            realms=("prod",),
            addresses={
                "prometheus:9090": address["prometheus"],
                "pushgateway:9091": address["pushgateway"],
                "node-exporter:9100": address["node_exporter"],
            },
        )
        commands: dict[str, list[str]] = {
            "pushgateway": [],
            "node_exporter": [
                "--collector.disable-defaults",
                "--collector.textfile",
                f"--collector.textfile.directory={folder / 'textfile'}",
            ],
            "prometheus": [
                f"--config.file={folder / 'config' / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
            ],
        }
        for name, arguments in commands.items():
            log = cleanup.enter_context((folder / f"{name}.log").open("wb"))
            command = [str(program[name]), f"--web.listen-address={address[name]}", *arguments]
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
            cleanup.callback(process.wait)
            cleanup.callback(process.kill)
        return _beat_until_ok(address, pace, began)


def _beat_until_ok(address: dict[str, str], pace: Pace, began: float) -> float:
    good: set[float] = set()
    next_beat, seq = began, 0
    while time.monotonic() - began < _LIMIT_SECONDS:
        if time.monotonic() >= next_beat:
            try:
                push(f"http://{address['pushgateway']}", seq := seq + 1)
                next_beat += pace.beat_interval
            except subprocess.CalledProcessError:
                pass  # not up yet: again at once
        good |= _good_evaluations(f"http://{address['prometheus']}", pace)
        if len(good) >= CONSECUTIVE_EVALUATIONS:
            return time.monotonic() - began
        time.sleep(0.01)  # as often as the gate looks
    message = f"the hand-started stack was not ok within {_LIMIT_SECONDS:g} s"
    raise TimeoutError(message)


def _good_evaluations(prometheus: str, pace: Pace) -> set[float]:
    """The times of the recorded samples of the last two intervals that say ok."""
    window = f"{round(pace.rule_interval * 4000)}ms"
    try:
        answer = requests.get(f"{prometheus}/api/v1/query", params={"query": f"{OK}[{window}]"}, timeout=5)
        series = answer.json()["data"]["result"]
    except (requests.RequestException, KeyError):
        return set()  # not up yet
    return {at for each in series for at, value in each["values"] if value == "1"}
