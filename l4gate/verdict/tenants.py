"""
Whose data is judged: a server of many tenants must answer for the one that was asked for, and for no other.

Nothing in a sample names its tenant. What can be known is whether the header makes a difference: a server that gives
the same samples to a tenant that nobody has does not heed the header, or falls back to somebody's data.
"""

from __future__ import annotations

from typing import Final

from l4gate.base import ApiBadAnswer, ApiError, ApiUnreachable
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi, QueryAnswer
from l4gate.verdict.keys import Key, series_key
from l4gate.verdict.look import Measurement
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.seen import Sighting

IGNORED: Final = "tenant-ignored"
EMPTY: Final = "no-series"
_TRIES: Final = 3  # a question for a tenant that nobody has may lead nowhere, and then takes its whole time
_STEP: Final = (
    "have the server, or what stands before it, answer for no tenant but the one that the header file (L4_HEADER_FILE) "
    "names, or name one that it knows."
)


def nothing_of(realm: str, api: PrometheusApi, seen: Sighting) -> dict[str, Unreachable]:
    """What is wrong with a look that saw no series; where a tenant was asked for, none of the realm."""
    series = bool(seen.present or seen.recent)
    if series and not (api.caller.headers and not seen.of(realm)):
        return {}
    found = "that has the realm" if series else "at all, not even `up`"
    message = f"{api.base_url} answered without a series {found}."
    step = (
        "name the tenant whose data this is in a file with its header (L4_HEADER_FILE), or give the URL that has it; "
        "a server that has just been started has none before its first scrape."
    )
    return {EMPTY: Unreachable(api.base_url, message, step)}


class TenantProof:
    """Asks once, of the first realm that has data, whether the header decides what is answered."""

    def __init__(self) -> None:
        self._settled = False
        self._tries = _TRIES
        self._asked_at = 0.0
        self._flaw: Unreachable | None = None

    def checked(self, measurement: Measurement, api: PrometheusApi, pace: Pace) -> Measurement:
        """The measurement, or in its place why it may be another tenant's."""
        if not measurement.evaluations:  # nothing is proven of it either
            return measurement
        if not self._settled and measurement.at != self._asked_at:  # once in each look at most
            self._asked_at = measurement.at
            self._ask(api, pace, measurement.realm, measurement.at)
        if self._flaw is None:
            return measurement
        return Measurement(measurement.realm, 0.0, errors={IGNORED: self._flaw}, writer=measurement.writer)

    def ensure(self, api: PrometheusApi, pace: Pace, realm: str, at: float) -> None:
        """
        The same for what is judged without a look, at a time in Unix seconds.

        Raises:
            ApiBadAnswer: if it may be another tenant's.
        """
        while not self._settled:
            before = self._tries
            self._ask(api, pace, realm, at)
            if before == self._tries:
                break
        if self._flaw is not None:
            raise ApiBadAnswer(self._flaw.error, next_step=self._flaw.next_step)

    def _ask(self, api: PrometheusApi, pace: Pace, realm: str, at: float) -> None:
        self._flaw = None
        stranger = api.of_a_stranger
        if stranger is None:
            self._settled = True
            return
        expr = _question(pace, realm)
        try:
            mine = _samples(api.query(expr, at))
        except ApiError as error:
            self._flaw = Unreachable(api.base_url, error.message, error.next_step)
            return
        if not mine:  # then nothing of the realm is proven either
            return
        try:
            theirs = _samples(stranger.query(expr, at))
        except ApiBadAnswer:  # it was refused
            theirs = frozenset()
        except ApiUnreachable as error:
            self._tries -= 1
            if self._tries:
                found = f"whether the tenant makes a difference is not known yet: {error.message}"
                self._flaw = Unreachable(api.base_url, found, error.next_step)
                return
            theirs = frozenset()
        self._settled = True
        if mine & theirs:
            names = " and ".join(api.caller.headers)
            found = f"the same samples for a tenant that nobody has: {names} made no difference."
            self._flaw = Unreachable(api.base_url, found, _STEP)


def _question(pace: Pace, realm: str) -> str:
    """
    The raw samples of the beat: when a writer beat, and when that was scraped, is one server's alone.

    What is recorded is not: two servers with the same rule files evaluate them at the same milliseconds, to the same 1.
    """
    contract = pace.contract
    window = round(pace.changes_window * 1000)
    return f'{contract.heartbeat.time}{{{contract.realm.label}="{realm}"}}[{window}ms]'


def _samples(answer: QueryAnswer) -> frozenset[tuple[Key, float, float]]:
    return frozenset(
        (series_key(series.labels), sample.at, sample.value)
        for series in answer.series
        for sample in series.samples
    )
