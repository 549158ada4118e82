"""
What an answer of the query API is: complete and well formed, or an error that says what came instead.

Nothing here turns an error, an empty body or a redirect into a number.
All times are Unix seconds of the server's clock.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from l4gate.base import ApiBadAnswer, ApiUnreachable, keep_deadline, read_json
from l4gate.prometheus_api.numbers import moment, number
from l4gate.prometheus_api.partial import what_is_missing

OK: Final = 200
_REFUSED: Final = (401, 403)
_CREDENTIALS_STEP: Final = (
    "name a file with what it wants: L4_HEADER_FILE (a tenant), L4_BEARER_TOKEN_FILE or L4_BASIC_AUTH_FILE."
)
_BETWEEN_STEP: Final = "look for a proxy or a login page between here and the server."
# PrometheusHTTPPrefix and LegacyHTTPPrefix in pkg/api/api.go of grafana/mimir and cortexproject/cortex.
_PREFIX_STEP: Final = (
    "check the path of the URL: Mimir and Cortex answer under /prometheus or /api/prom, vmselect under "
    "/select/ACCOUNT/prometheus."
)
_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503
_REDIRECT: Final = 3  # hundreds
MOST_SERIES: Final = 50_000  # a service has some 60 in a realm; these take 40 MB and half a second
_NARROW: Final = (
    "find who makes that many series of the names in contract.yml, or judge on a server of its own."
)
_BETWEEN_DEADLINES: Final = 100  # series, which take a millisecond
_TEXT: Final = {str}
_QUOTED_CHARACTERS: Final = 160  # how much of a wrong answer is shown


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its time in Unix seconds and its value (which may be NaN or infinite)."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """One series of an answer: labels with `__name__`, and its samples in time order."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]

    @property
    def last(self) -> Sample:
        """The newest sample; an answer never holds a series without one."""
        return self.samples[-1]


@dataclass(frozen=True)
class QueryAnswer:
    """What a query returned, with the warnings that make it a partial answer."""

    query: str
    series: tuple[SampleSeries, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Response:
    """What came over the wire from a URL, not yet judged."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> str:
        """The beginning of the body, fit to stand in a message."""
        return quoted(self.body[: 8 * _QUOTED_CHARACTERS].decode("utf-8", "replace"))


@dataclass(frozen=True)
class Answer:
    """The `data` of one successful API answer, and the `warnings` that make it a partial one; `url` is who gave it."""

    url: str
    data: Any
    warnings: tuple[str, ...] = ()

    @property
    def whole(self) -> Answer:
        """Itself; raises ApiBadAnswer if it is partial: half a list of rules hides what the other half says."""
        if self.warnings:
            message = f"{self.url} gave a partial answer: {quoted('; '.join(self.warnings))}."
            raise ApiBadAnswer(message, next_step="find the store or shard that did not answer.")
        return self

    def dicts(self, key: str) -> list[dict[str, Any]]:
        """A list of objects in the data."""
        found = self.data.get(key) if isinstance(self.data, dict) else None
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self.malformed(f"no list {key!r}")
        return found

    def text(self, key: str) -> str:
        """A text in the data, or an empty one."""
        found = self.data.get(key) if isinstance(self.data, dict) else None
        return found if isinstance(found, str) else ""

    def clock(self, kind: str) -> Sample:
        """The one sample of an answer to `time()`: a scalar, or the one series of a vector, which has no labels."""
        if not isinstance(self.data, dict) or self.data.get("resultType") != kind:
            raise self.malformed(f"no {kind} for time()")
        if kind == "scalar":
            return self._sample(self.data.get("result"))
        found = self.series()
        if len(found) != 1 or found[0].labels:
            raise self.malformed("no single series without labels for time()")
        return found[0].last

    def series(self, most: int = MOST_SERIES, *, markers: bool = False) -> tuple[SampleSeries, ...]:
        """
        The series of a vector or matrix, at most so many.

        With `markers`, NaN among raw samples says that the series ended there.
        """
        if not isinstance(self.data, dict) or self.data.get("resultType") not in ("vector", "matrix"):
            raise self.malformed("no vector or matrix")
        found = self.dicts("result")
        if len(found) > most:
            message = f"{self.url} answered with {len(found)} series, more than {most}."
            raise ApiBadAnswer(message, next_step=_NARROW)
        parts = (found[at : at + _BETWEEN_DEADLINES] for at in range(0, len(found), _BETWEEN_DEADLINES))
        series = tuple(
            one for part in parts for one in self._some_series(part, markers=markers) if one.samples
        )
        if len({frozenset(each.labels.items()) for each in series}) < len(series):
            raise self.malformed("the same series twice")
        return series

    def malformed(self, what: str) -> ApiBadAnswer:
        """The error for JSON of another shape than the API's."""
        return ApiBadAnswer(
            f"{self.url} answered JSON that is not the query API's: {what}.",
            next_step="check that the URL is that of a Prometheus-compatible API, and its tenant in L4_HEADER_FILE.",
        )

    def _some_series(self, found: list[dict[str, Any]], *, markers: bool) -> Iterator[SampleSeries]:
        keep_deadline(f"reading the series of {self.url}")
        for each in found:
            yield self._one_series(each, markers=markers)

    def _one_series(self, each: Mapping[str, Any], *, markers: bool) -> SampleSeries:
        labels = each.get("metric")
        values = each.get("values") if "values" in each else [each.get("value")]
        if (
            not isinstance(labels, dict)
            or "" in labels
            or not set(map(type, labels.values())) <= _TEXT
            or not isinstance(values, list)
            or not values
        ):
            # A native histogram has no float value; the contract knows none, so it cannot be judged.
            raise self.malformed("a series without labels or float samples")
        samples = tuple(self._sample(value) for value in values)
        if markers and "values" in each:
            samples = tuple(sample for sample in samples if not math.isnan(sample.value))
        if len(samples) > 1 and any(later.at <= earlier.at for earlier, later in pairwise(samples)):
            raise self.malformed("samples out of time order")
        return SampleSeries(labels, samples)

    def _sample(self, pair: Any) -> Sample:
        try:
            at, value = pair
            return Sample(moment(at), number(value))
        except (TypeError, ValueError):
            raise self.malformed(f"a sample that is no [time, text] pair: {quoted(repr(pair))}") from None


def read(response: Response, *, most_parts: int = sys.maxsize) -> Answer:
    """
    Takes a response for what the API answers; with more than `most_parts` lists and objects it takes too much memory.

    Raises:
        ApiUnreachable: for 503 (starting, replaying its WAL).
        ApiBadAnswer: for anything else that is not a successful API answer.
    """
    url, status = response.url, response.status
    if status // 100 == _REDIRECT:
        message = f"{url} redirects (HTTP {status}) in place of an answer."
        raise ApiBadAnswer(message, next_step="give the URL of the API itself.")
    if status == _UNAVAILABLE:
        message = f"{url} answers HTTP {status}: {response.said}."
        raise ApiUnreachable(message, next_step="wait until the server is ready, or read its log.")
    if response.body.count(b"[") + response.body.count(b"{") > most_parts:
        message = f"{url} answered with more than {most_parts} lists and objects."
        raise ApiBadAnswer(message, next_step=_NARROW)
    if status in _REFUSED:
        message = f"{url} answers HTTP {status}: {response.said}."
        raise ApiBadAnswer(message, next_step=_CREDENTIALS_STEP)
    payload = _parse(response.body)
    if not isinstance(payload, dict) or "status" not in payload:
        kind = response.headers.get("Content-Type")
        kind = "no content type" if kind is None else quoted(kind)
        message = f"{url} answered HTTP {status} with {kind}, not the API's JSON: {response.said}."
        raise ApiBadAnswer(message, next_step=_PREFIX_STEP if status == _NOT_FOUND else _BETWEEN_STEP)
    if status != OK or payload["status"] != "success":
        reasons = [payload[key] for key in ("errorType", "error") if isinstance(payload.get(key), str)]
        message = f"{url} answered HTTP {status}: {quoted(': '.join(reasons) or 'no reason given')}."
        raise ApiBadAnswer(message)
    age = response.headers.get("Age", "0").strip()
    if age != "0":
        message = f"{url} answered from a cache (Age: {quoted(age)}), not from the server."
        raise ApiBadAnswer(message, next_step="give the URL of the API itself, or exempt it from the cache.")
    answer = Answer(url, payload.get("data"))
    try:
        return replace(answer, warnings=what_is_missing(payload))
    except ValueError as error:
        raise answer.malformed(str(error)) from None


def quoted(text: str) -> str:
    """The beginning of a foreign text on one line, without what a terminal would obey."""
    text = re.sub(r"\s+", " ", text).strip()
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return repr(printable[:_QUOTED_CHARACTERS]) if printable else "an empty body"


def _parse(body: bytes) -> Any:
    """The JSON of a body, or None for one that is not JSON as RFC 8259 has it, each name once."""
    try:
        return read_json(body)
    except ValueError:
        return None
