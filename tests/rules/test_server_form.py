"""Rules as real servers of all three generations print them, against the files they were loaded from."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from l4gate.base import yamldoc
from l4gate.programs import find_program
from l4gate.rules import diff_rules, groups_from_api, load_rules, render, rules_hash
from l4gate.settings import GENERATIONS, default_cache_dir

SOURCE = Path("prometheus")
SHAPES = r"""
up
up{b="1",a="2"}
{__name__="up",job=~"a|b"}
{__name__=~"up.*"}
up offset 5m
up offset -90s
up @ 1600000000.123
up @ start()
rate(x[60m])
rate(x[1h30m] offset 1d)
max_over_time(rate(x[5m])[1h:1m] offset 5m)
max_over_time(x[1h:])
max_over_time(x[500ms])
max_over_time((x offset 5m)[1h:1m] @ 10)
avg_over_time((a + b)[90m:30s])
((a))
(a + b) * c
a + b * c - d
a - (b - c)
-a ^ 2
(-a) ^ 2
-1 ^ a
2 ^ a ^ 2
(2 ^ a) ^ 2
a ^ -b ^ c
-(a + b)
a > bool 1
1 > bool 2
a * on() group_left() b
a * on(y, x) group_left(q) b
a / ignoring(z) group_right() b
a / ignoring() b
a and on() b
a or vector(0)
a or on() vector(0)
a unless on(z) b
sum(x) by (b, a)
sum without (c, b) (x)
sum without () (x)
sum by () (x)
topk(5, x)
quantile by (z) (0.9, x)
count_values("v", x)
histogram_quantile(0.95, sum by (le) (rate(x_bucket[1h])))
label_replace(x, "a", "$1", "b", "(\\d+).*")
label_replace(x, "a", `$1`, "b", `(\d+).*`)
x == 0.08
x == 1e3
x == 0x1F
x == .5
x != NaN
x < +Inf
x > -Inf
x > 1e-9
x > 123456789012
x > 1e21
x > -1
x * -1
a{l="q\"uo\\te", m='sing"le', n="new\nline", o="ü"}
a{l=~"x\\.y"}
time() - timestamp(x) < bool 120
x atan2 y
x % 2 ^ 3
sum(x) > 2 == 1
absent_over_time(x{a="b"}[5m])
vector(1) # a comment
clamp_max(max by (metric_realm) ((time() - x_ts{metric_realm="prod"}) < bool 120) and on() x, 1) or on() vector(0)
"""


@contextmanager
def prometheus(generation: str, folder: Path) -> Iterator[str]:
    """A Prometheus on `folder`/prometheus.yml; its base URL, once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    program = find_program("prometheus", generation, default_cache_dir())
    if (
        program.wanted
    ):  # the nearest one is of a generation that has a test of its own, or of none that is promised
        pytest.skip(f"no Prometheus of generation {generation} here, only {program.version}: {program.why}")
    command = [
        *(str(program.path), "--config.file=prometheus.yml", "--storage.tsdb.path=data"),
        *(f"--web.listen-address={address}", "--web.enable-lifecycle"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while not ready(f"http://{address}"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=1).ok
    except requests.ConnectionError:
        return False


def rules_data(url: str) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = requests.get(f"{url}/api/v1/rules", timeout=5).json()["data"]
    return answer


@pytest.mark.parametrize("generation", GENERATIONS)
def test_server_answer_equals_the_files(generation: str, tmp_path: Path) -> None:
    """The repository's rules, and every shape of expression, must be found equal on the server that loaded them."""
    render(SOURCE, tmp_path, factor=60, realms=("prod", "staging"), addresses={})
    alerts = "".join(
        f"      - alert: A{number}\n        expr: {yamldoc.quote(expr)}\n        labels: {{b: 'x', a: '1, \"2\"'}}\n"
        f"        for: {number}m30s\n        keep_firing_for: 1h{number}m\n"
        for number, expr in enumerate(SHAPES.strip().splitlines())
    )
    records = "".join(
        f"      - record: r{number}\n        expr: {yamldoc.quote(expr)}\n"
        for number, expr in enumerate(SHAPES.strip().splitlines())
    )
    text = (
        f"groups:\n  - name: alerts\n    limit: 7\n    rules:\n{alerts}"
        f"  - name: records\n    interval: 90s\n    rules:\n{records}"
    )
    (tmp_path / "rules/shapes.rules.yml").write_text(text)
    expected = load_rules(tmp_path)

    with prometheus(generation, tmp_path) as url:
        data = rules_data(url)
    loaded = groups_from_api(data)
    times = []
    for _ in range(3):  # a busy machine only adds to it
        started = time.process_time()
        again = groups_from_api(data)
        difference = diff_rules(expected, again)
        times.append(time.process_time() - started)
    took = min(times)

    assert difference == ""
    assert rules_hash(loaded) == rules_hash(expected)
    assert took < 0.05, f"comparing {len(SHAPES.splitlines()) * 2} rules again took {took * 1000:.1f} ms"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_change_on_the_server_is_seen(generation: str, tmp_path: Path) -> None:
    """A rule edited only on the server must show as a difference in exactly its lines."""
    render(SOURCE, tmp_path, factor=1, realms=("prod",), addresses={})
    expected = load_rules(tmp_path)
    path = tmp_path / "rules/abort.rules.yml"
    path.write_text(path.read_text().replace("> 0.3", "> 0.5").replace("for: 5m", "for: 6m", 1))

    with prometheus(generation, tmp_path) as url:
        loaded = groups_from_api(rules_data(url))

    changed = [line for line in diff_rules(expected, loaded).splitlines() if line[:1] in "+-"]
    assert changed == [
        *("--- expected rules", "+++ loaded rules"),
        '-    expr: duri_lyapunov_v{metric_realm="prod"} > 0.3',
        "-    for: 5m",
        '+    expr: duri_lyapunov_v{metric_realm="prod"} > 0.5',
        "+    for: 6m",
    ]
