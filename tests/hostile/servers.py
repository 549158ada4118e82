"""Servers that answer what no server should, over real HTTP: each spoils one thing of one that is healthy."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from fixtures.fake_server import FakeServer
from fixtures.hostile_texts import CONFIGURATIONS, ODD_TEXTS, ODD_YAML, UNPARSABLE
from fixtures.wire import http, success

TOKEN: Final = "hv5.5ecret-T0ken"
USER, PASSWORD = "judge", 'Pa55"w0rd/+'

Answer = Callable[[socket.socket, str], None]
Spoil = Callable[[FakeServer], object]
_stop: Final = threading.Event()


def _params(head: str) -> tuple[str, dict[str, str]]:
    """The path and the parameters of a request, whose form may stand behind its head."""
    line, _, rest = head.partition("\r\n")
    target = urlsplit(line.split(" ")[1])
    form = rest.partition("\r\n\r\n")[2]
    return target.path, {key: values[0] for key, values in parse_qs(f"{target.query}&{form}").items()}


def healthy(path: str, params: Mapping[str, str], server: FakeServer | None = None) -> Any:
    """The data of a healthy answer."""
    if path.endswith("/buildinfo"):
        return {"version": "3.5.0"}
    if path.endswith("/query_range"):
        return {"resultType": "matrix", "result": []}
    try:
        return (server or FakeServer()).ask(path, params).data
    except (KeyError, StopIteration, ValueError):
        return {"resultType": "vector", "result": []}


def _page(part: str, spoilt: Callable[[Any], bytes]) -> Answer:
    """One page is spoilt, by the whole answer; the others are healthy."""

    def answer(connection: socket.socket, head: str) -> None:
        path, params = _params(head)
        data = healthy(path, params)
        connection.sendall(spoilt(data) if path.endswith(part) else success(data))

    return answer


def _data(part: str, change: Callable[[Any], Any]) -> Answer:
    """The data of one page are changed."""
    return _page(part, lambda data: success(change(copy.deepcopy(data))))


def _whole(raw: bytes) -> Answer:
    return lambda connection, _head: connection.sendall(raw)


def _rule(**changes: Any) -> Answer:
    def change(data: Any) -> Any:
        data["groups"][-1]["rules"][-1].update(changes)
        return data

    return _data("/rules", change)


def _group(**changes: Any) -> Answer:
    def change(data: Any) -> Any:
        data["groups"][-1].update(changes)
        return data

    return _data("/rules", change)


RULE: Final = {"type": "recording", "name": "a", "query": "a+b"}


def _more_rules(rules: list[dict[str, str]]) -> Answer:
    """Beside the healthy groups stands one of these rules."""
    group = {"name": "x", "file": "x", "interval": 1, "rules": rules}
    return _data("/rules", lambda data: {"groups": [*data["groups"], group]})


def _target(**changes: Any) -> Answer:
    def change(data: Any) -> Any:
        data["activeTargets"][0].update(changes)
        return data

    return _data("/targets", change)


def _series(*series: Any) -> Answer:
    return _data("/query", lambda data: {**data, "result": list(series)} if data.get("result") else data)


def _many(text: bytes, megabytes: int) -> bytes:
    """A vector of as many copies of a series as make that many megabytes."""
    rows = b",".join([text] * ((megabytes << 20) // (len(text) + 1)))
    return http(b'{"status":"success","data":{"resultType":"vector","result":[' + rows + b"]}}")


def _endless(head: bytes, piece: bytes, pause: float = 0.0) -> Answer:
    def answer(connection: socket.socket, _head: str) -> None:
        connection.sendall(head)
        ends = time.monotonic() + 20
        while time.monotonic() < ends and not _stop.wait(pause):
            connection.sendall(piece)

    return answer


def _echo(where: Callable[[str], bytes | Any], part: str = "/query") -> Answer:
    """What was sent as a credential comes back in some place."""

    def answer(connection: socket.socket, head: str) -> None:
        path, params = _params(head)
        lines = [
            line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("authorization")
        ]
        if path.endswith(part):
            made = where(lines[0] if lines else "nothing")
            connection.sendall(made if isinstance(made, bytes) else success(made))
        else:
            connection.sendall(success(healthy(path, params)))

    return answer


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def _in_rules(change: Callable[[Any, str], object]) -> Callable[[str], Any]:
    def made(secret: str) -> Any:
        data = healthy("/api/v1/rules", {})
        change(data["groups"][-1]["rules"][-1], secret)
        return data

    return made


def _in_targets(secret: str) -> Any:
    data = healthy("/api/v1/targets", {})
    for each in data["activeTargets"]:
        each.update(
            health="down", lastError=f"401 for {secret}", labels={**each["labels"], "instance": secret}
        )
    return data


def _decoded(secret: str) -> str:
    """The user and password in a basic credential; a bearer token as it is."""
    scheme, _, value = secret.partition(" ")
    return base64.b64decode(value).decode() if scheme == "Basic" else value


JSON_TYPE: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ROW: Final = b'{"metric":{"__name__":"up","i":"%d"},"value":[1700000000,"1"]}'

WIRE: Final[dict[str, Answer]] = {
    "html-200": _whole(http(b"<html>Please log in</html>", headers="Content-Type: text/html")),
    "html-502": _whole(http(b"<h1>Bad Gateway</h1>", "502 Bad Gateway", "Content-Type: text/html")),
    "empty": _whole(http(b"")),
    "nothing-at-all": _whole(b""),
    "not-http": _whole(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "cut-body": _whole(http(b'{"status":"succ', length=900)),
    "redirect": _whole(http(b"", "302 Found", "Location: /login")),
    "redirect-to-itself": _whole(http(b"", "308 Permanent Redirect", "Location: /api/v1/query")),
    "503": _whole(http(b"Service Unavailable", "503 Service Unavailable")),
    "999": _whole(http(b"", "999 Odd")),
    "status-of-digits": _whole(b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n"),
    "error-200": _whole(http(b'{"status":"error"}')),
    "error-of-lists": _whole(http(b'{"status":"error","error":[1],"errorType":{"a":1}}')),
    "status-a-list": _whole(http(b'{"status":["success"],"data":{}}')),
    "not-utf-8": _whole(http(b'{"status":"success\xff"}')),
    "half-a-character": _whole(http(b'{"status":"success","data":"\\ud800"}')),
    "deep": _whole(http(b"[" * 100_000)),
    "deep-closed": _whole(http(b'{"status":"success","data":' + b"[" * 900 + b"]" * 900 + b"}")),
    "deep-objects": _whole(http(b'{"a":' * 50_000)),
    "same-name-twice": _whole(http(b'{"status":"error","status":"success","data":{}}')),
    "digits": _whole(http(b'{"status":"success","data":' + b"9" * 5_000 + b"}")),
    "more-digits": _whole(http(b'{"status":"success","data":' + b"9" * 2_000_000 + b"}")),
    "a-string": _whole(http(b'"' + b"a" * (7 << 20) + b'"')),
    "bare-nan": _whole(http(b'{"status":"success","data":NaN}')),
    "bom": _whole(http(b'\xef\xbb\xbf{"status":"success","data":{}}')),
    "bad-gzip": _whole(http(b"not gzip", headers="Content-Encoding: gzip")),
    "gzip-bomb": _whole(http(gzip.compress(b" " * (256 << 20), 1), headers="Content-Encoding: gzip")),
    "gzip-in-gzip": _whole(http(gzip.compress(gzip.compress(b"{}")), headers="Content-Encoding: gzip, gzip")),
    "unknown-encoding": _whole(http(b"{}", headers="Content-Encoding: rot13")),
    "bad-length": _whole(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    "long-length": _whole(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}"),
    "bad-chunks": _whole(JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "long-chunk-size": _whole(JSON_TYPE + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000),
    "long-header": _whole(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n{}"),
    "many-headers": _whole(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5_000 + b"\r\n{}"),
    "odd-header": _whole(b"HTTP/1.1 200 OK\r\nContent-Type: \x1b[31m\xff\xfe\r\nAge: \x1b]0;x\x07\r\n\r\n{}"),
    "escapes-in-html": _whole(
        http(b"\x1b[2J\x1b]0;owned\x07\xc2\x9b31m<html>", headers="Content-Type: text/html")
    ),
    "from-a-cache": _whole(
        http(b'{"status":"success","data":{}}', headers="Content-Type: application/json\r\nAge: 86400")
    ),
    "drip": _endless(JSON_TYPE + b"Content-Length: 90000\r\n\r\n", b"x", 0.02),
    "silence": _endless(b"", b"", 0.05),
    "endless-body": _endless(JSON_TYPE + b"\r\n", b" " * 65536),
    "endless-json": _endless(JSON_TYPE + b'\r\n{"status":"success","data":[', b"[]," * 20_000),
    "endless-header": _endless(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 4096),
    "endless-headers": _endless(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 100),
    "endless-continue": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless-status": _endless(b"", b"H" * 4096),
}

RULES: Final[dict[str, Answer]] = {
    **{f"query {name}": _rule(query=text) for name, text in UNPARSABLE.items() if len(text) < (4 << 20)},
    **{f"name {name}": _rule(name=text) for name, text in ODD_TEXTS.items()},
    **{f"health {name}": _rule(health="err", lastError=text) for name, text in ODD_TEXTS.items()},
    "groups null": _data("/rules", lambda _: {"groups": None}),
    "groups a text": _data("/rules", lambda _: {"groups": "none"}),
    "groups of lists": _data("/rules", lambda _: {"groups": [[]]}),
    "no data": _page("/rules", lambda _: http(b'{"status":"success"}')),
    "rules null": _group(rules=None),
    "rules of numbers": _group(rules=[1, 2]),
    "file a list": _group(file=["a"]),
    "interval 1e308": _group(interval=1e308),
    "interval 1e400": _page(
        "/rules", lambda data: success(data).replace(b'"interval": 0.5', b'"interval": 1e400  ')
    ),
    "interval a text": _group(interval="NaN"),
    "interval negative": _group(interval=-1),
    "limit 1e300": _group(limit=1e300),
    "limit a text": _group(limit="9" * 5000),
    "labels a list": _rule(labels=["a"]),
    "labels of numbers": _rule(labels={"a": 1}),
    "type a list": _rule(type=["recording"]),
    "query a number": _rule(query=1),
    "evaluated in the year 99999": _rule(lastEvaluation="99999-01-01T00:00:00Z"),
    "evaluated a number": _rule(lastEvaluation=1e300),
    "state a list": _rule(type="alerting", state=["firing"], alerts=[{"state": {}}]),
    "alerts a number": _rule(type="alerting", state="firing", alerts=7),
    "duration 1e300": _rule(type="alerting", duration=1e300),
    "forty thousand rules": _more_rules([RULE] * 40_000),
    "ten thousand rules, each another": _more_rules(
        [{**RULE, "name": f"a{n}", "query": "+".join([f"a{n}"] * 90)} for n in range(10_000)]
    ),
}

CONFIG: Final[dict[str, Answer]] = {
    f"config {name}": _data("/config", lambda _, text=text: {"yaml": text})  # type: ignore[misc]
    for name, text in {**ODD_YAML, **CONFIGURATIONS}.items()
} | {
    "config a number": _data("/config", lambda _: {"yaml": 1}),
    "config nothing": _data("/config", lambda _: {}),
    "config a list": _data("/config", lambda _: []),
}

TARGETS: Final[dict[str, Answer]] = {
    **{f"lastError {name}": _target(health="down", lastError=text) for name, text in ODD_TEXTS.items()},
    "labels null": _target(labels=None),
    "labels a list of targets": _target(labels=["a"]),
    "labels nested": _target(labels={"job": {"a": []}}),
    "health a list": _target(health=["up"]),
    "timeout of digits": _target(scrapeTimeout="9" * 5000 + "s"),
    "timeout a number": _target(scrapeTimeout=1e308),
    "targets null": _data("/targets", lambda _: {"activeTargets": None}),
    "fifty thousand targets": _data(
        "/targets", lambda data: {"activeTargets": data["activeTargets"][:1] * 50_000}
    ),
    "no targets": _data("/targets", lambda _: {"activeTargets": []}),
}

QUERY: Final[dict[str, Answer]] = {
    **{
        f"label {name}": _series(
            {"metric": {"__name__": "up", "job": text, text[:50] or "a": text}, "value": [1, "1"]}
        )
        for name, text in ODD_TEXTS.items()
    },
    "a million series": _page("/query", lambda _: _many(b'{"metric":{},"value":[1,"1"]}', 30)),
    "eight megabytes of series": _page("/query", lambda _: _many(ROW, 7)),
    "eight megabytes of lists": _page("/query", lambda _: _many(b"[]", 7)),
    "eight megabytes of objects": _page("/query", lambda _: _many(b'{"a":{}}', 7)),
    "forty thousand series": _data(
        "/query",
        lambda data: {
            **data,
            "result": [
                {"metric": {"__name__": "up", "i": str(n)}, "value": [1.7e9, "1"], "values": [[1.7e9, "1"]]}
                for n in range(40_000)
            ],
        },
    ),
    "a million samples": _page(
        "/query",
        lambda _: success(
            {
                "resultType": "matrix",
                "result": [
                    {"metric": {"__name__": "up"}, "values": [[n / 1000, "1"] for n in range(1, 300_000)]}
                ],
            }
        ),
    ),
    "a thousand labels": _series({"metric": {f"l{n}": "x" for n in range(100_000)}, "value": [1, "1"]}),
    "a long label": _series({"metric": {"__name__": "up", "job": "x" * 5_000_000}, "value": [1, "1"]}),
    "time nan": _page(
        "/query", lambda _: http(b'{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}')
    ),
    "time 1e300": _page("/query", lambda _: success({"resultType": "scalar", "result": [1, "1e300"]})),
    "time of digits": _page("/query", lambda _: success({"resultType": "scalar", "result": [1, "9" * 300]})),
    "value of digits": _series({"metric": {"__name__": "up"}, "value": [1, "9" * 500_000]}),
    "value pair long": _series({"metric": {"__name__": "up"}, "value": [1] * 100_000}),
    "value null": _series({"metric": {"__name__": "up"}, "value": None}),
    "metric null": _series({"metric": None, "value": [1, "1"]}),
    "result of numbers": _series(1, 2, 3),
    "warnings endless": _page("/query", lambda data: success(data, warnings=["x" * 1000] * 5_000)),
    "warnings odd": _page("/query", lambda data: success(data, warnings=[{"a": 1}], infos=7)),
    "version a list": _data("/buildinfo", lambda _: {"version": ["3"]}),
    "version of escapes": _data("/buildinfo", lambda _: {"version": "3.5.\x1b[31m" + "9" * 5000}),
    "version of digits": _data("/buildinfo", lambda _: {"version": "9" * 5000 + "." + "9" * 5000}),
}

ECHO: Final[dict[str, Answer]] = {
    "echo as an error": _echo(
        lambda secret: http(
            json.dumps({"status": "error", "error": f"bad token {secret}"}).encode(), "401 Unauthorized"
        )
    ),
    "echo in html": _echo(
        lambda secret: http(
            f"<html>{secret} {_decoded(secret)}</html>".encode(), "403 Forbidden", "Content-Type: text/html"
        )
    ),
    "echo in a header": _echo(lambda secret: http(b"{}", headers=f"Content-Type: {secret}")),
    "echo in the age": _echo(
        lambda secret: http(
            b'{"status":"success","data":{}}', headers=f"Content-Type: application/json\r\nAge: {secret}"
        )
    ),
    "echo decoded": _echo(
        lambda secret: http(json.dumps({"status": "error", "error": _decoded(secret)}).encode())
    ),
    "echo escaped": _echo(
        lambda secret: http(b'{"status":"error","error":"' + _escaped(_decoded(secret)).encode() + b'"}')
    ),
    "echo in a label": _echo(
        lambda secret: {
            "resultType": "vector",
            "result": [{"metric": {"__name__": "up", "job": secret}, "value": [1, "1"]}],
        }
    ),
    "echo in warnings": _echo(
        lambda secret: success(
            {"resultType": "vector", "result": []}, warnings=[f"{secret} {_decoded(secret)}"]
        )
    ),
    "echo in the version": _echo(lambda secret: {"version": _decoded(secret)}, "/buildinfo"),
    "echo in a rule": _echo(_in_rules(lambda rule, secret: rule.update(name=_decoded(secret))), "/rules"),
    "echo in a rule's error": _echo(
        _in_rules(lambda rule, secret: rule.update(health="err", lastError=f"{secret} {_decoded(secret)}")),
        "/rules",
    ),
    "echo in an expression": _echo(
        _in_rules(lambda rule, secret: rule.update(query=f'up{{a="{_decoded(secret)}"}}')), "/rules"
    ),
    "echo in the configuration": _echo(
        lambda secret: {
            "yaml": json.dumps(
                {"scrape_configs": [{"job_name": _decoded(secret), "params": {"a": [secret]}}]}
            )
        },
        "/config",
    ),
    "echo in broken yaml": _echo(lambda secret: {"yaml": f"a: [{_decoded(secret)}"}, "/config"),
    "echo in targets": _echo(_in_targets, "/targets"),
    "echo at a reload": _echo(
        lambda secret: http(f"failed for {secret} {_decoded(secret)}".encode(), "500 Internal Server Error"),
        "/reload",
    ),
}

SERVERS: Final[dict[str, Answer]] = {
    f"{kind}: {name}": answer
    for kind, answers in {
        "wire": WIRE,
        "rules page": RULES,
        "config page": CONFIG,
        "targets page": TARGETS,
        "answers": QUERY,
        "echo": ECHO,
    }.items()
    for name, answer in answers.items()
}
