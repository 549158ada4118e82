"""Descriptions are loaded strictly and become the same raw samples every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from l4gate.base import HistoryError
from l4gate.rules import load_rules
from tests.support.histories.describe import load_history
from tests.support.histories.generate import raw_series
from tests.support.histories.record import passes

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "fixtures" / "histories"
BASE = """
summary: x
lasts: 1h
judged: 30m
seed: 1
beat: {every: 60s, jitter: 2s}
scrape: {every: 15s}
service: {duri_ev_created_total: {per_hour: 60}, duri_mttr_seconds: {value: 30}}
"""
START = 1_700_000_000.0
Samples = dict[str, list[tuple[float, float]]]


def raw(folder: Path, extra: str = "", seed: int = 1) -> Samples:
    """The samples of a described hour, by job and metric, with times from its start."""
    path = folder / "one.yml"
    path.write_text(BASE.replace("seed: 1", f"seed: {seed}") + extra)
    return {
        f"{one.labels['job']} {one.name}": [(round(at - START, 3), value) for at, value in one.samples]
        for one in raw_series(load_history(path), START, "prod")
    }


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yml")), ids=lambda path: path.stem)
def test_a_named_history_loads(path: Path) -> None:
    """Every description of the library must be a valid one, and say what happened."""
    assert load_history(path).summary


def test_a_seed_gives_the_same_samples(tmp_path: Path) -> None:
    """The same seed must give the same hour, another one another hour."""
    first, second, other = raw(tmp_path), raw(tmp_path), raw(tmp_path, seed=2)

    assert first == second
    assert first != other


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE + "colour: red\n", "one.yml:9:1: expected one of the keys "),
        (BASE + "seed: 2\n", "one.yml:9:1: expected each key once, found 'seed' a second time."),
        (BASE.replace("seed: 1", ""), "one.yml: expected the key seed, here or in what it is like, found none."),
        (BASE.replace("judged: 30m", "judged: 2h"), "expected a part of what the history lasts."),
        (BASE.replace("jitter: 2s", "jitter: 40s"), "expected every above 0, a jitter below half of it"),
        (BASE + "events: [{at: 2h, what: writer-down}]\n", "expected a time within the history of 3600 s"),
        (BASE + "events: [{at: 1m, what: flood}]\n", "expected one of writer-down, "),
        (BASE + "events: [{at: 1m, what: service, metric: nope}]\n", "expected one of the service's metrics"),
        (BASE + "like: one\n", "expected histories that are not like themselves"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """What is unknown, missing or impossible must be an error that says where."""
    path = tmp_path / "one.yml"
    path.write_text(text)

    with pytest.raises(HistoryError) as caught:
        load_history(path)

    assert message in caught.value.message


def test_a_dead_writer_leaves_its_last_beat(tmp_path: Path) -> None:
    """While the writer is down the Pushgateway must go on serving the last beat, and `up` must stay 1."""
    found = raw(tmp_path, "events: [{at: 20m, lasts: 10m, what: writer-down}]\n")

    during = {
        value for at, value in found["duri_heartbeat duri_textfile_heartbeat_seq"] if 1_270 <= at < 1_790
    }
    assert len(during) == 1
    assert {value for _, value in found["pushgateway up"]} == {1.0}


def test_a_dead_prometheus_leaves_a_gap(tmp_path: Path) -> None:
    """While Prometheus is down nothing at all must have a sample."""
    found = raw(tmp_path, "events: [{at: 20m, lasts: 10m, what: prometheus-down}]\n")

    assert not [at for samples in found.values() for at, _ in samples if 1_200 <= at < 1_800]


def test_a_dead_pushgateway_fails_its_scrapes_and_forgets(tmp_path: Path) -> None:
    """While the Pushgateway is down its `up` must be 0 and the textfile path go on; then nothing before a beat."""
    found = raw(tmp_path, "events: [{at: 20m, lasts: 10m, what: pushgateway-down}]\n")

    assert {value for at, value in found["pushgateway up"] if 1_200 <= at < 1_800} == {0.0}
    pushed = [value for at, value in found["duri_heartbeat duri_textfile_heartbeat_ts"] if at >= 1_800]
    assert min(pushed) >= START + 1_800
    assert [at for at, _ in found["node-exporter duri_textfile_heartbeat_ts"] if 1_200 <= at < 1_800]


def test_a_clock_step_moves_the_time_and_not_the_sequence(tmp_path: Path) -> None:
    """Beats written meanwhile must carry a time that is off, and their sequence must go on."""
    events = "events: [{at: 20m, lasts: 10m, what: clock-step, by: 600}]\n"
    straight, stepped = raw(tmp_path), raw(tmp_path, events)

    seq, ts = "node-exporter duri_textfile_heartbeat_seq", "node-exporter duri_textfile_heartbeat_ts"
    assert stepped[seq] == straight[seq]
    assert len({value for _, value in straight[seq]}) == pytest.approx(60, abs=1)
    off = {round(after[1] - before[1], 3) for before, after in zip(straight[ts], stepped[ts], strict=True)}
    assert off == {0.0, 600.0}


def test_a_metric_changes_its_rate(tmp_path: Path) -> None:
    """A counter must rise as fast as the event says while it lasts."""
    events = "events: [{at: 30m, lasts: 30m, what: service, metric: duri_ev_created_total, per_hour: 600}]\n"
    found = raw(tmp_path, events)["duri_service duri_ev_created_total"]

    half = next(value for at, value in found if at >= 1_800)
    assert half == pytest.approx(30, abs=3)  # up to one scrape at the higher rate
    assert found[-1][1] - half == pytest.approx(300, abs=5)


def test_rules_are_recorded_in_as_few_passes_as_possible() -> None:
    """Only what is read by range, or by more than the realm, must be recorded before."""
    found = [{step.rule.name for step in steps} for steps in passes(load_rules(ROOT / "prometheus"))]

    assert "duri_heartbeat_ok" in found[0]
    assert "realm:duri_ev_created:increase_1h" in found[0]
    assert {"duri_green_uptime_ratio", "duri_lyapunov_v", "error_budget_burn_rate"} <= found[1]
    assert {"error_budget_burn_7d", "error_budget_burn_30d"} <= found[1]
    assert len(found) == 2
