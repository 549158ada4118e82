"""
A live configuration, the journal beside it, and monitors over it: the real command, each in a process of its own.

What a change breaks and what merely happens beside it look alike to a server. So the change is a comment here, and the
writer is stopped: what differs is what had earned the GO.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from l4gate.base import Verdict
from l4gate.operations import Checkpoint, CheckpointStore, roll_back
from l4gate.operations.configuration import Configuration
from l4gate.settings import Settings
from tests.ops.conftest import GO_SECONDS, Box

FACTOR = 120.0  # the gate's own: a stale heartbeat is an ABORT after 3.5 s
OFTEN = [0, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(1, 20))]
MONITOR_SECONDS = 100.0
_ABORT_SECONDS = 40.0
# For the verdict after a rollback, which stays ABORT while nobody beats. All that time counts against the uptime of the
# day (12 min here), and too much of it would be an ABORT of its own.
_DEADLINE_SECONDS = 3


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """A faster sandbox: these scenarios are run often."""
    return replace(settings, factor=FACTOR)


class Monitors:
    """Starts monitors of the box, each in a process of its own."""

    def __init__(self, box: Box, store: CheckpointStore, settings: Settings) -> None:
        self._command = [
            *("watch", "--for", "24h", "--rollback", "--url", box.server.api.base_url),
            *(
                "--factor",
                f"{FACTOR:g}",
                "--deadline",
                f"{_DEADLINE_SECONDS}",
                "--live-dir",
                str(box.live_dir),
            ),
            *("--state-dir", str(store.folder.parent.parent), "--cache-dir", str(settings.cache_dir)),
        ]

    def start(self, killed_at: int = 0) -> subprocess.Popen[str]:
        """One that is killed at that write, or at none."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.killed", str(killed_at), *self._command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, killed_at: int = 0) -> tuple[int, str]:
        """The exit code and all that it said."""
        process = self.start(killed_at)
        said, _ = process.communicate(timeout=MONITOR_SECONDS)
        return process.returncode, said


@dataclass(frozen=True)
class Scene:
    """A box whose configuration has earned its GO, and how a monitor over it ended."""

    box: Box
    store: CheckpointStore
    kept: Checkpoint
    monitors: Monitors

    @property
    def changed(self) -> Configuration:
        """The good configuration with a comment more."""
        return self.box.edited("prometheus.yml", b"\n", b"\n# change\n")

    @property
    def restored(self) -> list[str]:
        """The hashes that took the place of another, in order."""
        return [each.restored for each in self.store.journal.answers() if each.outcome == "restored"]

    def silence(self) -> None:
        """Stops the writer, and sees an ABORT."""
        self.box.sandbox.heart.stop()
        looks = self.box.sandbox.judge.judge(_ABORT_SECONDS, until=frozenset({Verdict.ABORT}))
        assert looks[0].decision.verdict is Verdict.ABORT, looks[0].decision.cause

    def roll_back(self, *, automatic: bool = False) -> None:
        roll_back(
            self.box.server,
            self.store,
            self.box.sandbox.judge,
            deadline_seconds=GO_SECONDS,
            automatic=automatic,
        )


@pytest.fixture
def scene(box: Box, store: CheckpointStore, kept: Checkpoint, settings: Settings) -> Iterator[Scene]:
    """Whatever a test leaves, the next one starts with a writer."""
    yield Scene(box, store, kept, Monitors(box, store, settings))
    box.sandbox.heart.start()
