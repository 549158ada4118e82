"""
Whether a tool of VictoriaMetrics took over what it was told to reload.

vmagent and vmalert answer 200 before they have read a file. What they think of it stands in their logs at once; that
nothing has changed vmalert does not log at all, and counts only: in its metrics, which it renews once a second. Times
are seconds.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from l4gate.base import wait_until
from l4gate.prometheus_api import new_session

_REQUEST_SECONDS: Final = 2.0
_TAKEN_OVER_SECONDS: Final = 10.0  # takes 10 ms, or as long as the metrics are kept
_POLL_SECONDS: Final = 0.02
# As of 1.79, 1.112 and 1.145.
_REFUSED: Final = re.compile(
    r"(?:error while reloading rules|cannot parse configuration file|cannot read .* on SIGHUP): .*"
)
_TAKEN: Final = re.compile(r"Rules reloaded successfully from|nothing changed in|found changes in")
_COUNTED: Final = re.compile(
    r"^(?:vmalert_config_last_reload_total|vm_promscrape_config_reloads_total) (\d+)$", re.MULTILINE
)


class Reloading:
    """One reload of one program: made before it is asked for it."""

    def __init__(self, service: str, url: str, log: Path) -> None:
        self._service = service
        self._url = url
        self._log = log
        self._logged = log.stat().st_size
        self._before = self._reloads()

    def refusal(self) -> str:
        """
        Why it refused; empty if it did not.

        Raises:
            NotReady: if it says nothing.
            HttpError: if its metrics cannot be had.
        """
        counted = wait_until(
            lambda: "logged" if self._seen(_TAKEN) or self._seen(_REFUSED) else self._more(),
            deadline_seconds=_TAKEN_OVER_SECONDS,
            interval_seconds=_POLL_SECONDS,
            what=f"{self._service} to say whether it took over its configuration",
        )
        # It counts a reload as it begins.
        refused = self._seen(_REFUSED)
        return refused[0] if counted and refused else ""

    def _seen(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        with self._log.open("rb") as log:
            log.seek(self._logged)
            return pattern.search(log.read().decode(errors="replace"))

    def _more(self) -> str:
        return "counted" if self._reloads() > self._before else ""

    def _reloads(self) -> int:
        with new_session(self._url) as session:
            found = _COUNTED.search(session.get(f"{self._url}/metrics", timeout=_REQUEST_SECONDS).text)
        return int(found[1]) if found else 0
