"""
The required check dr-rehearsal-24h-pass: a day is certified, survives a restore, and a drill is GO.

With --l4-url the last 24 hours of that server are certified. A recorded day is certified in any case, as the proof that
the check can say yes and no, and it is what is archived and restored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.contract import CONTRACT, SCRAPE_INTERVAL_SECONDS, pace
from fixtures.judging import hold
from l4gate.base import Verdict
from l4gate.certificate import Certificate, Window, certify_window
from l4gate.programs import find_program, host_promtool
from l4gate.prometheus_api import PrometheusApi, caller_of
from l4gate.rehearsal import RehearsalResult, rehearse
from l4gate.rehearsal.archive import pack, unpack
from l4gate.rehearsal.samples import Samples, read_samples
from l4gate.report import Progress, certificate_lines
from l4gate.rules import load_rules
from l4gate.settings import Settings
from l4gate.verdict import TenantProof
from tests.support.histories.describe import load_history
from tests.support.histories.record import build, serve

pytestmark = [pytest.mark.dr_rehearsal_24h_pass, pytest.mark.usefixtures("judged")]

ROOT = Path(__file__).parents[2]
DAY = 86_400.0


@dataclass(frozen=True)
class Day:
    """A day of production: certified where it happened, and where it was restored."""

    certificate: Certificate
    earlier: Certificate  # of a window that begins two hours before the history
    restored: Certificate
    samples: Samples
    restored_samples: Samples


@pytest.fixture(scope="module")
def day(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Raw samples of a day, the rules recorded over them by Prometheus, packed and restored."""
    history = load_history(ROOT / "fixtures" / "histories" / "good-day.yml")
    folder = tmp_path_factory.mktemp("day")
    realm = settings.realms[0]
    programs = (
        find_program("prometheus", settings.generation, settings.cache_dir),
        host_promtool(settings.generation, settings.cache_dir),
    )
    end = build(history, load_rules(settings.config_dir), folder / "lived", programs, realm=realm)
    pack({"tsdb": folder / "lived"}, folder / "day.tar", "tsdb")
    unpack(folder / "day.tar", "tsdb", folder / "restored")
    window = Window(end - DAY, end, pace(1))
    before = Window(end - history.lasts - 7_200, end - history.lasts - 7_200 + DAY, pace(1))
    with serve(folder / "lived", programs[0]) as api:
        certificate, _ = certify_window(api, realm, window)
        earlier, _ = certify_window(api, realm, before)
        samples = read_samples(api, end - DAY, end, SCRAPE_INTERVAL_SECONDS)
    with serve(folder / "restored", programs[0]) as api:
        restored, _ = certify_window(api, realm, window)
        restored_samples = read_samples(api, end - DAY, end, SCRAPE_INTERVAL_SECONDS)
    return Day(certificate, earlier, restored, samples, restored_samples)


def test_the_last_day_of_production_is_certified(settings: Settings) -> None:
    """Where the URL of production is given, its last 24 hours must be certified, in each realm."""
    if settings.url is None:
        pytest.skip("no URL of production was given: simulated")
    api = PrometheusApi(
        settings.url,
        caller=caller_of(settings),
    )
    now = api.now()
    window = Window(now - DAY / settings.factor, now, settings.pace)
    tenants = TenantProof()
    for realm in settings.realms:
        tenants.ensure(api, settings.pace, realm, now)
        certificate, _ = certify_window(api, realm, window)
        if certificate.verdict is not Verdict.GO:
            lines = "\n".join(certificate_lines(certificate))
            hold(f"expected the last 24 h of {realm} certified, found {certificate.verdict.name}:\n{lines}")


def test_a_healthy_day_is_certified(day: Day) -> None:
    """24 h of healthy history must be certified L4.9."""
    assert (day.certificate.level, day.certificate.verdict) == ("L4.9", Verdict.GO)


def test_a_day_that_was_not_observed_is_not_certified(day: Day) -> None:
    """The same check over a window of which two hours are missing must say no: a gap is a violation."""
    assert day.earlier.level != "L4.9"
    assert day.earlier.verdict is not Verdict.GO


def test_a_restored_day_is_the_same_day(day: Day) -> None:
    """After archive and restore every sample of the day must be there, and its certificate the same."""
    assert day.samples.count > 50_000
    assert day.restored_samples.differences(day.samples) == []
    assert day.restored == day.certificate


@pytest.fixture(scope="module")
def drill(settings: Settings, progress: Progress) -> RehearsalResult:
    """One real drill on the stack of this run."""
    (rehearsal,) = rehearse(replace(settings, url=None, keep_stack=False), 1, progress.say)
    return rehearsal


def test_a_real_drill_restores_everything(
    drill: RehearsalResult, record_property: Callable[[str, object], None]
) -> None:
    """A destroyed stack must be GO again within 12 minutes, with every sample up to its snapshot."""
    record_property("rto_seconds", round(drill.rto_seconds, 2))
    record_property("samples", drill.samples)

    assert drill.lost == 0
    assert drill.samples > 5_000
    assert drill.rto_seconds <= CONTRACT.rehearsal.limit
