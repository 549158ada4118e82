"""What is saved of a stack before it is lost, and the proof that a restored one has all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import RehearsalFailed
from l4gate.rehearsal.archive import pack
from l4gate.rehearsal.manifest import Manifest
from l4gate.rehearsal.samples import Samples, read_samples
from l4gate.rehearsal.snapshot import Groups, persisted_groups, pushed_groups, settle, take_snapshot
from l4gate.rehearsal.steps import Steps
from l4gate.rehearsal.tallies import MOST_TO_FETCH, tally_samples
from l4gate.sandbox import Sandbox

TSDB: Final = "tsdb"  # this and the next: the names in the archive
GROUPS: Final = "groups"


@dataclass(frozen=True)
class Backup:
    """What was saved of a stack, and what it held: the proof is made against it after the stack is gone."""

    archive: Path
    manifest: Manifest
    until: float  # server's clock: everything sampled up to here must come back
    samples: Samples
    groups: Groups


def back_up(sandbox: Sandbox, archive: Path, steps: Steps) -> Backup:
    """Beats once more, takes a snapshot, packs it with the Pushgateway's groups, and notes every sample up to it."""
    with steps.step("snapshot"):
        sandbox.heart.stop()
        sandbox.service.stop()
        sandbox.heart.beat()
        judge = sandbox.judge
        until = settle(judge.api, sandbox.pace, judge.realms[0])
        snapshot = take_snapshot(sandbox.stack)
        content, groups = persisted_groups(sandbox.stack, sandbox.pace)
    with steps.step("archive"):
        saved = archive.with_name(GROUPS)
        saved.write_bytes(content)
        manifest = pack({GROUPS: saved, TSDB: snapshot}, archive, TSDB)
    with steps.step("read"):
        samples = _samples(sandbox, manifest, until)
    return Backup(archive, manifest, until, samples, groups)


def prove(sandbox: Sandbox, backup: Backup) -> int:
    """
    Compares every sample up to the snapshot, by count and value, and the Pushgateway's groups; returns what is lost.

    Raises:
        RehearsalFailed: naming the first series that are not as they were.
    """
    found = _samples(sandbox, backup.manifest, backup.until)
    differences = found.differences(backup.samples)
    if differences:
        message = (
            f"expected all {backup.samples.count} samples up to the snapshot, {found.lost(backup.samples)} are lost: "
            + "; ".join(differences)
        )
        raise RehearsalFailed(message, next_step="do not trust this backup; compare its blocks.")
    groups = pushed_groups(sandbox.stack.pushgateway_url)
    for labels, pushed in backup.groups.items():
        # The others have been pushed to again meanwhile.
        same = (
            groups.get(labels) == pushed
            if ("job", sandbox.pace.contract.rehearsal.job) in labels
            else groups.get(labels, 0.0) >= pushed
        )
        if not same:
            raise RehearsalFailed(
                f"expected the Pushgateway to hold the group {dict(labels)}, pushed at {pushed:.3f}, "
                f"found {groups.get(labels)}."
            )
    return found.lost(backup.samples)


def _samples(sandbox: Sandbox, manifest: Manifest, until: float) -> Samples:
    """All samples from the first of the manifest's blocks on, one by one where they can be fetched."""
    start = min(block.min_time for block in manifest.blocks) / 1000
    if manifest.samples > MOST_TO_FETCH:
        return tally_samples(sandbox.stack.prometheus_url, start, until)
    return read_samples(sandbox.judge.api, start, until, sandbox.pace.scrape_interval)
