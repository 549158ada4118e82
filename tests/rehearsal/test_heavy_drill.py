"""The restore drill on a TSDB of production's weight: 500 MB and 100,000 series, back within a minute."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from l4gate.programs import find_program, host_promtool
from l4gate.rehearsal import size_of
from l4gate.sandbox.history import sandbox_history, write_blocks
from l4gate.settings import Settings
from tests.support.heavy import SAMPLES, write_heavy

pytestmark = [pytest.mark.dr_rehearsal, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
SERIES, BLOCKS = 100_000, 9
BYTES = 500_000_000
RESTORED_SECONDS = 60.0


@pytest.fixture(scope="module")
def heavy(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one rehearsal on it says."""
    folder = tmp_path_factory.mktemp("heavy")
    began, began_at = time.monotonic(), time.time()
    promtool = find_program("promtool", settings.generation, settings.cache_dir)
    write_heavy(folder / "tsdb", promtool, series=SERIES, blocks=BLOCKS)
    # What production's own snapshot has, and nothing is GO without: a day of successes, at the pace of the drill.
    pace, realm = settings.pace, settings.realms[0]
    host = host_promtool(settings.generation, settings.cache_dir)
    write_blocks(sandbox_history(began_at, pace, realm), folder / "tsdb", host)
    made = time.monotonic() - began
    command = [sys.executable, "-m", "l4gate", "rehearse", "--stack", "processes", "--json"]
    command += ["--factor", f"{settings.factor:g}"]
    done = subprocess.run(
        [*command, "--snapshot", folder / "tsdb", "--report-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {**json.loads(done.stdout), "size": size_of(folder / "tsdb"), "made": made}


def test_a_heavy_stack_is_back_within_a_minute(
    heavy: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """500 MB and 100,000 series must be GO again within 60 s, and each step must say how long it took."""
    (rehearsal,) = heavy["rehearsals"]
    for name, seconds in [("made", heavy["made"]), *rehearsal["steps"].items()]:
        record_property(name, round(seconds, 2))
        print(f"{name}: {seconds:.2f} s")  # noqa: T201 # shown with -s, and by a failure

    assert heavy["size"].bytes >= BYTES
    assert rehearsal["tsdb_bytes"] >= BYTES
    assert rehearsal["rto_seconds"] <= RESTORED_SECONDS
    assert set(rehearsal["steps"]) == {
        *("snapshot", "archive", "read", "destroy", "verify", "unpack", "start", "to GO", "prove")
    }


def test_a_heavy_stack_loses_nothing(heavy: dict[str, Any]) -> None:
    """Every sample must be back, as the server counts them and as the blocks do."""
    (rehearsal,) = heavy["rehearsals"]
    written = SERIES * SAMPLES * BLOCKS

    assert heavy["samples_lost"] == 0
    assert rehearsal["series"] >= SERIES
    assert rehearsal["samples"] >= written
    assert rehearsal["block_samples"] >= written
