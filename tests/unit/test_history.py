"""Histories become blocks that hold exactly what was described, or nothing at all."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

import pytest

from fixtures.contract import LOOKBACK_SECONDS, OK, RULE_INTERVAL_SECONDS, pace
from l4gate.base import HistoryError
from l4gate.programs import Promtool, host_promtool
from l4gate.sandbox import Series, write_blocks
from l4gate.sandbox.history import sandbox_history
from l4gate.settings import GENERATIONS, default_cache_dir


@pytest.fixture(scope="module", params=GENERATIONS)
def promtool(request: pytest.FixtureRequest) -> Promtool:
    return host_promtool(request.param, default_cache_dir())


def dumped(promtool: Promtool, data_dir: Path) -> set[tuple[str, float, int]]:
    """What promtool reads back from a TSDB folder: (series, value, time in milliseconds)."""
    (data_dir / "wal").mkdir()  # dump insists on one
    result = promtool.run("tsdb", "dump", data_dir.name, folder=data_dir.parent)
    assert result.returncode == 0, result.stderr
    lines = (re.fullmatch(r"(\{.*\}) (\S+) (-?\d+)", line) for line in result.stdout.splitlines())
    return {(match[1], float(match[2]), int(match[3])) for match in lines if match}


def test_every_sample_is_read_back(promtool: Promtool, tmp_path: Path) -> None:
    """Times to the millisecond, values to the last digit, and labels with quotes must survive the way into blocks."""
    start = 1_700_000_000
    samples = [(start + index * 0.017, math.pi * index) for index in range(5_000)]
    series = [
        Series("a", {"metric_realm": "prod", "path": 'C:\\ "x"\n'}, samples),
        Series("b", {}, [(start, math.inf)]),
    ]

    write_blocks(series, tmp_path / "data", promtool)

    found = dumped(promtool, tmp_path / "data")
    expected = {(round(at * 1000), value) for at, value in samples}
    assert {(at, value) for name, value, at in found if '__name__="a"' in name} == expected
    assert {(value, at) for name, value, at in found if '__name__="b"' in name} == {(math.inf, start * 1000)}
    assert {name for name, *_ in found if '__name__="a"' in name} == {
        '{__name__="a", metric_realm="prod", path="C:\\\\ \\"x\\"\\n"}'
    }


REPEATED = [Series("a", {}, [(10, 1), (10.0004, 1)])]
BACKWARDS = [Series("a", {}, [(10, 1), (9, 1)])]
TWICE = [Series("a", {"b": "c"}, [(10, 1)])] * 2


@pytest.mark.parametrize(
    ("series", "message"),
    [
        pytest.param(
            REPEATED, "expected strictly ascending times, found 10.000 after 10.000 in a{}.", id="repeated"
        ),
        pytest.param(
            BACKWARDS, "expected strictly ascending times, found 9.000 after 10.000 in a{}.", id="backwards"
        ),
        pytest.param(TWICE, 'expected every series once, found a{b="c"} twice.', id="twice"),
        pytest.param([Series("a", {}, [])], "expected at least one sample, found none.", id="empty"),
    ],
)
def test_unusable_series_are_refused(
    promtool: Promtool, tmp_path: Path, series: list[Series], message: str
) -> None:
    """What promtool would drop silently must be an error, and the data folder must stay empty."""
    with pytest.raises(HistoryError) as caught:
        write_blocks(series, tmp_path / "data", promtool)

    assert caught.value.message == message
    assert list((tmp_path / "data").iterdir()) == []
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


def test_a_history_in_the_future_is_refused(promtool: Promtool, tmp_path: Path) -> None:
    """A block that ends in the future would stop all scraping until then, so none must be written."""
    with pytest.raises(
        HistoryError, match=r"expected every sample in the past, found one \d+\.\d+ s in the future\."
    ):
        write_blocks([Series("a", {}, [(time.time() + 60, 1)])], tmp_path / "data", promtool)


def test_promtool_failing_is_told(promtool: Promtool, tmp_path: Path) -> None:
    """What promtool says must be in the error."""
    with pytest.raises(
        HistoryError,
        match=r"promtool \S+ could not make blocks \(exit 1\): getting min and max timestamp: .*invalid syntax",
    ):
        write_blocks([Series("not a name", {}, [(10, 1)])], tmp_path / "data", promtool)


@pytest.mark.parametrize("factor", [1, 60, 300])
def test_the_sandbox_starts_on_a_healthy_day(factor: float) -> None:
    """The history must be a day (by the factor) of ok at every rule interval, out of reach of an instant query."""
    now = 1_700_000_000.0

    series = {one.name: list(one.samples) for one in sandbox_history(now, pace(factor), "prod")}

    ok = series[OK]
    assert {value for _, value in ok} == {1.0}
    assert len(ok) == 86_400 / RULE_INTERVAL_SECONDS
    assert ok[-1][0] - ok[0][0] == pytest.approx((86_400 - RULE_INTERVAL_SECONDS) / factor)
    assert (
        max(at for samples in series.values() for at, _ in samples) <= now - (LOOKBACK_SECONDS + 600) / factor
    )
    events = series["duri_ev_created_total"]
    per_hour = {value for _, value in series["realm:duri_ev_created:increase_1h"]}
    assert (events[-1][1] - events[0][1]) / 24 == pytest.approx(*per_hour, rel=0.01), (
        "what the rules recorded must be what the counter gained"
    )
    assert min(per_hour) > 4, "E of the Lyapunov value needs more than 4 events per hour"
    assert len(series["realm:duri_ev_created:increase_1h"]) >= 1440, (
        "the mean of a day needs half of its evaluations"
    )


def test_the_sandbox_history_can_be_written(promtool: Promtool, tmp_path: Path) -> None:
    """The sandbox's day must pass the checks of write_blocks for the realm it was made for."""
    write_blocks(sandbox_history(time.time(), pace(60), "canary"), tmp_path / "data", promtool)

    found = dumped(promtool, tmp_path / "data")
    assert {name for name, *_ in found if f'"{OK}"' in name} == {
        f'{{__name__="{OK}", metric_realm="canary"}}'
    }
