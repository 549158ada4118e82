"""
The required checks `canary-quorum-pass` and `error-budget-burn-ok`.

With --l4-url they judge that server. Without, there is no production to judge: they prove that the check passes a
good day, recorded by a real Prometheus with the real rules, and refuses a bad one and an empty server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from fixtures.contract import pace
from fixtures.judging import hold
from l4gate.base import Verdict, worst
from l4gate.certificate import moment
from l4gate.contract import Pace
from l4gate.programs import find_program, host_promtool
from l4gate.prometheus_api import PrometheusApi, caller_of
from l4gate.rules import load_rules
from l4gate.settings import Settings
from l4gate.verdict import TenantProof
from tests.support.histories.describe import load_history
from tests.support.histories.record import build, serve

pytestmark = pytest.mark.usefixtures("judged")

CANARY, BUDGET = "canary-quorum-pass", "error-budget-burn-ok"
History = Callable[[str], AbstractContextManager[tuple[PrometheusApi, float]]]


@pytest.fixture
def history(
    settings: Settings, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> History:
    """Serves a named history from a real Prometheus: the API, and the moment at which the history ends."""

    @contextmanager
    def served(name: str) -> Iterator[tuple[PrometheusApi, float]]:
        prometheus = find_program("prometheus", settings.generation, settings.cache_dir)
        promtool = host_promtool(settings.generation, settings.cache_dir)
        described = load_history(pytestconfig.rootpath / "fixtures" / "histories" / f"{name}.yml")
        data_dir = tmp_path_factory.mktemp(name) / "data"
        end = build(
            described, load_rules(settings.config_dir), data_dir, (prometheus, promtool), realm="prod"
        )
        with serve(data_dir, prometheus) as api:
            yield api, end

    return served


def verdict_of(check: str, api: PrometheusApi, realm: str, at: float, pace: Pace) -> tuple[Verdict, str]:
    """GO if every criterion is met at that moment, and over the time it asks for, else HOLD; a line for each."""
    criteria, seconds = pace.contract.criteria.of_check(check)
    results = moment(api, realm, at, pace, criteria, over=seconds)
    lines = "\n".join(f"{result.criterion.id}: {result.value} {result.why}" for result in results)
    return worst(Verdict.GO if result.met else Verdict.HOLD for result in results), lines


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(CANARY, marks=pytest.mark.canary_quorum_pass),
        pytest.param(BUDGET, marks=pytest.mark.error_budget_burn_ok),
    ],
)
def test_check_passes(check: str, settings: Settings, history: History) -> None:
    """Every criterion of the check must be measured and met, on the given server or on a recorded good day."""
    if settings.url is not None:
        api = PrometheusApi(
            settings.url,
            caller=caller_of(settings),
        )
        judged, tenants = [], TenantProof()
        for realm in settings.realms:
            now = api.now()
            tenants.ensure(api, pace(settings.factor), realm, now)
            judged.append(verdict_of(check, api, realm, now, pace(settings.factor)))
    else:
        with history("good-day") as (api, end):
            judged = [verdict_of(check, api, "prod", end, pace(1))]
    for verdict, lines in judged:
        if verdict is not Verdict.GO:
            hold(f"expected every criterion of {check} met, found {verdict.name}:\n{lines}")


@pytest.mark.parametrize(
    ("check", "bad_day", "hours_before_end"),
    [
        # It fails worst until 18 h of its 26 h have passed, and recovers then.
        pytest.param(CANARY, "canary-failing-slowly", 8, marks=pytest.mark.canary_quorum_pass),
        # A month to record: run where the check is asked for by its name, and at night.
        pytest.param(
            BUDGET, "budget-29-days-ago", 0, marks=[pytest.mark.error_budget_burn_ok, pytest.mark.nightly]
        ),
    ],
)
def test_check_refuses_a_bad_day(check: str, bad_day: str, hours_before_end: int, history: History) -> None:
    """The check must NOT pass on a day that broke it, nor where nothing was ever recorded."""
    with history(bad_day) as (api, end):
        verdict, lines = verdict_of(check, api, "prod", end - hours_before_end * 3600, pace(1))
        nothing, _ = verdict_of(check, api, "nobody", end, pace(1))

    assert verdict is not Verdict.GO, lines
    assert nothing is Verdict.HOLD
