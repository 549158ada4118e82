"""The proxy between the parts: passes everything on until it is told to misbehave, and lets go when healed."""

from __future__ import annotations

import pytest
import requests

from fixtures.wire import always, http, serve
from l4gate.faults import behaviours
from l4gate.faults.proxy import open_proxy

BODY = b"some bytes of an answer"
GOOD = http(BODY, headers="Content-Type: text/plain")


def fetch(url: str, path: str = "/x?y=1", **options: object) -> requests.Response:
    return requests.get(url + path, timeout=(1, 0.3), allow_redirects=False, **options)  # type: ignore[arg-type]


def test_healthy_proxy_changes_nothing() -> None:
    """Path, query, status, type and body must be what the upstream sees and says."""
    with serve(always(GOOD)) as (upstream, seen), open_proxy(upstream) as between:
        answer = fetch(between.url)

    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, "text/plain", BODY)
    assert seen == ["GET /x?y=1 HTTP/1.1"]


def test_forward_proxy_reaches_the_server_that_the_request_names() -> None:
    """A request for a whole URL must go to that server: Prometheus' proxy_url works so."""
    with serve(always(GOOD)) as (upstream, _), open_proxy() as between:
        answer = fetch(upstream, proxies={"http": between.url})

    assert answer.content == BODY


@pytest.mark.parametrize("name", ["hang", "reset", "cut"])
def test_misbehaviour_gives_no_whole_answer(name: str) -> None:
    """An answer that hangs, is reset or is cut must be an error for the client, and whole again after healing."""
    with serve(always(GOOD)) as (upstream, _), open_proxy(upstream) as between:
        with between.behaving(getattr(behaviours, name)), pytest.raises(requests.RequestException):
            fetch(between.url)
        healed = fetch(between.url)

    assert healed.content == BODY


def test_misbehaviour_is_for_its_paths_only() -> None:
    """A misbehaviour with a prefix must leave other paths alone."""
    with (
        serve(always(GOOD)) as (upstream, _),
        open_proxy(upstream) as between,
        between.behaving(behaviours.says(503, "down"), "/api"),
    ):
        found = [fetch(between.url, path).status_code for path in ("/api/v1", "/other")]

    assert found == [503, 200]


def test_upstream_that_is_gone_is_no_answer() -> None:
    """An upstream that refuses must be a broken connection, not an answer that the proxy made up."""
    with serve(always(GOOD)) as (upstream, _):
        pass
    with open_proxy(upstream) as between, pytest.raises(requests.ConnectionError):
        fetch(between.url)
