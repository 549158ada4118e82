"""The restore drill on real stacks: everything comes back, and what does not come back is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from l4gate.base import RehearsalFailed
from l4gate.rehearsal.backup import Backup, back_up, prove
from l4gate.rehearsal.drill import restore, wait_for_go
from l4gate.rehearsal.manifest import manifest_path
from l4gate.rehearsal.publishing import measured, publish
from l4gate.rehearsal.samples import Fingerprint, Samples
from l4gate.rehearsal.steps import Steps
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import Settings

# Twenty restores of some 10 s each, in one fixture for each kind of stack.
pytestmark = [pytest.mark.dr_rehearsal, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
REHEARSALS = 20


@pytest.fixture(scope="module")
def results(kind: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What `dr_rehearsal.sh --json` says about several rehearsals in a row."""
    script = ROOT / "scripts" / "ops" / "dr_rehearsal.sh"
    reports = tmp_path_factory.mktemp(kind)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [script, "--stack", kind, "--count", str(REHEARSALS), "--json", "--report-dir", reports],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    assert json.loads((reports / "l4-rehearsal.json").read_text()) == found
    return found


def test_every_rehearsal_is_go_again_and_loses_nothing(results: dict[str, object]) -> None:
    """Several rehearsals in a row must all be GO again within their limit, with every sample up to the snapshot."""
    assert (results["verdict"], results["succeeded"], results["samples_lost"]) == ("GO", REHEARSALS, 0)
    assert results["rto_p95_seconds"] < 60
    for rehearsal in results["rehearsals"]:
        assert rehearsal["samples"] > 5_000
        assert rehearsal["groups"] == 3  # heartbeat, service, rehearsals


def test_rehearsals_build_on_each_other(results: dict[str, object]) -> None:
    """What one has restored must be what the next one loses: histories grow, and the DR rules see the restore times."""
    samples = [rehearsal["samples"] for rehearsal in results["rehearsals"]]
    slowest = max(rehearsal["rto_seconds"] for rehearsal in results["rehearsals"])

    assert samples == sorted(samples)
    for rehearsal in results["rehearsals"]:
        assert 0 < rehearsal["recorded_p95_seconds"] <= 2 * max(slowest, 4.0)  # bounds of buckets double


@dataclass(frozen=True)
class Saved:
    sandbox: Sandbox
    backup: Backup


@pytest.fixture(scope="module")
def processes(settings: Settings) -> Settings:
    return replace(settings, stack="processes", url=None, keep_stack=False)


@pytest.fixture(scope="module")
def saved(processes: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    """A stack that still runs, and its archive."""
    with open_sandbox(processes, omitted=measured(processes.contract)) as sandbox:
        publish(sandbox.stack.pushgateway_url, "prod", processes.pace)
        wait_for_go(sandbox, processes, since=0)
        yield Saved(sandbox, back_up(sandbox, tmp_path_factory.mktemp("backup") / "stack.tar", Steps()))


def test_nothing_is_different_where_nothing_was_lost(saved: Saved) -> None:
    """The proof holds for the stack itself, beside the tests below in which it must not."""
    assert prove(saved.sandbox, saved.backup) == 0


def test_a_lost_sample_fails_the_rehearsal(saved: Saved) -> None:
    """If the stack had held one more sample of one series, the rehearsal must fail and name the series."""
    series = dict(saved.backup.samples.series)
    labels = next(iter(series))
    series[labels] = Fingerprint(series[labels].samples + 1, "0")
    backup = replace(saved.backup, samples=Samples(series))

    with pytest.raises(RehearsalFailed, match=r"samples up to the snapshot, 1 are lost: \{__name__="):
        prove(saved.sandbox, backup)


def test_a_lost_group_fails_the_rehearsal(saved: Saved) -> None:
    """A group that the Pushgateway had been pushed must be there again, pushed at that time."""
    labels = (("instance", "local"), ("job", "somebody"))
    backup = replace(saved.backup, groups={**saved.backup.groups, labels: 1.0})

    with pytest.raises(RehearsalFailed, match=r"expected the Pushgateway to hold the group .*somebody"):
        prove(saved.sandbox, backup)


@pytest.mark.parametrize("damage", ["corrupted", "truncated", "missing"])
def test_a_damaged_archive_starts_nothing(
    saved: Saved, processes: Settings, tmp_path: Path, damage: str
) -> None:
    """An archive that is not whole must be refused with its reason before anything is started."""
    archive = tmp_path / "stack.tar"
    manifest_path(archive).write_bytes(manifest_path(saved.backup.archive).read_bytes())
    content = bytearray(saved.backup.archive.read_bytes())
    content[1000] ^= 1
    if damage != "missing":
        archive.write_bytes(content if damage == "corrupted" else content[:-512])
    said: list[str] = []

    with (
        ExitStack() as cleanup,
        pytest.raises(RehearsalFailed, match=damage if damage != "missing" else "expected a file"),
    ):
        restore(archive, processes, said.append, cleanup, Steps())

    assert said == []


def test_a_stack_that_does_not_come_back_is_told(saved: Saved, processes: Settings) -> None:
    """Without GO on new evaluations the rehearsal must fail at the deadline, with the verdict and its cause."""
    future = saved.backup.until + 3_600

    with pytest.raises(RehearsalFailed, match=r"expected GO within 0.5 s, found (GO|HOLD)"):
        wait_for_go(saved.sandbox, replace(processes, deadline=0.5), since=future)


def test_usage_is_told(processes: Settings) -> None:
    """Somebody else's stack must never be destroyed, and zero rehearsals must not count as proof."""
    for arguments, message in (
        (("--stack", "external"), "--stack external needs a URL"),
        (("--count", "0"), "--count: expected at least 1, found 0"),
    ):
        command = [sys.executable, "-m", "l4gate", "rehearse", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert message in done.stderr
