"""
The only module that speaks HTTP to a Prometheus-compatible API.

An answer is either complete and well formed or an error that says what came instead. Nothing here turns an
error, an empty body or a redirect into a number. All times are Unix seconds of the server's clock.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import math
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from l4gate.base import ApiBadAnswer, ApiUnreachable, UsageError

REQUEST_TIMEOUT_SECONDS: Final = 5.0  # a healthy server answers the gate's queries in milliseconds
MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # a rules answer with thousands of rules is below 10 MB
_REDIRECT: Final = 3  # hundreds
_CHUNK_BYTES: Final = 1 << 16
_TOO_SLOW: Final = "see whether the server hangs or is overloaded."
_QUOTED_CHARACTERS: Final = 160  # how much of a wrong answer is shown


@dataclass(frozen=True)
class Sample:
    """One sample: its time in Unix seconds and its value (which may be NaN or infinite)."""

    at: float
    value: float


@dataclass(frozen=True)
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


class PrometheusApi:
    """A client of one server. Not for use by several threads at once."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        bearer_token_file: Path | None = None,
        basic_auth_file: Path | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout_seconds = timeout_seconds
        # A cached answer is yesterday's truth: caches are told to stand aside, and those that do not are found.
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
        }
        authorization = _authorization(bearer_token_file, basic_auth_file)
        if authorization:
            self._headers["Authorization"] = authorization
        self._session = self._new_session()
        self._until = math.inf

    @contextmanager
    def until(self, end: float) -> Iterator[None]:
        """
        Lets no request go on after a moment of `time.monotonic()`: one budget for all that is asked inside.

        What has not answered by then raises ApiUnreachable, and so does what has not been asked.
        """
        before, self._until = self._until, end
        try:
            yield
        finally:
            self._until = before

    @property
    def out_of_time(self) -> bool:
        """Whether the moment of `until` has passed."""
        return time.monotonic() >= self._until

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # A proxy from the environment must never answer for a server on this machine.
        session.trust_env = not is_loopback(self.base_url)
        return session

    def now(self) -> float:
        """The server's clock, in Unix seconds."""
        data = self._whole("/api/v1/query", {"query": "time()"})
        if not isinstance(data, dict) or data.get("resultType") != "scalar":
            raise self._malformed("/api/v1/query", "no scalar for time()")
        now = self._sample(data.get("result")).value
        if not 0 < now < math.inf:
            raise self._malformed("/api/v1/query", f"time() is {now:g}")
        return now

    def query(self, expr: str, at: float | None = None) -> QueryAnswer:
        """
        An instant query; with a range selector the answer holds the raw samples.

        Raises:
            ApiUnreachable, ApiBadAnswer: if no complete answer came.
        """
        params = {"query": expr} if at is None else {"query": expr, "time": f"{at:.3f}"}
        return self._answer("/api/v1/query", params, expr)

    def query_range(self, expr: str, start: float, end: float, step: float) -> QueryAnswer:
        """A range query from start to end (Unix seconds), every step seconds."""
        params = {"query": expr, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return self._answer("/api/v1/query_range", params, expr)

    def targets(self) -> list[dict[str, Any]]:
        """The active targets as `/api/v1/targets` has them."""
        data = self._whole("/api/v1/targets", {"state": "active"})
        return self._dicts("/api/v1/targets", data, "activeTargets")

    def rules(self) -> dict[str, Any]:
        """The `data` of `/api/v1/rules`: `{"groups": [...]}`."""
        data = self._whole("/api/v1/rules", {})
        return {"groups": self._dicts("/api/v1/rules", data, "groups")}

    def version(self) -> str:
        """The server's version, or an empty string where the API does not tell."""
        try:
            data, _ = self.get("/api/v1/status/buildinfo", {})
        except ApiBadAnswer:
            return ""
        return str(data.get("version", "")) if isinstance(data, dict) else ""

    def reload(self) -> str:
        """
        Asks the server to read its configuration again; "" when it says that it did, else its own words.

        Raises:
            ApiUnreachable, ApiBadAnswer: if no answer came.
        """
        path = "/-/reload"
        status, _, body = self._fetch(path, {}, method="POST")
        return "" if status == requests.codes.ok else f"HTTP {status}: {_quote(_decoded(body))}"

    def _whole(self, path: str, params: Mapping[str, str]) -> Any:
        """The `data` of an answer that must not be partial: half a list of rules hides what the other half says."""
        data, warnings = self.get(path, params)
        if warnings:
            message = f"{self.base_url}{path} gave a partial answer: {_quote('; '.join(warnings))}."
            raise ApiBadAnswer(message, next_step="find the store or shard that did not answer.")
        return data

    def get(self, path: str, params: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
        """
        The `data` and the `warnings` of one API answer.

        Raises:
            ApiUnreachable: no connection, no complete answer in time, or 503 (starting, replaying its WAL).
            ApiBadAnswer: anything else that is not a successful API answer.
        """
        # No two questions are the same, so that no cache can answer one with what it kept of another: the clock of
        # a replayed answer would stand still, and with it a GO.
        status, headers, body = self._fetch(path, {**params, "nonce": f"{time.time_ns():x}"})
        if status // 100 == _REDIRECT:
            message = f"{self.base_url}{path} redirects (HTTP {status}) in place of an answer."
            raise ApiBadAnswer(message, next_step="give the URL of the API itself.")
        payload = _parse(body)
        if status == requests.codes.service_unavailable:
            message = f"{self.base_url}{path} answers HTTP 503: {_quote(_decoded(body))}."
            raise ApiUnreachable(message, next_step="wait until the server is ready, or read its log.")
        if not isinstance(payload, dict) or "status" not in payload:
            kind = _quote(headers.get("Content-Type", "")) if "Content-Type" in headers else "no content type"
            said = _quote(_decoded(body))
            message = f"{self.base_url}{path} answered HTTP {status} with {kind}, not the API's JSON: {said}."
            raise ApiBadAnswer(
                message, next_step="look for a proxy or a login page between here and the server."
            )
        if status != requests.codes.ok or payload["status"] != "success":
            reasons = [payload[key] for key in ("errorType", "error") if isinstance(payload.get(key), str)]
            said = _quote(": ".join(reasons) or "no reason given")
            message = f"{self.base_url}{path} answered HTTP {status}: {said}."
            raise ApiBadAnswer(message)
        age = headers.get("Age", "0").strip()
        if age != "0":
            message = (
                f"{self.base_url}{path} answered from a cache (Age: {_quote(age)}), not from the server."
            )
            raise ApiBadAnswer(
                message, next_step="give the URL of the API itself, or exempt it from the cache."
            )
        warnings = payload.get("warnings")
        if warnings is None:
            warnings = []
        if not isinstance(warnings, list) or not all(isinstance(each, str) for each in warnings):
            raise self._malformed(path, "warnings that are not a list of texts")
        return payload.get("data"), tuple(warnings)

    def _fetch(
        self, path: str, params: Mapping[str, str], *, method: str = "GET"
    ) -> tuple[int, Mapping[str, str], bytes]:
        """
        Status, headers and body, within the time limit as a whole.

        requests bounds the silence between two packets only: a server that drips a byte a second would hold the
        gate for ever. So the request runs in a thread that is left behind when its time is over.
        """
        limit = min(self.timeout_seconds, self._until - time.monotonic())
        if limit <= 0:
            message = f"{self.base_url}{path} was not asked: the deadline had passed."
            raise ApiUnreachable(message, next_step=_TOO_SLOW)
        outcome: list[tuple[int, Mapping[str, str], bytes] | Exception] = []
        session, stop = self._session, threading.Event()

        def run() -> None:
            try:
                outcome.append(self._read(session, method, path, params, stop))
            except Exception as error:  # noqa: BLE001 - handed over to the waiting thread, which judges it
                outcome.append(error)

        started = time.monotonic()
        worker = threading.Thread(target=run, name="l4gate-api", daemon=True)
        worker.start()
        worker.join(limit)
        if worker.is_alive():
            stop.set()
            self._session = self._new_session()  # the old one still belongs to the thread
            why = "" if limit == self.timeout_seconds else ", when the deadline passed"
            message = f"{self.base_url}{path} gave no complete answer within {round(limit, 2):g} s{why}."
            raise ApiUnreachable(message, next_step=_TOO_SLOW)
        result = outcome[0]
        if isinstance(result, Exception):
            raise self._translate(result, path, time.monotonic() - started) from None
        return result

    def _read(
        self,
        session: requests.Session,
        method: str,
        path: str,
        params: Mapping[str, str],
        stop: threading.Event,
    ) -> tuple[int, Mapping[str, str], bytes]:
        with session.request(
            method,
            self.base_url + path,
            params=dict(params),
            headers=self._headers,
            timeout=self.timeout_seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if stop.is_set():
                    break
                if len(body) > MAX_BODY_BYTES:
                    message = f"{self.base_url}{path} sent more than {MAX_BODY_BYTES >> 20} MiB."
                    raise ApiBadAnswer(message)
            return response.status_code, response.headers, bytes(body)

    def _translate(self, error: Exception, path: str, seconds: float) -> Exception:
        if isinstance(error, (ApiBadAnswer, ApiUnreachable)):
            return error
        where = f"{self.base_url}{path}"
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return ApiBadAnswer(f"{where} broke off in the middle of its answer after {seconds:.1f} s.")
        if isinstance(error, requests.exceptions.SSLError):
            return ApiUnreachable(
                f"{where}: TLS failed: {_reason(error)}.", next_step="check the certificate."
            )
        if isinstance(error, requests.exceptions.Timeout):
            return ApiUnreachable(f"{where} did not answer within {seconds:.1f} s.")
        if isinstance(error, requests.exceptions.ConnectionError):
            return ApiUnreachable(
                f"{where} cannot be reached: {_reason(error)}.", next_step="start it, or mend the URL."
            )
        return ApiBadAnswer(
            f"{where} gave an answer that cannot be read: {type(error).__name__}: {_reason(error)}."
        )

    def _answer(self, path: str, params: Mapping[str, str], expr: str) -> QueryAnswer:
        data, warnings = self.get(path, params)
        if not isinstance(data, dict) or data.get("resultType") not in ("vector", "matrix"):
            raise self._malformed(path, "no vector or matrix")
        series = []
        for each in self._dicts(path, data, "result"):
            labels = each.get("metric")
            values = each.get("values") if "values" in each else [each.get("value")]
            if (
                not isinstance(labels, dict)
                or not all(isinstance(value, str) for value in labels.values())
                or not isinstance(values, list)
                or not values
            ):
                # A native histogram has no float value; the contract knows none, so it cannot be judged.
                raise self._malformed(path, "a series without labels or float samples")
            samples = tuple(self._sample(value) for value in values)
            if any(later.at <= earlier.at for earlier, later in pairwise(samples)):
                raise self._malformed(path, "samples out of time order")
            series.append(SampleSeries(labels, samples))
        if len({frozenset(each.labels.items()) for each in series}) < len(series):
            raise self._malformed(path, "the same series twice")
        return QueryAnswer(expr, tuple(series), warnings)

    def _dicts(self, path: str, data: Any, key: str) -> list[dict[str, Any]]:
        found = data.get(key) if isinstance(data, dict) else None
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._malformed(path, f"no list {key!r}")
        return found

    def _sample(self, pair: Any) -> Sample:
        try:
            at, value = pair
            if isinstance(at, bool) or not isinstance(at, (int, float)) or not isinstance(value, str):
                raise ValueError
            sample = Sample(float(at), float(value))
        except (TypeError, ValueError, OverflowError):
            raise self._malformed("/api/v1/query", "a sample that is no [time, text] pair") from None
        if not math.isfinite(sample.at):
            raise self._malformed("/api/v1/query", "a sample without a finite time")
        return sample

    def _malformed(self, path: str, what: str) -> ApiBadAnswer:
        return ApiBadAnswer(
            f"{self.base_url}{path} answered JSON that is not the query API's: {what}.",
            next_step="check that the URL is that of a Prometheus-compatible API.",
        )


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine, so that no proxy may stand in between."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified  # connecting to 0.0.0.0 reaches this machine


def _authorization(bearer_token_file: Path | None, basic_auth_file: Path | None) -> str:
    """The header for credentials that are kept in files, so that none stands on a command line."""
    for path, scheme in ((bearer_token_file, "Bearer"), (basic_auth_file, "Basic")):
        if path is None:
            continue
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = (
                f"the credentials file {path} cannot be read: {getattr(error, 'strerror', 'not UTF-8')}."
            )
            raise UsageError(message) from None
        # Checked here, because the HTTP library quotes a header that it refuses, and with it the secret.
        if not secret.isprintable() or not secret or (scheme == "Basic" and ":" not in secret):
            wanted = "user:password" if scheme == "Basic" else "a token"
            message = f"expected one line with {wanted} in the credentials file {path}, found something else."
            raise UsageError(message)
        if scheme == "Bearer" and not secret.isascii():
            message = f"expected a token of ASCII characters in the credentials file {path}."
            raise UsageError(message)
        if scheme == "Basic":
            secret = base64.b64encode(secret.encode()).decode()
        return f"{scheme} {secret}"
    return ""


def _reason(error: BaseException) -> str:
    """The innermost sentence of a requests error; the outer ones repeat the whole URL and object addresses."""
    text = re.sub(r"//[^/@\s]*@", "//", str(error))  # a proxy's URL may hold a password
    for pattern in (r"\[Errno -?\d+\] ([^'\")]+)", r"NameResolutionError.*?\((.*?)\)", r"'([^']{4,120})'"):
        match = re.search(pattern, text)
        if match:
            return match.group(1).strip()
    return text[:_QUOTED_CHARACTERS] or type(error).__name__


def _parse(body: bytes) -> Any:
    """The JSON of a body, or None for one that is not JSON as RFC 8259 has it, each name once."""
    try:
        text = body.decode("utf-8")
        payload = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        if _SURROGATE.search(text):
            json.dumps(payload, ensure_ascii=False).encode()  # half a character could be written nowhere
    except (ValueError, RecursionError):
        return None
    return payload


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _decoded(body: bytes) -> str:
    return body[: 8 * _QUOTED_CHARACTERS].decode("utf-8", "replace")


def _quote(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return repr(printable[:_QUOTED_CHARACTERS]) if printable else "an empty body"
