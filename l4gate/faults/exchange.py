"""One request on its way through the proxy, and what the upstream answers to it. Times are seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import Final
from urllib.parse import urlsplit

_UPSTREAM_SECONDS: Final = 10.0
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True)
class HttpResponse:
    """What the upstream said: status, headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Exchange:
    """One request on its way; `answer` asks the upstream, once and only if somebody wants to know."""

    handler: BaseHTTPRequestHandler
    body: bytes
    upstream: str
    healed: threading.Event

    @property
    def path(self) -> str:
        """Path and query of the request."""
        parts = urlsplit(self.handler.path)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @cached_property
    def answer(self) -> HttpResponse:
        """
        The upstream's answer.

        Raises:
            ConnectionError: if it gives none; the client's connection then just ends.
        """
        host = urlsplit(self.handler.path).netloc or urlsplit(self.upstream).netloc
        headers = {
            name: value
            for name, value in self.handler.headers.items()
            if name.lower() not in {*_HOP_BY_HOP, "accept-encoding"}
        }
        connection = HTTPConnection(host, timeout=_UPSTREAM_SECONDS)
        try:
            connection.request(self.handler.command, self.path, self.body or None, headers)
            response = connection.getresponse()
            return HttpResponse(response.status, dict(response.getheaders()), response.read())
        except (OSError, HTTPException) as error:
            message = f"{host} gave no answer: {error}"
            raise ConnectionError(message) from None
        finally:
            connection.close()

    def send(self, status: int, headers: Mapping[str, str], body: bytes, length: int | None = None) -> None:
        """Answers; `length` lies about the size of the body."""
        self.handler.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.handler.send_header(name, value)
        self.handler.send_header("Content-Length", str(len(body) if length is None else length))
        self.handler.end_headers()
        self.handler.wfile.write(body)


Behaviour = Callable[[Exchange], None]
