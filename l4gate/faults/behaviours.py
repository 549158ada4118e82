"""
How a proxy behaves: well, or badly in one of these ways. Each is one function over an `Exchange`.

Times are seconds.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Final

from l4gate.faults.exchange import Behaviour, Exchange, HttpResponse

_DRIP_SECONDS: Final = 0.05
_CHUNK_BYTES: Final = 1 << 20


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
    kept: dict[str, HttpResponse] = {}

    def behave(exchange: Exchange) -> None:
        if exchange.handler.command != "GET":  # no cache keeps another's answer
            pass_on(exchange)
            return
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
