"""
When what is live has earned a GO that is its own.

A change does its harm later: until the targets are found, scraped and judged, and the old beats have gone stale, the
samples are those of the configuration before it, and so is the GO. What was kept by such a GO would be what a
rollback goes back to. So a configuration is watched for as long as an ABORT by it would take, and kept by a GO after.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from l4gate.base import GateError, OperationRefused
from l4gate.contract import Pace
from l4gate.operations.checkpoints import CheckpointStore
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.kept import Checkpoint
from l4gate.operations.proof import runs_otherwise
from l4gate.operations.reload import DISCOVERY_SECONDS
from l4gate.verdict import Judge, Look

_EVALUATIONS: Final = 3  # of the recorded rule, of the alert, and one that has just been missed


def probation_seconds(pace: Pace) -> float:
    """How long a change may be live before the ABORT by it fires, in seconds of the stack."""
    seen = DISCOVERY_SECONDS + pace.scrape_interval + _EVALUATIONS * pace.rule_interval
    return seen + max(pace.fresh_limit, pace.lookback) + pace.abort_for


class Probation:
    """Keeps what is live at a GO, once it has been live for long enough to be to blame for an ABORT."""

    def __init__(self, store: CheckpointStore, judge: Judge, *, factor: float) -> None:
        self._store = store
        self._judge = judge
        self._factor = factor
        self._live = ""
        self._since = 0.0
        self._kept = ""

    def go(self, looks: Sequence[Look]) -> Checkpoint | None:
        """
        After looks that were GO: the new checkpoint; None if it is kept already, or has not been live for long enough.

        Raises:
            GateError: if it cannot be told what is live, or it cannot be kept.
        """
        try:
            content = read_configuration(self._store.live_dir)
            if [self._kept] == [content.hash] == [each.hash for each in self._store.all()[:1]]:
                return None
            _refuse_unless_run(self._judge, self._store, content)
        except GateError:
            self._live = ""
            raise
        now = time.monotonic()
        if content.hash != self._live:
            self._live, self._since = content.hash, now
        if now - self._since < probation_seconds(self._judge.expectation.pace):
            return None
        found = checkpoint(self._store, self._judge, looks, factor=self._factor, before=content)
        self._kept = found.hash
        return found


def checkpoint(
    store: CheckpointStore,
    judge: Judge,
    looks: Sequence[Look],
    *,
    factor: float,
    before: Configuration | None = None,
) -> Checkpoint:
    """
    Keeps what is live, if the looks are a GO and the server runs what is in the live folder.

    With `before`, what was live before the looks: they say nothing of what was made live meanwhile.

    Raises:
        OperationRefused: if it has not earned it.
        RuleError, ApiError: if the folder or the server cannot be read.
    """
    content = read_configuration(store.live_dir)
    if before is not None and content != before:
        message = f"expected {store.live_dir} to hold {before.hash[:16]}, which was judged, found {content.hash[:16]}."
        raise OperationRefused(message, next_step="try again: what is live by now has earned nothing yet.")
    _refuse_unless_run(judge, store, content)
    return store.save(content, looks, factor=factor, url=judge.api.base_url)


def _refuse_unless_run(judge: Judge, store: CheckpointStore, content: Configuration) -> None:
    difference = runs_otherwise(judge, content)
    if difference:
        message = (
            f"expected {judge.rules_api.base_url} to run what is in {store.live_dir}, found something else:\n"
            f"{difference}\n"
        )
        raise OperationRefused(message, next_step="run l4gate reload, then try again.")
