"""Everything that is asked of a Prometheus-compatible API; whoever needs another question adds a method here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from typing import Any, Final

from l4gate.base import ApiBadAnswer
from l4gate.prometheus_api.answers import MOST_SERIES, OK, Answer, QueryAnswer, SampleSeries, read
from l4gate.prometheus_api.asking import MOST_BYTES, Asker
from l4gate.prometheus_api.caller import Caller
from l4gate.prometheus_api.dialects import ASKED_WITH, DIALECTS, PROMETHEUS, Dialect, recognised
from l4gate.prometheus_api.external import NONE, External, bare_groups, bare_series, bare_targets
from l4gate.prometheus_api.naming import hold_to_name
from l4gate.prometheus_api.numbers import is_time
from l4gate.prometheus_api.printout import printed_anew
from l4gate.prometheus_api.rule_groups import translated

_LONGEST_IN_A_URL: Final = 2000  # characters; proxies refuse a URL of 8 kB, and escaping makes it longer
_BYTES_PER_SERIES: Final = 400  # of six labels and ten samples
_MOST_BYTES_UNREAD: Final = 64 << 20  # two million samples, in a rehearsal that has the machine to itself
_BYTES_PER_PART: Final = 8  # at least, of what a list or an object takes in an answer that is about something
_NO_POST: Final = (403, 405, 501)  # what stands before a server to be read only may let GET alone through
_CONFIGURATION: Final = "/api/v1/status/config"
_TARGETS: Final = "/api/v1/targets"
_WORDS: Final = 8192  # bytes of an answer that is none
_BUILD: Final = "/api/v1/status/buildinfo"
_NOT_HERE: Final = "give --scrape-url: the Prometheus (or vmagent) that scrapes, where this server does not"
_NOBODY: Final = Caller()
REQUEST_TIMEOUT_SECONDS: Final = 5.0  # a healthy server answers the gate's queries in milliseconds


class PrometheusApi:
    """
    A client of one server. Not for use by several threads at once.

    `engine` names the dialect that it speaks; without one it is recognised from what the server says, once.
    `scraper` is asked for targets and configuration in its place, where the server does not scrape itself.
    `external` are the labels with their values that the engine adds to all that it has, and nobody is to see.

    Each method raises ApiUnreachable if no complete answer came in time, that is before its own time limit and before
    the deadline around it (`base.deadline`), and ApiBadAnswer for one that is wrong.
    """

    engine: str = ""
    scraper: PrometheusApi | None = None
    external: External = NONE
    _is_as_named: bool = False
    _dialect: Dialect | None = None

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        caller: Caller = _NOBODY,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        # A cached answer is yesterday's truth: caches are told to stand aside, and those that do not are found. Mimir's
        # frontend knows a question again whatever else stands in the URL; it listens to `no-store` alone.
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache, no-store",
        }
        self.caller, self._timeout_seconds = caller, timeout_seconds
        self._asker = Asker(
            self.base_url, timeout_seconds, {**caller.sent, **headers}, certificate=caller.certificate
        )

    @property
    def of_a_stranger(self) -> PrometheusApi | None:
        """A client for the same URL that asks for a tenant that nobody has; None where no header names a tenant."""
        stranger = self.caller.stranger
        if stranger is None:
            return None
        return PrometheusApi(self.base_url, timeout_seconds=self._timeout_seconds, caller=stranger)

    def beside(self) -> PrometheusApi:
        """A client for the same server as the same caller, to ask while this one waits."""
        made = copy(self)
        made._asker = self._asker.another()  # noqa: SLF001 - one of our own
        return made

    def now(self) -> float:
        """The server's clock, in Unix seconds."""
        self._hold_to_its_name()
        answer = self.ask("/api/v1/query", self._clock_question()).whole
        if self._dialect is None:
            self._dialect = self._named or recognised(OK, answer.data, "")
        now = answer.clock((self._dialect or PROMETHEUS).clock).value
        if not is_time(now):
            raise answer.malformed(f"time() is {now:g}")
        return now

    def query(self, expr: str, at: float | None = None, *, most_series: int = MOST_SERIES) -> QueryAnswer:
        """
        An instant query; with a range selector the answer holds the raw samples.

        More series than `most_series` are an error, and so are more bytes than go with them.
        """
        params = {"query": expr, **ASKED_WITH} | ({} if at is None else {"time": f"{at:.3f}"})
        answer = self.ask(
            "/api/v1/query",
            params,
            method="POST" if len(expr) > _LONGEST_IN_A_URL else "GET",
            most_bytes=MOST_BYTES + max(most_series - MOST_SERIES, 0) * _BYTES_PER_SERIES,
        )
        return QueryAnswer(expr, self._series(answer, max(MOST_SERIES, most_series)), answer.warnings)

    def query_unread(self, expr: str, at: float) -> Answer:
        """An instant query whose series stay as they came, for millions of samples that nobody judges one by one."""
        params = {"query": expr, "time": f"{at:.3f}", **ASKED_WITH}
        return self.ask("/api/v1/query", params, most_bytes=_MOST_BYTES_UNREAD)

    def query_range(self, expr: str, start: float, end: float, step: float) -> QueryAnswer:
        """A range query from start to end (Unix seconds), every step seconds."""
        params = {
            "query": expr,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:.3f}",
        } | ASKED_WITH
        answer = self.ask("/api/v1/query_range", params)
        return QueryAnswer(expr, self._series(answer), answer.warnings)

    @property
    def longest_query(self) -> int | None:
        """How many bytes of a query the server reads at most, as far as its engine is known; None for any number."""
        return (self._named or self._dialect or PROMETHEUS).longest_query

    @property
    def untold(self) -> frozenset[str]:
        """What the newest `configuration` cannot tell: sections, and `global.NAME`."""
        asked = self.scraper or self
        return (asked._named or asked._dialect or PROMETHEUS).untold  # noqa: SLF001 - one of our own

    def targets(self) -> list[dict[str, Any]]:
        """The active targets as Prometheus' `/api/v1/targets` has them."""
        if self.scraper is not None:
            return self.scraper.targets()
        found = self._of_scrapes(_TARGETS, {"state": "active"}).whole.dicts("activeTargets")
        dialect = self._spoken()
        return bare_targets([dialect.target(each) for each in found], self.external)

    def rules(self) -> dict[str, Any]:
        """The `data` of Prometheus' `/api/v1/rules`: `{"groups": [...]}`."""
        groups = self.ask("/api/v1/rules").whole.dicts("groups")
        groups = translated(groups, self._spoken(), self.engine, self.base_url)
        return {"groups": bare_groups(groups, self.external)}

    def version(self) -> str:
        """The server's version, or an empty string where the API does not tell."""
        with suppress(ApiBadAnswer):
            return self.ask(_BUILD).text("version")
        return ""

    def configuration(self) -> str:
        """
        The configuration that the server has loaded, as the YAML that Prometheus would print.

        An engine that prints another form is read and written anew; what it cannot tell is `untold`.
        """
        if self.scraper is not None:
            return self.scraper.configuration()
        printed = self._of_scrapes(_CONFIGURATION).text("yaml")
        if not printed:
            message = f"{self.base_url}{_CONFIGURATION} answered without a configuration."
            raise ApiBadAnswer(message, next_step=f"{_NOT_HERE}.")
        dialect = self._spoken()
        return printed_anew(printed, dialect, self._flags, self.base_url)

    def _flags(self) -> str:
        return self._asker.ask("GET", "/metrics", {}).body.decode("utf-8", "replace")

    def _of_scrapes(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        try:
            return self.ask(path, params)
        except ApiBadAnswer as error:
            step = f"{_NOT_HERE}; else {error.next_step or 'read the log of the server.'}"
            raise ApiBadAnswer(error.message, next_step=step) from None

    def _series(self, answer: Answer, most: int = MOST_SERIES) -> tuple[SampleSeries, ...]:
        dialect = self._named or self._dialect or PROMETHEUS
        return bare_series(answer.series(most, markers=dialect.prints_markers), self.external)

    @property
    def _named(self) -> Dialect | None:
        return DIALECTS.get(self.engine)

    def _hold_to_its_name(self) -> None:
        if self._named is not None and not self._is_as_named:
            hold_to_name(self._named, lambda: self.ask(_BUILD).text("application"), self.base_url)
            self._is_as_named = True

    def _spoken(self) -> Dialect:
        """The dialect that was named or has been recognised, else what the server's answer to `time()` shows."""
        if self._dialect is None:
            self._dialect = self._named or self._recognised()
        return self._dialect or PROMETHEUS

    def _recognised(self) -> Dialect | None:
        response = self._asker.ask("GET", "/api/v1/query", self._clock_question())
        try:
            data = read(response).data
        except ApiBadAnswer:
            data = None
        words = response.body[:_WORDS].decode("utf-8", "replace")  # they quote the question before the point
        return recognised(response.status, data, words)

    @staticmethod
    def _clock_question() -> dict[str, str]:
        # The question itself is a new one each time: a cache may know that a parameter means nothing to the server.
        return {"query": f"time() + 0 * {time.time_ns()}", **ASKED_WITH}

    def reload(self) -> str:
        """Asks the server to read its configuration again; "" when it says that it did, else its own words."""
        response = self._asker.ask("POST", "/-/reload", {})
        return "" if response.status == OK else f"HTTP {response.status}: {response.said}"

    def snapshot(self) -> str:
        """Asks the server for a snapshot of its TSDB; returns the name of the folder, which may not be complete yet."""
        answer = self.ask("/api/v1/admin/tsdb/snapshot", method="POST")
        name = answer.text("name")
        if not name:
            raise answer.malformed("a snapshot without a name")
        return name

    def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        most_bytes: int = MOST_BYTES,
    ) -> Answer:
        """The one way to an answer of the API; the methods above say what is asked."""
        # No two questions are the same, so that no cache can answer one with what it kept of another: the clock of
        # a replayed answer would stand still, and with it a GO.
        given = {**(params or {}), "nonce": f"{time.time_ns():x}"}
        response = self._asker.ask(method, path, given, most_bytes=most_bytes)
        if params and method == "POST" and response.status in _NO_POST:
            response = self._asker.ask("GET", path, given, most_bytes=most_bytes)
        return read(response, most_parts=most_bytes // _BYTES_PER_PART)
