"""The certificate and the required checks over recorded days: VictoriaMetrics must prove what Prometheus proves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.contract import LYAPUNOV, RULE_INTERVAL_SECONDS, pace
from l4gate.base import ApiError, ProgramMissing, wait_until
from l4gate.certificate import Certificate, CriterionResult, Interval, Window, certify_window, moment
from l4gate.contract import CHECKS
from l4gate.machine import free_port
from l4gate.programs import find_program, host_promtool, victoria_programs
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import load_rules
from l4gate.settings import GENERATIONS, Settings
from l4gate.stack.importing import import_history
from tests.support.histories.describe import load_history
from tests.support.histories.record import build, serve

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "fixtures" / "histories"
REALM = "prod"
# A healthy day, and one on which the writer was silent for so long that it aborts; what each must be.
EXPECTED = {"good-day": ("L4.9", "GO"), "outage-20m": ("L4.7", "ABORT")}
SHARE = RULE_INTERVAL_SECONDS / 86_400.0  # one evaluation, of a day
READY_SECONDS = 30.0  # takes 0.2 s
QUERY_SECONDS = 60.0


@dataclass(frozen=True)
class Proven:
    """What one engine proves of a recorded day: the certificate, and the required checks at its end."""

    certificate: Certificate
    checks: dict[str, list[CriterionResult]]


def proven(api: PrometheusApi, end: float, judged: float) -> Proven:
    """Certifies a day, and asks each required check."""
    certificate, _ = certify_window(api, REALM, Window(end - judged, end, pace(1)))
    criteria = pace(1).contract.criteria
    checks = {}
    for check in CHECKS:
        asked, seconds = criteria.of_check(check)
        checks[check] = list(moment(api, REALM, end, pace(1), asked, over=seconds))
    return Proven(certificate, checks)


@contextmanager
def victoria(program: Path, folder: Path) -> Iterator[PrometheusApi]:
    """A VictoriaMetrics that nobody writes to, empty."""
    url = f"http://127.0.0.1:{free_port()}"
    arguments = [
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr={url.removeprefix('http://')}",
        "-retentionPeriod=40d",
        "-search.latencyOffset=0s",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([program, *arguments], stdout=log, stderr=log) as process,
    ):
        try:
            api = PrometheusApi(url, timeout_seconds=QUERY_SECONDS)

            def ready() -> bool:
                assert process.poll() is None, (folder / "log").read_text()
                try:
                    return api.now() > 0
                except ApiError:
                    return False

            wait_until(ready, deadline_seconds=READY_SECONDS, interval_seconds=0.02, what="VictoriaMetrics")
            yield api
        finally:
            process.terminate()


@pytest.fixture(
    scope="module",
    # By day the one of which there is more to say.
    params=[
        pytest.param(name, marks=[] if EXPECTED[name][1] == "ABORT" else [pytest.mark.variants])
        for name in sorted(EXPECTED)
    ],
)
def both(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Proven, Proven]:
    """One recorded day: its name, what Prometheus proves of it, and what VictoriaMetrics does."""
    newest = GENERATIONS[-1]
    try:
        program = victoria_programs(newest, settings.cache_dir)["victoria-metrics"]
    except ProgramMissing as error:
        pytest.skip(f"VictoriaMetrics: {error.message}")
    prometheus, promtool = (
        find_program("prometheus", newest, settings.cache_dir),
        host_promtool(newest, settings.cache_dir),
    )
    history = load_history(LIBRARY / f"{request.param}.yml")
    folder = tmp_path_factory.mktemp(request.param)
    end = build(
        history, load_rules(ROOT / "prometheus"), folder / "tsdb", (prometheus, promtool), realm=REALM
    )

    with serve(folder / "tsdb", prometheus) as api:
        first = proven(api, end, history.judged)

    def blocks(into: Path, _promtool: object) -> None:
        for meta in (folder / "tsdb").glob("*/meta.json"):
            shutil.copytree(meta.parent, into / meta.parent.name)

    with victoria(program.path, folder) as api:
        import_history(blocks, promtool, api.base_url, folder)
        wait_until(
            lambda: api.query(f'{LYAPUNOV}{{{pace(1).contract.realm.label}="{REALM}"}}', end).series,
            deadline_seconds=READY_SECONDS,
            interval_seconds=0.1,
            what="what was imported to be visible",
        )
        return request.param, first, proven(api, end, history.judged)


def close(one: Interval, other: Interval) -> bool:
    """Whether two intervals are the same but for one evaluation at each end."""
    return max(abs(one.start - other.start), abs(one.end - other.end)) <= RULE_INTERVAL_SECONDS


def differences(one: CriterionResult, other: CriterionResult) -> list[str]:
    """How two results of a criterion differ."""
    found = []
    if (one.criterion.id, one.met, bool(one.why)) != (other.criterion.id, other.met, bool(other.why)):
        found.append(
            f"{one.criterion.id}: {one.met} {one.why}; {other.criterion.id}: {other.met} {other.why}"
        )
    if one.value != pytest.approx(other.value):
        found.append(f"{one.criterion.id}: worst {one.value}, {other.value}")
    if (one.share, one.measured) != pytest.approx((other.share, other.measured), abs=SHARE):
        found.append(f"{one.criterion.id}: shares {one.share} {one.measured}, {other.share} {other.measured}")
    same = len(one.violations) == len(other.violations) and all(map(close, one.violations, other.violations))
    if not same:
        found.append(f"{one.criterion.id}: violations {one.violations}, {other.violations}")
    return found


def test_a_day_has_the_same_certificate_on_both_engines(both: tuple[str, Proven, Proven]) -> None:
    """Level, verdict, each criterion, its worst value and its violations must be those that Prometheus finds."""
    name, prometheus, victoria_metrics = both
    one, other = prometheus.certificate, victoria_metrics.certificate

    assert (other.level, other.verdict.name) == EXPECTED[name], other.why_not
    assert (one.level, one.verdict) == (other.level, other.verdict)
    assert [
        line
        for mine, theirs in zip(one.results, other.results, strict=True)
        for line in differences(mine, theirs)
    ] == []


def test_the_required_checks_say_the_same_on_both_engines(both: tuple[str, Proven, Proven]) -> None:
    """Each required check over a history must be met, or not, with the same value on both engines."""
    _, prometheus, victoria_metrics = both

    assert any(prometheus.checks.values())
    for check, found in prometheus.checks.items():
        others = victoria_metrics.checks[check]
        assert [each.met for each in found] == [each.met for each in others], check
        assert [each.value for each in found] == pytest.approx([each.value for each in others]), check
