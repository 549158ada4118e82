"""A fleet behind one API, live: realms broken in ten ways are each named, the worst first, and hold no other back."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fleet import fleet_server, until_settled, wrongly_named
from benchmarks.fleet_engines import ENGINES, PROMETHEUS
from benchmarks.fleet_service import BROKEN
from l4gate.base import ProgramMissing, Verdict
from l4gate.prometheus_api import Answer, PrometheusApi
from l4gate.settings import Settings

FACTOR = 10.0
COUNT = 60
BAD = 20  # each way twice


@pytest.mark.parametrize(
    "engine",
    [pytest.param(each, marks=[] if each == PROMETHEUS else [pytest.mark.variants]) for each in ENGINES],
)
def test_broken_realms_are_named_and_hold_no_other_back(
    engine: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every healthy realm must be GO, every broken one have its own cause, by as many requests as for two."""
    asked: list[str] = []
    ask = PrometheusApi.ask

    def counted(api: PrometheusApi, path: str, *args: object, **kwargs: object) -> Answer:
        asked.append(path)
        return ask(api, path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(PrometheusApi, "ask", counted)
    try:
        opened = fleet_server(
            COUNT, factor=FACTOR, generation=settings.generation, broken=BAD, folder=tmp_path, engine=engine
        )
        with opened as server:
            judge = server.judge()
            looks = until_settled(server, judge)
            asked.clear()
            looks = judge.look()
    except ProgramMissing as error:
        pytest.skip(f"{engine}: {error.message}")

    assert set(server.broken.values()) == set(BROKEN)
    assert wrongly_named(looks, server) == {}
    assert {look.decision.realm for look in looks if look.decision.verdict is not Verdict.GO} == set(
        server.broken
    )
    assert len(asked) < 30
