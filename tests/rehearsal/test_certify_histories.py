"""Every named history: the rules recorded by a real Prometheus, certified, and held against an independent model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures import model
from fixtures.contract import RULE_INTERVAL_SECONDS, pace
from l4gate.certificate import Certificate, Interval, Window, certify_window
from l4gate.certificate.intervals import merged
from l4gate.programs import find_program, host_promtool
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import load_rules
from l4gate.settings import Settings
from tests.support.histories.describe import Description, What, load_history
from tests.support.histories.generate import raw_series
from tests.support.histories.record import build, serve

pytestmark = pytest.mark.dr_rehearsal

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "fixtures" / "histories"
BUDGETS = {"budget/7d", "budget/30d"}
# What the events of each history say it must be: level, verdict, and the criteria that are not met.
EXPECTED: dict[str, tuple[str, str, set[str]]] = {
    "good-day": ("L4.9", "GO", set()),
    "outage-90s": ("L4.9", "GO", set()),
    "outage-3m": ("L4.7", "HOLD", {"heartbeat/ok"}),
    "outage-20m": (
        "L4.7",
        "ABORT",
        {"heartbeat/ok", "heartbeat/fresh", "heartbeat/changes", "abort/none", *BUDGETS},
    ),
    "prometheus-down": (
        "L4.5",
        "HOLD",
        {
            "heartbeat/ok",
            "heartbeat/fresh",
            "heartbeat/changes",
            "canary/failure-ratio",
            "canary/samples",
            "canary/unique",
            "dr/restore-p95",
            "abort/none",
        }
        | BUDGETS,
    ),
    "clock-leap": ("L4.7", "ABORT", {"heartbeat/ok", "heartbeat/fresh", "abort/none", "budget/7d"}),
    "canary-failing-slowly": ("L4.7", "ABORT", {"canary/failure-ratio", "abort/none"}),
    "canary-quorum-at-the-end": (
        "L4.7",
        "HOLD",
        {"canary/samples", "canary/uniform", "canary/unique"},
    ),
    "writers-restarting": ("L4.9", "GO", set()),
    "paths-alternating": ("L4.9", "GO", set()),
    "budget-29-days-ago": ("L4.7", "HOLD", {"budget/30d"}),
    "budget-30-days-ago": ("L4.7", "HOLD", {"budget/30d"}),
}


@dataclass(frozen=True)
class Lived:
    """A history in a running Prometheus, with its certificate."""

    history: Description
    end: float
    api: PrometheusApi
    certificate: Certificate
    generation: str

    @property
    def begin(self) -> float:
        return self.end - self.history.judged


@pytest.fixture(scope="module", params=sorted(EXPECTED))
def lived(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    history = load_history(LIBRARY / f"{request.param}.yml")
    data_dir = tmp_path_factory.mktemp(request.param) / "data"
    programs = (
        find_program("prometheus", settings.generation, settings.cache_dir),
        host_promtool(settings.generation, settings.cache_dir),
    )
    end = build(history, load_rules(ROOT / "prometheus"), data_dir, programs, realm="prod")
    with serve(data_dir, programs[0]) as api:
        certificate, _ = certify_window(api, "prod", Window(end - history.judged, end, pace(1)))
        yield Lived(history, end, api, certificate, programs[0].version)


def test_the_library_is_complete() -> None:
    """Every named history must have its expectation, and every expectation its history."""
    assert {path.stem for path in LIBRARY.glob("*.yml")} == set(EXPECTED)


def test_a_history_is_certified_as_its_events_say(lived: Lived) -> None:
    """Level, verdict and unmet criteria must follow from what happened."""
    level, verdict, unmet = EXPECTED[lived.history.name]

    found = {result.criterion.id for result in lived.certificate.results if not result.met}
    assert found == unmet, lived.certificate.why_not
    assert lived.certificate.level == level, lived.certificate.why_not
    assert lived.certificate.verdict.name == verdict


CRITERIA = {
    "heartbeat/ok": (lambda value: value == 1, min, 0.999, False),
    "heartbeat/fresh": (lambda value: value == 1, min, 0.995, False),
    "heartbeat/changes": (lambda value: value >= 1, min, 0.999, True),
    "canary/failure-ratio": (lambda value: value <= 0.08, max, 0.999, True),
    "canary/samples": (lambda value: value >= 300, min, 0.999, True),
    "budget/7d": (lambda value: value <= 0.60, max, 0.999, True),
    "budget/30d": (lambda value: value <= 0.40, max, 0.999, True),
    "dr/restore-p95": (lambda value: value <= 720, max, 0.999, True),
}
# What is judged by the scraped samples themselves, which the model does not have: their worst, and whether it is met.
SCRAPED = {
    "canary/uniform": (lambda value: value > 0.05, min, 0.85, False),
    "canary/unique": (lambda value: value >= 0.92, min, 0.999, True),
}
ABORTS = {
    "duri_lyapunov_v": lambda value: value > 0.3,
    "duri_heartbeat_fresh_120s": lambda value: value == 0,
    "duri_heartbeat_ok": lambda value: value != 1,
    "duri_canary_failure_ratio": lambda value: value > 0.08,
}


def edges(intervals: Iterable[Interval]) -> list[float]:
    return [edge for each in intervals for edge in (each.start, each.end)]


def test_a_certificate_equals_the_model_of_the_raw_samples(lived: Lived) -> None:
    """Worst value, share, met and intervals of each criterion, aborts and the Lyapunov mean must equal the model's."""
    history, certificate = lived.history, lived.certificate
    start = lived.end - history.lasts
    down = [(start + each.at, start + each.at + each.lasts) for each in history.during(What.PROMETHEUS_DOWN)]
    recorded = model.record(
        raw_series(history, start, "prod"),
        start + 360,
        lived.end,
        judged=history.judged,
        ok_before=round(history.ok_before / RULE_INTERVAL_SECONDS),
        down=lambda at: any(begin <= at < end for begin, end in down),
        closed=lived.generation.startswith("2."),
    )
    slots = round(history.judged / model.STEP)
    held = {name: model.held(values)[:-1] for name, values in recorded.items()}
    by_id = {result.criterion.id: result for result in certificate.results}

    for name, (good, worst, share, always) in CRITERIA.items():
        found = by_id[name]
        expected = model.judge(
            held[found.criterion.metric][-slots:], lived.begin, good, worst, share=share, always=always
        )
        assert found.met == expected.met, name
        assert found.value == pytest.approx(expected.worst, rel=1e-6, abs=1e-9), name
        assert found.share == pytest.approx(expected.share, abs=1e-7), name
        bad = merged(Interval(each.start, each.end) for each in found.violations)
        assert edges(bad) == pytest.approx([edge for each in expected.bad for edge in each], abs=0.002), name
    for name, (good, worst, share, always) in SCRAPED.items():
        found = by_id[name]
        expected = model.judge(
            held[found.criterion.metric][-slots:], lived.begin, good, worst, share=share, always=always
        )
        assert found.met == expected.met, name
        assert found.value == pytest.approx(expected.worst, rel=1e-6), name
    each_fires = [model.firing(held[name], condition)[-slots:] for name, condition in ABORTS.items()]
    fires = [any(each) for each in zip(*each_fires, strict=True)]
    fired = [edge for each in model.intervals(fires, lived.begin) for edge in each]
    assert edges(merged(certificate.aborts)) == pytest.approx(fired, abs=0.002)
    values = [value for value in held["duri_lyapunov_v"][-slots:] if value is not None]
    assert certificate.stability.mean == pytest.approx(sum(values) / len(values), rel=1e-6)
