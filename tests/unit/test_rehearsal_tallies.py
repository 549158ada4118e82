"""Comparing a TSDB by what the server adds up: the samples that are fetched one by one, and every loss is seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from l4gate.programs import Program, find_program
from l4gate.prometheus_api import PrometheusApi
from l4gate.rehearsal.blocks import read_blocks
from l4gate.rehearsal.samples import read_samples
from l4gate.rehearsal.tallies import tally_samples
from l4gate.settings import Settings
from tests.support.heavy import SAMPLES, write_heavy
from tests.support.histories.record import serve

SERIES, BLOCKS = 300, 2


@pytest.fixture(scope="module")
def prometheus(settings: Settings) -> Program:
    return find_program("prometheus", settings.generation, settings.cache_dir)


@pytest.fixture(scope="module")
def tsdb(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A light one of the heavy kind."""
    folder = tmp_path_factory.mktemp("heavy") / "tsdb"
    promtool = find_program("promtool", settings.generation, settings.cache_dir)
    write_heavy(folder, promtool, series=SERIES, blocks=BLOCKS)
    return folder


@pytest.fixture(scope="module")
def api(tsdb: Path, prometheus: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusApi]:
    folder = tmp_path_factory.mktemp("served") / "tsdb"
    shutil.copytree(tsdb, folder)
    with serve(folder, prometheus) as found:
        yield found


def window(tsdb: Path) -> tuple[float, float]:
    blocks = read_blocks(tsdb)
    return min(each.min_time for each in blocks) / 1000, max(each.max_time for each in blocks) / 1000


def test_tally_counts_what_fetching_counts(tsdb: Path, api: PrometheusApi) -> None:
    """Counts must be those of the samples one by one, series by series, and of the blocks."""
    start, end = window(tsdb)

    tallied, fetched = tally_samples(api.base_url, start, end), read_samples(api, start, end, 15)

    assert tallied.count == fetched.count == sum(each.samples for each in read_blocks(tsdb))
    assert tallied.count == SERIES * SAMPLES * BLOCKS
    assert {key: each.samples for key, each in tallied.series.items()} == {
        key: each.samples for key, each in fetched.series.items()
    }
    assert tally_samples(api.base_url, start, end).differences(tallied) == []


def test_a_lost_block_is_a_loss(tsdb: Path, api: PrometheusApi, prometheus: Program, tmp_path: Path) -> None:
    """Without one block its samples must be missing from every series, and be counted."""
    before = tally_samples(api.base_url, *window(tsdb))
    shutil.copytree(tsdb, tmp_path / "tsdb")
    shutil.rmtree(next((tmp_path / "tsdb").iterdir()))

    with serve(tmp_path / "tsdb", prometheus) as poorer:
        found = tally_samples(poorer.base_url, *window(tsdb))

    assert found.lost(before) == SERIES * SAMPLES
