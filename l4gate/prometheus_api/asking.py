"""One request to one server, over within its time limit whatever the server does."""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

import requests
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from l4gate.base import TOO_SLOW, ApiBadAnswer, ApiUnreachable, seconds_left
from l4gate.prometheus_api.answers import Response, quoted
from l4gate.prometheus_api.session import new_session
from l4gate.prometheus_api.tls import CLOSED, tls_failure

MOST_BYTES: Final = 8 << 20  # 10,000 rules; as objects it takes up to 30 times as much memory
_CHUNK_BYTES: Final = 1 << 16
_GZIP: Final = 16 + zlib.MAX_WBITS
_REASON_CHARACTERS: Final = 160


class Asker:
    """Asks one server. Not for use by several threads at once."""

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float,
        headers: Mapping[str, str],
        *,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.base_url = base_url
        self.timeout_seconds = timeout_seconds
        self._headers = headers
        self._certificate = certificate
        self._session = new_session(base_url, certificate)

    def another(self) -> Asker:
        """Asks the same server as the same caller, over connections of its own."""
        return Asker(self.base_url, self.timeout_seconds, self._headers, certificate=self._certificate)

    def ask(
        self, method: str, path: str, params: Mapping[str, str], *, most_bytes: int = MOST_BYTES
    ) -> Response:
        """
        Status, headers and body, within the time limit and the deadline as a whole. With POST, `params` is the form.

        requests bounds the silence between two packets only: a server that drips a byte a second would hold the
        gate for ever. So the request runs in a thread that is left behind when its time is over.

        Raises:
            ApiUnreachable: no connection, or no complete answer in time.
            ApiBadAnswer: an answer that breaks off, is too long, or is no HTTP.
        """
        url = self.base_url + path
        limit = min(self.timeout_seconds, seconds_left())
        if limit <= 0:
            message = f"{url} was not asked: the deadline had passed."
            raise ApiUnreachable(message, next_step=TOO_SLOW)
        outcome: list[Response | Exception] = []
        session, stop = self._session, threading.Event()

        def run() -> None:
            try:
                outcome.append(self._read(session, method, url, params, stop=stop, most_bytes=most_bytes))
            except Exception as error:  # noqa: BLE001 - handed over to the waiting thread, which judges it
                outcome.append(error)

        started = time.monotonic()
        worker = threading.Thread(target=run, name="l4gate-api", daemon=True)
        worker.start()
        worker.join(limit)
        if worker.is_alive():
            stop.set()
            self._session = new_session(
                self.base_url, self._certificate
            )  # the old one still belongs to the thread
            why = "" if limit == self.timeout_seconds else ", when the deadline passed"
            message = f"{url} gave no complete answer within {round(limit, 2):g} s{why}."
            raise ApiUnreachable(message, next_step=TOO_SLOW)
        result = outcome[0]
        if isinstance(result, Exception):
            raise _translated(result, url, time.monotonic() - started) from None
        return result

    def _read(
        self,
        session: requests.Session,
        method: str,
        url: str,
        params: Mapping[str, str],
        *,
        stop: threading.Event,
        most_bytes: int,
    ) -> Response:
        form = method == "POST"
        with session.request(
            method,
            url,
            params=None if form else dict(params),
            data=dict(params) if form else None,
            headers=self._headers,
            timeout=self.timeout_seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            for chunk in _decoded(response, url):
                body += chunk
                if stop.is_set():
                    break
                if len(body) > most_bytes:
                    message = f"{url} sent more than {most_bytes >> 20} MiB."
                    raise ApiBadAnswer(message)
            return Response(url, response.status_code, response.headers, bytes(body))


def _decoded(response: requests.Response, url: str) -> Iterator[bytes]:
    """The body as it was before somebody packed it, in pieces: a few bytes may unpack to a million times as many."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        message = f"{url} sent an answer encoded as {encoding!r:.40}, although none was asked for: it cannot be read."
        raise ApiBadAnswer(message)
    unpacker = zlib.decompressobj(_GZIP)
    for piece in response.raw.stream(_CHUNK_BYTES, decode_content=False):
        packed = piece
        while packed and encoding == "gzip":
            yield unpacker.decompress(packed, _CHUNK_BYTES)
            packed = unpacker.unconsumed_tail
        if packed:
            yield packed


def _translated(error: Exception, url: str, seconds: float) -> Exception:
    if isinstance(error, (ApiBadAnswer, ApiUnreachable)):
        return error
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, ProtocolError)):
        return ApiBadAnswer(f"{url} broke off in the middle of its answer after {seconds:.1f} s.")
    if failed := tls_failure(error):
        said, step = failed
        return ApiUnreachable(f"{url}: TLS: {quoted(said)[1:-1]}.", next_step=step)
    if isinstance(error, OSError) and "TLS CA certificate bundle" in str(error):
        message = f"{url} was not asked: {quoted(str(error))}."
        return ApiUnreachable(message, next_step="mend REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE.")
    if isinstance(error, (requests.exceptions.Timeout, ReadTimeoutError)):
        return ApiUnreachable(f"{url} did not answer within {seconds:.1f} s.")
    if isinstance(error, requests.exceptions.ConnectionError):
        reason = _reason(error)
        cut = url.startswith("https:") and reason in ("Connection reset by peer", "Broken pipe")
        step = CLOSED if cut else "start it, or mend the URL."
        return ApiUnreachable(f"{url} cannot be reached: {reason}.", next_step=step)
    return ApiBadAnswer(
        f"{url} gave an answer that cannot be read: {type(error).__name__}: {_reason(error)}."
    )


def _reason(error: BaseException) -> str:
    """The innermost sentence of a requests error; the outer ones repeat the whole URL and object addresses."""
    text = re.sub(r"//[^/@\s]*@", "//", str(error))  # a proxy's URL may hold a password
    for pattern in (r"\[Errno -?\d+\] ([^'\")]+)", r"NameResolutionError.*?\((.*?)\)", r"'([^']{4,120})'"):
        match = re.search(pattern, text)
        if match:
            return match.group(1).strip().rstrip(".")
    return text[:_REASON_CHARACTERS] or type(error).__name__
