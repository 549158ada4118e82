"""A failure of TLS over a real connection: what was wrong, and what to do about it."""

from __future__ import annotations

import datetime as dt
import re
import socket
import ssl
import threading
from collections.abc import Callable

import pytest
import trustme

from fixtures.echo import echoing
from fixtures.wire import http
from l4gate.base import ApiUnreachable
from l4gate.prometheus_api import PrometheusApi

NAME = "127.0.0.1"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def context(authority: trustme.CA, name: str = NAME, **more: dt.datetime) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **more).configure_cert(found)
    return found


def failure(url: str) -> str:
    with pytest.raises(ApiUnreachable) as caught:
        PrometheusApi(url).now()
    return str(caught.value)


def only_old(authority: trustme.CA) -> ssl.SSLContext:
    found = context(authority)
    found.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        found.minimum_version = found.maximum_version = ssl.TLSVersion.TLSv1_1
    return found


CASES: dict[str, tuple[Callable[[trustme.CA], ssl.SSLContext], str, str]] = {
    "expired": (
        lambda ca: context(ca, not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1)),
        "certificate has expired",
        "renew",
    ),
    "too early": (lambda ca: context(ca, not_before=LATER), "certificate is not yet valid", "clocks"),
    "other name": (lambda ca: context(ca, "elsewhere.example"), "mismatch", "that is in the certificate"),
    "unknown authority": (
        lambda _: context(trustme.CA()),
        "unable to get local issuer certificate|self-signed certificate in certificate chain",
        "REQUESTS_CA_BUNDLE name a file with the authority's certificate",
    ),
    "old version": (only_old, "", "TLS 1.2 or later"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_failure_says_what_was_wrong(name: str, authority: trustme.CA) -> None:
    """The reason that TLS gives must be told, with a step that fits it."""
    server, said, step = CASES[name]
    with echoing(context=server(authority)) as answering:
        told = failure(answering.url)

    assert re.search(rf": TLS: .*({said}).* Next: .*{step}", told), told


def test_the_environment_names_the_authority(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE must make an authority known for this machine too, and a wrong one must be named."""
    with echoing(context=context(authority)) as server:
        assert PrometheusApi(server.url).now() > 0
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        gone = failure(server.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", __file__)
        no_bundle = failure(server.url)

    assert "invalid path: /nowhere/ca.pem" in gone
    assert "mend REQUESTS_CA_BUNDLE" in gone
    assert "certificates in PEM" in no_bundle


@pytest.mark.parametrize(
    ("said", "step"),
    [(http(b"Bad Request", "400 Bad Request"), "does not speak TLS"), (b"", "closed the connection")],
    ids=["HTTP", "end"],
)
def test_a_port_without_tls_is_told_from_a_bad_certificate(said: bytes, step: str) -> None:
    """Where https meets a plain server, or one that hangs up, the step must not be about certificates."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        told = failure(f"https://127.0.0.1:{listener.getsockname()[1]}")

    assert ": TLS: the handshake failed: " in told
    assert step in told
