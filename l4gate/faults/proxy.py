"""
A real HTTP proxy on loopback, to be put between two parts of the path: passes everything on, until told to misbehave.

It serves as reverse proxy of one upstream, and as forward proxy for requests that name their server (Prometheus'
`proxy_url`). Every misbehaviour is one function over an `Exchange`; times are seconds.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from l4gate.machine import LOOPBACK

_UPSTREAM_SECONDS: Final = 10.0
_DRIP_SECONDS: Final = 0.05
_CHUNK_BYTES: Final = 1 << 20
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True)
class Answer:
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
    def answer(self) -> Answer:
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
            return Answer(response.status, dict(response.getheaders()), response.read())
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


def pass_on(exchange: Exchange) -> None:
    """The healthy proxy."""
    answer = exchange.answer
    exchange.send(answer.status, answer.headers, answer.body)


def hang(exchange: Exchange) -> None:
    """Accepts the request and never answers."""
    exchange.healed.wait()


def late(seconds: float) -> Behaviour:
    """Sends the right answer so much later."""

    def behave(exchange: Exchange) -> None:
        exchange.healed.wait(seconds)
        pass_on(exchange)

    return behave


def reset(exchange: Exchange) -> None:
    """Resets the connection in place of an answer."""
    connection = exchange.handler.connection
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def cut(exchange: Exchange) -> None:
    """Ends the connection in the middle of the body."""
    answer = exchange.answer
    exchange.send(answer.status, answer.headers, answer.body[: len(answer.body) // 2], len(answer.body))


def drip(exchange: Exchange) -> None:
    """Sends the right answer, at 20 bytes a second."""
    answer = exchange.answer
    exchange.send(answer.status, answer.headers, b"", len(answer.body))
    for byte in answer.body:
        if exchange.healed.wait(_DRIP_SECONDS):
            return
        exchange.handler.wfile.write(bytes([byte]))


def flood(exchange: Exchange) -> None:
    """Sends a body without an end."""
    answer = exchange.answer
    exchange.send(answer.status, answer.headers, answer.body, 1 << 40)
    while not exchange.healed.is_set():
        exchange.handler.wfile.write(b"#" * _CHUNK_BYTES)


def circle(exchange: Exchange) -> None:
    """Redirects to itself for ever."""
    exchange.send(302, {"Location": exchange.handler.path}, b"")


def says(status: int, body: str, content_type: str = "text/html", **headers: str) -> Behaviour:
    """Answers the same to everybody."""
    every = {"Content-Type": content_type, **headers}
    return lambda exchange: exchange.send(status, every, body.encode())


def caching() -> Behaviour:
    """Answers a question that was asked before with what it kept, for ever, and does not say so."""
    kept: dict[str, Answer] = {}

    def behave(exchange: Exchange) -> None:
        if exchange.path not in kept:
            kept[exchange.path] = exchange.answer
        answer = kept[exchange.path]
        exchange.send(answer.status, answer.headers, answer.body)

    return behave


def rewritten(change: Callable[[bytes], bytes], content_type: str = "") -> Behaviour:
    """Changes the body of the right answer on its way, and its content type if one is given."""

    def behave(exchange: Exchange) -> None:
        answer = exchange.answer
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
        kind = content_type or next(
            (value for name, value in answer.headers.items() if name.lower() == "content-type"), ""
        )
        exchange.send(answer.status, {**headers, "Content-Type": kind}, change(answer.body))

    return behave


@dataclass
class Proxy:
    """A running proxy: its own address, and how it behaves now to requests whose path starts with a prefix."""

    url: str
    upstream: str
    behaviours: list[tuple[str, Behaviour, threading.Event]] = field(default_factory=list)

    @contextmanager
    def behaving(self, behaviour: Behaviour, prefix: str = "/") -> Iterator[None]:
        """Misbehaves within the block; the newest fault wins. At its end all that hang are let go."""
        entry = (prefix, behaviour, threading.Event())
        self.behaviours.insert(0, entry)
        try:
            yield
        finally:
            self.behaviours.remove(entry)
            entry[2].set()

    def handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Serves one request."""
        path = urlsplit(handler.path).path
        for prefix, behaviour, healed in self.behaviours:
            if path.startswith(prefix):
                behaviour(Exchange(handler, body, self.upstream, healed))
                return
        pass_on(Exchange(handler, body, self.upstream, threading.Event()))


@contextmanager
def open_proxy(upstream: str = "") -> Iterator[Proxy]:
    """A proxy on a free port of loopback, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client has gone, or was sent away
                proxy.handle(self, self.rfile.read(length))

        do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815 - http.server's names

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *_arguments: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

        def handle_error(self, *_arguments: Any) -> None:
            """A broken connection is what this proxy is for."""

    server = Server((LOOPBACK, 0), Handler)
    proxy = Proxy(f"http://{LOOPBACK}:{server.server_address[1]}", upstream)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="proxy", daemon=True
    )
    thread.start()
    try:
        yield proxy
    finally:
        for _, _, healed in proxy.behaviours:
            healed.set()
        server.shutdown()
        thread.join()
        server.server_close()
