"""
How a proxy behaves: well, or badly in one of these ways. Each is one function over an `Exchange`.

Times are seconds.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from l4gate.faults.exchange import Behaviour, Exchange, HttpResponse

_DRIP_SECONDS: Final = 0.05
_SAME_TIME_SECONDS: Final = 60.0
_CHUNK_BYTES: Final = 1 << 20
_ASKED_TIME: Final = re.compile(r"\b(time=)([\d.]+)")


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


def by_question(exchange: Exchange) -> str:
    """What a cache keeps an answer by that is right: the whole question."""
    return f"{exchange.path} {exchange.body.decode()}"


def by_path(exchange: Exchange) -> str:
    """The path alone: all questions to one page are the same."""
    return exchange.path.partition("?")[0]


def without_nonce(exchange: Exchange) -> str:
    """All but the parameter that means nothing to the server."""
    return re.sub("nonce=[0-9a-f]+", "", f"{exchange.path} {exchange.body.decode()}")


def without_numbers(exchange: Exchange) -> str:
    """All but the long numbers: times, and whatever makes a question a new one."""
    return re.sub("[0-9a-f.]{9,}", "", f"{exchange.path} {exchange.body.decode()}")


def caching(kept_by: Callable[[Exchange], str] = by_question) -> Behaviour:
    """Answers a question that was asked before with what it kept, for ever, and does not say so."""
    kept: dict[str, HttpResponse] = {}

    def behave(exchange: Exchange) -> None:
        key = kept_by(exchange)
        if key not in kept:
            kept[key] = exchange.answer
        answer = kept[key]
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


def json_changed(change: Callable[[dict[str, Any]], None]) -> Behaviour:
    """Changes the right answer on its way, as data."""

    def changed(body: bytes) -> bytes:
        answer = json.loads(body)
        change(answer)
        return json.dumps(answer).encode()

    return rewritten(changed)


def other_clock(seconds: float) -> Behaviour:
    """A server whose clock is so far ahead: the times that it is asked about are its own, and those that it tells."""

    def asked(text: str) -> str:
        return _ASKED_TIME.sub(lambda found: f"{found[1]}{float(found[2]) - seconds:.3f}", text)

    def told(answer: dict[str, Any]) -> None:
        data = answer.get("data", {})
        kind, result = data.get("resultType"), data.get("result", [])
        if kind == "scalar":  # the gate asks for the time alone in this way
            data["result"] = [result[0] + seconds, f"{float(result[1]) + seconds:.3f}"]
        for series in result if kind in ("vector", "matrix") else ():
            for sample in series.get("values") or [series["value"]]:
                # VictoriaMetrics tells the time as a series without labels.
                if not series["metric"] and abs(float(sample[1]) - sample[0]) < _SAME_TIME_SECONDS:
                    sample[1] = f"{float(sample[1]) + seconds:.0f}"
                sample[0] += seconds

    def behave(exchange: Exchange) -> None:
        exchange.handler.path = asked(exchange.handler.path)
        exchange.body = asked(exchange.body.decode()).encode()
        json_changed(told)(exchange)

    return behave
