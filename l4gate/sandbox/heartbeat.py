"""
Runs the real heartbeat script, `scripts/ops/textfile_heartbeat.sh`: once, or steadily in a thread.

Times are seconds. A beat that fails is data (`BeatResult`), never an exception: what it means is judged from the
metrics, like everything else.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import SCRIPTS_DIR
from l4gate.contract import Contract
from l4gate.sandbox.repeating import Repeating

SCRIPT: Final = SCRIPTS_DIR / "textfile_heartbeat.sh"
CONNECT_SECONDS: Final = 2.0  # this and the next: the script's own defaults; a test keeps them in step
PUSH_SECONDS: Final = 5.0
MIN_LIMIT_SECONDS: Final = 0.1  # a push takes 0.01 s; less would make a busy machine a failure
RUN_LIMIT_SECONDS: Final = 15.0  # the script ends by itself: 5 s for the lock, 5 s for the push, and some
KEPT_RESULTS: Final = 1000  # every beat of a sandbox run; of a rehearsal that lasts for days, the newest
NOT_RUN: Final = 127  # the shell's code for a command that could not be started
TOO_LONG: Final = 124  # the code of timeout(1)


@dataclass(frozen=True)
class BeatResult:
    """How one run of the script ended: its exit code (0 both paths, 1 one path, see its header) and its words."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Heart(Repeating):
    """
    The writer of heartbeats: `beat()` runs the script once, `start()` runs it at every interval until `stop()`.

    The script gets cron's bare environment: PATH, the settings given here, and `overrides`, which may be changed at
    any time to inject a fault into the beats that follow (`heart.overrides["DURI_REALM"] = "staging"`).
    A push may take half an interval at most, as a hanging Pushgateway must not delay the next beat of a scaled
    stack more than it would in production.

    Raises:
        UsageError: if the interval is not a positive number.
    """

    def __init__(
        self,
        *,
        pushgateway_url: str,
        textfile_dir: Path,
        state_dir: Path,
        realm: str,
        interval_seconds: float,
        contract: Contract,
        script: Path = SCRIPT,
    ) -> None:
        super().__init__("heartbeat", interval_seconds, self.beat)
        self.script = script
        self.overrides: dict[str, str] = {}
        self._settings = {
            "DURI_PUSHGATEWAY_URL": pushgateway_url,
            "DURI_TEXTFILE_DIR": str(textfile_dir),
            "DURI_STATE_DIR": str(state_dir),
            "DURI_REALM": realm,
            "DURI_REALM_LABEL": contract.realm.label,
            "DURI_TIME_METRIC": contract.heartbeat.time,
            "DURI_SEQUENCE_METRIC": contract.heartbeat.sequence,
            "DURI_JOB": contract.heartbeat.job,
            "DURI_INSTANCE": contract.heartbeat.instance,
            "DURI_CONNECT_SECONDS": _limit(CONNECT_SECONDS, interval_seconds),
            "DURI_PUSH_SECONDS": _limit(PUSH_SECONDS, interval_seconds),
        }
        self._results: deque[BeatResult] = deque(maxlen=KEPT_RESULTS)

    def beat(self, **env: str) -> BeatResult:
        """Runs the script once and waits for its end; `env` adds to its environment for this run only."""
        path = os.environ.get("PATH", os.defpath)
        environment = {"PATH": path, **self._settings, **self.overrides, **env}
        began = time.monotonic()
        try:
            done = subprocess.run(
                [str(self.script)],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=RUN_LIMIT_SECONDS,
                check=False,
            )
            returncode, stdout, stderr = done.returncode, done.stdout, done.stderr
        except OSError as error:
            returncode, stdout, stderr = NOT_RUN, "", f"{self.script} could not be run: {error}"
        except subprocess.TimeoutExpired:
            words = f"{self.script} was killed after {RUN_LIMIT_SECONDS:g} s; it should have ended by itself."
            returncode, stdout, stderr = TOO_LONG, "", words
        result = BeatResult(returncode, stdout, stderr, time.monotonic() - began)
        self._results.append(result)
        return result

    @property
    def results(self) -> tuple[BeatResult, ...]:
        """The newest beats, oldest first."""
        return tuple(self._results)

    @property
    def last_failure(self) -> BeatResult | None:
        """The newest beat that did not deliver by both paths."""
        return next((result for result in reversed(self.results) if result.returncode != 0), None)


def _limit(production_seconds: float, interval_seconds: float) -> str:
    seconds = max(MIN_LIMIT_SECONDS, min(production_seconds, interval_seconds / 2))
    return f"{seconds:.3f}"
