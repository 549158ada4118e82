"""What counts as production's restore time: only what was measured at factor 1 on a snapshot as large as production."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fixtures.contract import CONTRACT
from fixtures.writer import Pushgateway
from l4gate.base import UsageError
from l4gate.machine import scratch
from l4gate.programs import find_program, host_promtool
from l4gate.prometheus_api import PrometheusApi
from l4gate.rehearsal import Size, ensure_given, ensure_productions_own, publish_as_productions, size_of
from l4gate.rehearsal.given import copy_given
from l4gate.sandbox import Series, write_blocks
from l4gate.settings import Settings
from tests.support.histories.record import serve

ROOT = Path(__file__).parents[2]
NAMES = CONTRACT.rehearsal
SAMPLES = 200
BYTES, SERIES = "prometheus_tsdb_storage_blocks_bytes", "prometheus_tsdb_head_series"


@pytest.fixture(scope="module")
def snapshot(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks with ten series that end an hour ago, as a snapshot of production has them."""
    folder = tmp_path_factory.mktemp("production") / "snapshot"
    promtool = host_promtool(settings.generation, settings.cache_dir)
    end = time.time() - 3_600
    times = [(end - 15.0 * back, float(back)) for back in reversed(range(SAMPLES))]
    write_blocks([Series("held", {"n": str(n)}, times) for n in range(10)], folder, promtool)
    return folder


@contextmanager
def production(settings: Settings, folder: Path, said: dict[str, float]) -> Iterator[PrometheusApi]:
    """A real Prometheus whose own samples say how large it is."""
    promtool = host_promtool(settings.generation, settings.cache_dir)
    recent = time.time() - 1
    series = [Series(metric, {"job": "prometheus"}, [(recent, value)]) for metric, value in said.items()]
    write_blocks([*series, Series("up", {}, [(recent, 1.0)])], folder, promtool)
    with serve(folder, find_program("prometheus", settings.generation, settings.cache_dir)) as api:
        yield api


def test_size_is_that_of_all_files_and_of_the_largest_block(snapshot: Path) -> None:
    """Every byte of the blocks must count, and the series of one block, as those of several are the same ones."""
    files = [path.stat().st_size for path in snapshot.rglob("*") if path.is_file()]

    assert size_of(snapshot) == Size(sum(files), 10)


@pytest.mark.parametrize(
    ("factor", "shares", "refusal"),
    [
        (1, (1.0, 1.0), ""),
        (1, (1.2, 1.2), ""),  # a night's growth
        (1, (0.0, 1.0), ""),  # a production that has no block yet
        (1, (2.0, 1.0), r"has \d+ bytes, production \d+: expected at least 80%"),
        (1, (1.0, 2.0), "has 10 series, production 20: expected at least 80%"),
        (1, (None, 1.0), f"has no {BYTES} to know its size by"),
        (1, (1.0, None), f"has no {SERIES} to know its size by"),
        (60, (1.0, 1.0), "at time factor 60 a restore waits 60 times less"),
        (1.5, (1.0, 1.0), "at time factor 1.5 a restore"),
    ],
)
def test_only_productions_own_size_and_time_count(
    snapshot: Path,
    settings: Settings,
    factor: float,
    shares: tuple[float | None, float | None],
    refusal: str,
) -> None:
    """A drill must be at factor 1 on a snapshot that is nearly as large as production, else it is refused with why."""
    size = size_of(snapshot)
    wholes = ((BYTES, size.bytes), (SERIES, size.series))
    said = {
        name: share * whole for share, (name, whole) in zip(shares, wholes, strict=True) if share is not None
    }

    with scratch("production") as folder, production(settings, folder / "tsdb", said) as api:
        if not refusal:
            assert ensure_productions_own(factor, snapshot, api) == size
            return
        with pytest.raises(UsageError, match=refusal):
            ensure_productions_own(factor, snapshot, api)


def test_size_is_published_beside_the_times(pushgateway: Pushgateway, settings: Settings) -> None:
    """What counts as production's must say on what size it was measured."""
    publish_as_productions(pushgateway.url, replace(settings, factor=1.0), Size(123, 45), 100.0)

    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(pushgateway.text())
        for sample in family.samples
        if sample.labels.get("job") == NAMES.job
    }
    assert (found[NAMES.restored_bytes], found[NAMES.restored_series]) == (123, 45)
    assert (found[NAMES.succeeded], found[f"{NAMES.restore_time}_sum"]) == (1, 100)


def test_scaled_times_never_reach_a_pushgateway(pushgateway: Pushgateway, settings: Settings) -> None:
    """Whoever calls it: a rehearsal of another factor must not be published as production's."""
    before = pushgateway.text()

    with pytest.raises(UsageError, match="at time factor 60 a restore"):
        publish_as_productions(pushgateway.url, replace(settings, factor=60.0), Size(123, 45), 100.0)

    assert NAMES.job not in before + pushgateway.text()


def rehearse(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "l4gate", "rehearse", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ((), "at time factor 60 a restore waits 60 times less than there. Next: give --factor 1"),
        (("--factor", "1"), "without --snapshot nothing shows that its own TSDB is what was restored."),
        (("--factor", "1", "--snapshot", "{snapshot}"), "without --production nothing shows"),
        (
            ("--factor", "1", "--snapshot", "{empty}"),
            "--snapshot: expected a folder with TSDB blocks, found none",
        ),
        (("--production", "http://a:b@c"), "--production: expected a URL without a user name or password"),
    ],
)
def test_refusal_is_one_sentence(
    refusing_url: str, snapshot: Path, tmp_path: Path, arguments: tuple[str, ...], refusal: str
) -> None:
    """What is refused must exit 2 with one sentence, before anything has been started or pushed."""
    paths = {"{snapshot}": snapshot, "{empty}": tmp_path}

    done = rehearse("--publish", refusing_url, *(paths.get(each, each) for each in arguments))

    assert (done.returncode, done.stdout) == (2, "")
    assert refusal in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_credentials_in_the_address_are_refused() -> None:
    """A Pushgateway's URL must be read as every URL is, so that no password is shown."""
    done = rehearse("--publish", "http://user:secret@127.0.0.1:1")

    assert done.returncode == 2
    assert "--publish: expected a URL without" in done.stderr
    assert "secret" not in done.stderr


def test_a_snapshot_of_now_is_refused(settings: Settings, tmp_path: Path) -> None:
    """Samples of the last lookback would be taken for those of the drill's own stack, so they must be old enough."""
    with production(settings, tmp_path, {}) as api:
        assert api.now() > 0

    with pytest.raises(
        UsageError, match=r"expected its newest sample to be older than 5m, .* found one of \d+ s"
    ):
        ensure_given(tmp_path, replace(settings, factor=1.0).pace)


def test_copy_is_the_blocks_alone(snapshot: Path, tmp_path: Path, settings: Settings) -> None:
    """The stack must start on the same blocks, byte by byte, without what else lies beside them."""
    given, data = tmp_path / "given", tmp_path / "data"
    shutil.copytree(snapshot, given)
    (given / "wal").mkdir()
    (given / "wal" / "00000000").write_bytes(b"of a running server")

    copy_given(given)(data, host_promtool(settings.generation, settings.cache_dir))

    assert {path.relative_to(data): path.read_bytes() for path in data.rglob("*") if path.is_file()} == {
        path.relative_to(snapshot): path.read_bytes() for path in snapshot.rglob("*") if path.is_file()
    }
