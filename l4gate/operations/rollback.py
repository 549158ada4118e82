"""
Rollback: back to the last configuration that earned a GO, live and proven, and then judged anew.

The verdict after it is held against the restored configuration's own rules: it was this repository's when it earned
its GO, and the repository may have moved on to the very change that is being taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from l4gate.base import OperationRefused, Verdict, worst
from l4gate.operations.checkpoints import CheckpointStore
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.kept import Checkpoint
from l4gate.operations.reload import LiveServer, Reloaded, reload_live
from l4gate.verdict import Judge, Look


@dataclass(frozen=True)
class RolledBack:
    """What was restored in place of what, and the looks after it. `seconds` counts from the start to the last look."""

    restored: Checkpoint
    replaced_hash: str
    reloaded: Reloaded
    looks: tuple[Look, ...]
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """GO if the restored configuration proved itself again."""
        return worst(look.decision.verdict for look in self.looks)


def roll_back(
    server: LiveServer,
    store: CheckpointStore,
    judge: Judge,
    *,
    deadline_seconds: float,
    to: str = "",
    progress: Callable[[tuple[Look, ...], float], None] = lambda _looks, _left: None,
) -> RolledBack:
    """
    Restores a checkpoint, reloads, proves, and judges for at most deadline_seconds until GO.

    Args:
        server: the server and the folder that it reads.
        store: the checkpoints of that folder.
        judge: of that server; its expectation is replaced by the restored rules.
        deadline_seconds: how long the new verdict may take.
        to: the beginning of a checkpoint's hash; empty for the last one that differs from what is live.
        progress: called after each look.

    Raises:
        OperationRefused: if there is none to go back to, it is damaged, does not pass the check or cannot be made
            live; nothing has changed then, or what was live is back.
    """
    started = time.monotonic()
    live = read_configuration(server.live_dir)
    chosen = store.find(to) if to else _last_other(store, live)
    content = chosen.configuration()
    reloaded = reload_live(server, content)
    judge = replace(judge, expectation=replace(judge.expectation, groups=content.rules()))
    # The alert that led here still fires at the first looks: ABORT does not end this wait.
    looks = judge.judge(deadline_seconds, until=frozenset({Verdict.GO}), progress=progress)
    return RolledBack(chosen, live.hash, reloaded, looks, time.monotonic() - started)


def _last_other(store: CheckpointStore, live: Configuration) -> Checkpoint:
    checkpoints = store.all()
    for each in checkpoints:
        if each.hash != live.hash:
            return each
    if checkpoints:
        message = f"there is no other configuration to go back to: what is live is {checkpoints[0]}, the only one kept."
        raise OperationRefused(
            message, next_step="look at the verdict's cause: the configuration may not be what is wrong."
        )
    message = f"there is nothing to go back to: no configuration of {store.live_dir} has earned a GO yet."
    unusable = store.unusable()
    if unusable:
        message += f" {len(unusable)} of what is kept cannot be used, such as {unusable[0]}"
    raise OperationRefused(message, next_step="mend the live one, and run l4gate checkpoint at the next GO.")
