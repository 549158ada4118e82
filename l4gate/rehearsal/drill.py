"""
The restore drill itself: beat, snapshot, archive, destroy, restore, beat, GO; and proof that no sample was lost.

Several rehearsals are a chain: what one has restored is what the next one loses. So the counters and the history of
the DR rules grow over them as they would over nights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import RehearsalFailed, Verdict, wait_until
from l4gate.machine import scratch
from l4gate.programs import Promtool
from l4gate.rehearsal.archive import opened
from l4gate.rehearsal.backup import GROUPS, TSDB, back_up, prove
from l4gate.rehearsal.blocks import read_blocks
from l4gate.rehearsal.given import copy_given
from l4gate.rehearsal.publishing import measured, publish
from l4gate.rehearsal.steps import Steps
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import Settings

_P95: Final = 0.95
_START: Final = "start"
_POLL_SECONDS: Final = 0.05
_ROOM_SECONDS: Final = 10.0  # a busy machine is no failure

Say = Callable[[str], None]


@dataclass(frozen=True)
class RehearsalResult:
    """One rehearsal that proved what it had to. Times are seconds by a monotonic clock."""

    number: int
    rto_seconds: float  # from the beginning of the restore, archive in hand, to GO
    whole_seconds: float
    samples: int  # up to the snapshot, by query; every one of them is back
    series: int
    lost: int
    blocks: int
    block_samples: int  # by the blocks themselves, stale markers and what came after `until` included
    archive_bytes: int
    tsdb_bytes: int  # of what the archive decompresses to
    groups: int  # of the Pushgateway
    recorded_p95_seconds: float  # what the DR rules made of the rehearsals so far
    steps: Mapping[
        str, float
    ]  # seconds of each step, in order; those of the restore are within `rto_seconds`


def rehearse(
    settings: Settings, count: int, say: Say, snapshot: Path | None = None
) -> Iterator[RehearsalResult]:
    """
    Rehearses `count` times in a chain; yields each rehearsal that succeeded.

    `snapshot` is a folder of blocks on which the first stack starts, in place of a simulated day.

    Raises:
        RehearsalFailed: if an archive is not whole, a sample is not back, or the restored stack is not GO in time.
        StackError: if a stack cannot be started.
    """
    with ExitStack() as cleanup:
        folder = cleanup.enter_context(scratch("rehearsal"))
        stack = cleanup.enter_context(ExitStack())
        began, began_at = time.monotonic(), time.time()
        past = copy_given(snapshot) if snapshot else None
        sandbox = stack.enter_context(
            open_sandbox(settings, say, history=past, omitted=measured(settings.contract))
        )
        publish(sandbox.stack.pushgateway_url, settings.realms[0], settings.pace)
        wait_for_go(sandbox, settings, since=began_at)
        for number in range(1, count + 1):
            say(f"rehearsal {number}/{count}: snapshot and archive")
            steps = Steps()
            backup = back_up(sandbox, folder / "stack.tar.zst", steps)
            say(f"rehearsal {number}/{count}: destroying everything")
            lost_folder = sandbox.stack.run_dir
            with steps.step("destroy"):
                stack.close()
            if lost_folder.exists():
                raise RehearsalFailed(f"expected {lost_folder} to be gone with its stack, found it.")
            say(f"rehearsal {number}/{count}: restoring")
            sandbox, rto_seconds = restore(backup.archive, settings, say, stack, steps)
            with steps.step("prove"):
                lost = prove(sandbox, backup)
            p95 = _publish_and_read_back(sandbox, rto_seconds, settings)
            yield RehearsalResult(
                number,
                rto_seconds,
                time.monotonic() - began,
                backup.samples.count,
                len(backup.samples.series),
                lost,
                len(backup.manifest.blocks),
                backup.manifest.samples,
                backup.manifest.size,
                backup.manifest.content_size or 0,
                len(backup.groups),
                p95,
                steps.seconds,
            )
            began = time.monotonic()


def wait_for_go(sandbox: Sandbox, settings: Settings, *, since: float) -> None:
    """
    Waits until the verdict is GO on evaluations later than `since` (Unix seconds).

    A restored stack also remembers the good ones from before its end, and those prove nothing about it.

    Raises:
        RehearsalFailed: with the verdict and its cause, if that takes longer than the deadline.
    """
    began = time.monotonic()
    left = settings.deadline
    while True:
        (look,) = sandbox.judge.judge(left, until=frozenset({Verdict.GO}))
        decision = look.decision
        new = decision.evidence.newest
        if decision.verdict is Verdict.GO and all(each.at > since for each in new):
            return
        left = settings.deadline - (time.monotonic() - began)
        if left <= 0:  # what was found last counts: one who is asked without any time has no answer
            message = (
                f"expected GO within {settings.deadline:g} s, found {decision.verdict.name}: {decision.cause}"
            )
            raise RehearsalFailed(message)


def restore(
    archive: Path, settings: Settings, say: Say, cleanup: ExitStack, steps: Steps
) -> tuple[Sandbox, float]:
    """
    Restores an archive into a new stack that `cleanup` will end; returns it once it is GO, and the seconds to GO.

    Raises:
        RehearsalFailed: if the archive is not whole (nothing is started then), or there is no GO in time.
    """
    began, since = time.monotonic(), time.time()
    with ExitStack() as opening:
        with steps.step("verify"):
            verified = opening.enter_context(opened(archive))
            groups = verified.read(GROUPS)

        def fill(data_dir: Path, promtool: Promtool) -> None:
            del promtool
            with steps.step("unpack"):
                verified.unpack(TSDB, data_dir)
                found, expected = read_blocks(data_dir), verified.manifest.blocks
            if found != expected:
                raise RehearsalFailed(f"expected the blocks {expected} in {data_dir}, found {found}.")

        with steps.step(_START):
            sandbox = cleanup.enter_context(
                open_sandbox(settings, say, history=fill, groups=groups, omitted=measured(settings.contract))
            )
        steps.seconds[_START] -= steps.seconds["unpack"]  # which is in the middle of it
    with steps.step("to GO"):
        wait_for_go(sandbox, settings, since=since)
    return sandbox, time.monotonic() - began


def p95(seconds: Sequence[float]) -> float:
    """The smallest of some times that 95 of 100 of them do not exceed (nearest rank)."""
    return sorted(seconds)[math.ceil(_P95 * len(seconds)) - 1]


def _publish_and_read_back(sandbox: Sandbox, rto_seconds: float, settings: Settings) -> float:
    """Publishes a restore time and waits until the DR rules have recorded a p95 that knows of it."""
    (realm,) = settings.realms
    api, pace = sandbox.judge.api, sandbox.pace
    recent = f"[{round(1000 * max(pace.max_sample_age, 2 * pace.scrape_interval))}ms]"
    contract = pace.contract
    names = contract.rehearsal
    total = contract.selector(names.succeeded, realm, {"job": names.job})
    before = api.query(f"{total}{recent}").series
    held = before[0].last.value if before else 0.0
    publish(sandbox.stack.pushgateway_url, realm, pace, rto_seconds)

    def recorded() -> float | None:
        counted = api.query(f"{total}{recent}").series
        quantile = api.query(f"{contract.selector(names.p95, realm)}{recent}").series
        if not counted or not quantile or counted[0].last.value <= held:
            return None
        first = next(sample.at for sample in counted[0].samples if sample.value > held)
        newest = quantile[0].last
        return newest.value if newest.at > first and math.isfinite(newest.value) else None

    return (
        wait_until(
            recorded,
            deadline_seconds=2 * (pace.scrape_interval + pace.rule_interval) + _ROOM_SECONDS,
            interval_seconds=_POLL_SECONDS,
            what=f"{names.p95} with the restore time of this rehearsal",
            next_step="look at the rules of the group dr.",
        )
        or math.nan
    )
