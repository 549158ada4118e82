"""The deadline bounds all requests of all looks and realms together; what has not answered by then is HOLD."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

import pytest

from fixtures import contract
from fixtures.fake_server import CONFIG, GROUPS, NOW, PACE, FakeServer, fires, held
from fixtures.wire import serve, success
from l4gate.base import ApiUnreachable, Verdict, deadline, keep_deadline, seconds_left
from l4gate.prometheus_api import Answer, PrometheusApi
from l4gate.verdict import Expectation, Judge, Memory

DEADLINE = 3.0  # seconds
ROOM = (
    0.5  # seconds beyond the deadline, for the command to start and to report; more where that takes longer
)
DATA = {
    "time": {"resultType": "scalar", "result": [1.7e9, "1700000000"]},
    "query": {"resultType": "vector", "result": []},
    "rules": {"groups": []},
    "buildinfo": {"version": "3.5.0"},
    "targets": {"activeTargets": []},
}


def decide(url: str, deadline_seconds: float, realms: int) -> tuple[subprocess.CompletedProcess[str], float]:
    """What `decide` says, and the seconds that it took."""
    command = [sys.executable, "-m", "l4gate", "decide", "--json", f"--deadline={deadline_seconds:g}"]
    command += [f"--url={url}", *(f"--realm=r{number}" for number in range(realms))]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done, time.monotonic() - began


# Nobody else works while one of these does: by day each delay once, with one realm or with ten.
BY_DAY = {(0.3, 10), (0.9, 1), (1.9, 10), (5.0, 1)}


@pytest.mark.alone
@pytest.mark.parametrize(
    ("delay", "realms"),
    [
        pytest.param(*each, marks=[] if each in BY_DAY else [pytest.mark.nightly])
        for each in itertools.product([0.3, 0.9, 1.9, 5.0], [1, 10])
    ],
)
def test_slow_answers_do_not_stretch_the_deadline(delay: float, realms: int) -> None:
    """`decide` must end at its deadline with HOLD and say what it waited for, however slowly the server answers."""
    stop = threading.Event()

    def late(connection: socket.socket, line: str) -> None:
        path = line.split(" ")[1]
        kind = "time" if "time%28%29" in path else path.partition("?")[0].rpartition("/")[2]
        stop.wait(delay)
        connection.sendall(success(DATA.get(kind, {})))

    with serve(late) as (url, _):
        done, seconds = decide(url, DEADLINE, realms)
        stop.set()

    assert done.returncode == Verdict.HOLD.exit_code, done.stderr
    if (
        seconds > DEADLINE + ROOM
    ):  # then what this machine takes for a server that refuses at once, and 0.1 s of asking
        _, started = decide("http://127.0.0.1:1", 0.1, realms)
        assert seconds <= DEADLINE + max(ROOM, 2 * started)
    judged = json.loads(done.stdout)["realms"]
    assert [each["verdict"] for each in judged] == ["HOLD"] * realms
    assert "deadline" in json.dumps(judged) or delay * 6 * realms < DEADLINE


def test_nothing_is_asked_after_the_end() -> None:
    """After the deadline no request must be sent, and afterwards all is as before."""
    with serve(lambda connection, _line: connection.sendall(success(DATA["time"]))) as (url, seen):
        api = PrometheusApi(url)
        with (
            deadline(time.monotonic() - 1),
            pytest.raises(ApiUnreachable, match="not asked: the deadline had passed"),
        ):
            api.now()
        assert seen == []
        assert api.now() == DATA["time"]["result"][0]


class Hanging(FakeServer):
    """Answers one look, and nothing of the next before the deadline."""

    looks = 0

    def ask(
        self, path: str, params: Mapping[str, str] | None = None, *, method: str = "GET", most_bytes: int = 0
    ) -> Answer:
        self.looks += (params or {}).get("query", "").startswith("time()")
        if self.looks > 1:
            threading.Event().wait(seconds_left())
            keep_deadline("a question")
        return super().ask(path, params, method=method, most_bytes=most_bytes)


def test_a_look_that_was_cut_short_hides_no_abort() -> None:
    """Who waits for a GO must be told of the ABORT in the way, and not that the last look of all did not end."""
    server, memory = Hanging(), Memory(wall=lambda: NOW)
    held(server, contract.LYAPUNOV, "0.5", seconds=7)
    fires(server, "/api/v1/rules")
    memory.saw_new_evaluation(NOW - 0.6, "prod")
    waiting = Judge(server, server, Expectation(PACE, GROUPS, CONFIG), ("prod",), memory=memory)
    (look,) = waiting.judge(0.5, until=frozenset({Verdict.GO}))

    assert server.looks == 2
    assert look.decision.verdict is Verdict.ABORT, look.decision.cause
