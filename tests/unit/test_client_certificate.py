"""The gate's own certificate: shown to a server that wants one of its clients, refused in a sentence if it is none."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from fixtures.echo import echoing
from l4gate.base import ApiUnreachable, UsageError
from l4gate.prometheus_api import PrometheusApi, read_caller
from l4gate.settings import load_settings

NAME = "127.0.0.1"


@pytest.fixture(name="demanding", params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def _demanding(authority: trustme.CA, request: pytest.FixtureRequest) -> ssl.SSLContext:
    """A server that wants a certificate of this authority from each client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = request.param
    authority.issue_cert(NAME).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def written(folder: Path, authority: trustme.CA) -> tuple[Path, Path, Path]:
    """A client's certificate, its key, and a file with both."""
    leaf = authority.issue_cert("gate.example")
    leaf.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    return folder / "cert.pem", folder / "key.pem", folder / "both.pem"


def test_a_demanding_server_answers_whoever_has_a_certificate(
    demanding: ssl.SSLContext, authority: trustme.CA, tmp_path: Path
) -> None:
    """In one file or in two, the certificate must open the server, again after a request that took too long."""
    cert, key, both = written(tmp_path, authority)
    with echoing(context=demanding) as server:
        for caller in (
            read_caller(client_cert=both),
            read_caller(client_cert=cert, client_key=key),
        ):
            assert PrometheusApi(server.url, caller=caller).now() > 0


@pytest.mark.parametrize("own", [False, True], ids=["none", "of another authority"])
def test_a_demanding_server_refuses_the_others(own: bool, demanding: ssl.SSLContext, tmp_path: Path) -> None:
    """Without a certificate, or with one of an unknown authority, the next step must name the setting."""
    caller = read_caller(client_cert=written(tmp_path, trustme.CA())[2]) if own else read_caller()
    with echoing(context=demanding) as server, pytest.raises(ApiUnreachable) as caught:
        PrometheusApi(server.url, caller=caller).now()

    assert re.search(r"Next: .*give .*L4_CLIENT_CERT", str(caught.value))


def encrypted(folder: Path, how: serialization.PrivateFormat) -> Path:
    """The key behind a passphrase, as PKCS 8 or in the older form."""
    key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"pass-phrase")
    (folder / "encrypted.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, how, secret))
    return folder / "encrypted.pem"


def other(folder: Path) -> Path:
    """A key that belongs to another certificate."""
    (folder / "other").mkdir()
    return written(folder / "other", trustme.CA())[1]


def put(content: str) -> Callable[[Path], Path]:
    """A file with this in it."""

    def make(folder: Path) -> Path:
        (folder / "put").write_text(content)
        return folder / "put"

    return make


BAD: dict[str, tuple[Callable[[Path], Path | None], str]] = {
    "no file": (lambda folder: folder / "nowhere", "cannot be read: No such file"),
    "a folder": (lambda folder: folder, "found a folder"),
    "a device": (lambda _: Path("/dev/zero"), "found a device"),
    "no key": (lambda _: None, "hold no certificate with its key"),
    "no PEM": (put("s3cret"), "hold no certificate with its key"),
    "empty": (put(""), "hold no certificate with its key"),
    "another's key": (other, "is not that of the certificate"),
    "encrypted": (lambda folder: encrypted(folder, serialization.PrivateFormat.PKCS8), "is encrypted"),
    "encrypted as once": (
        lambda folder: encrypted(folder, serialization.PrivateFormat.TraditionalOpenSSL),
        "is encrypted",
    ),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", BAD)
def test_a_wrong_key_is_a_usage_error(name: str, tmp_path: Path) -> None:
    """Whatever is no key of the certificate must be one sentence at once, without a question at the terminal."""
    make, told = BAD[name]
    cert, _, _ = written(tmp_path, trustme.CA())
    key = make(tmp_path)

    with pytest.raises(UsageError, match=told) as caught:
        read_caller(client_cert=cert, client_key=key)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": "https://h", "client_key": __file__}, "--client-key was given without the certificate"),
        ({"url": "http://h", "client_cert": __file__}, "no URL is one of https"),
    ],
)
def test_what_nobody_would_use_is_refused(given: dict[str, str], told: str) -> None:
    """A key alone, and a certificate without any https, must be refused; one that is used must not."""
    with pytest.raises(UsageError, match=told):
        load_settings(given, {})

    for url in ({"url": "https://h"}, {"url": "http://h", "rules_url": "HTTPS://h"}, {}):
        assert load_settings({**url, "client_cert": __file__}, {}).client_cert == Path(__file__)


def test_a_command_with_a_wrong_certificate_asks_nothing(authority: trustme.CA, tmp_path: Path) -> None:
    """`decide` must end with exit 2 and one sentence before anything is asked."""
    (tmp_path / "none.pem").write_text("none")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    with echoing(context=context) as server:
        command = [sys.executable, "-m", "l4gate", "decide", f"--url={server.url}"]
        command += [f"--client-cert={tmp_path / 'none.pem'}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "the client certificate cannot be used" in done.stderr
    assert server.seen == []
