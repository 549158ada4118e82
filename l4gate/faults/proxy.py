"""
A real HTTP proxy on loopback, to be put between two parts of the path: passes everything on, until told to misbehave.

It serves as reverse proxy of one upstream, and as forward proxy for requests that name their server (Prometheus'
`proxy_url`). How it misbehaves is in `behaviours`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from l4gate.faults.behaviours import pass_on
from l4gate.faults.exchange import Behaviour, Exchange
from l4gate.machine import LOOPBACK


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
def open_proxy(upstream: str = "", beside: Proxy | None = None) -> Iterator[Proxy]:
    """A proxy on a free port of loopback, until the block ends; it behaves like the one `beside` it, if any."""

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
    proxy = Proxy(
        f"http://{LOOPBACK}:{server.server_address[1]}", upstream, beside.behaviours if beside else []
    )
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
