"""Whose credentials are sent: those that were named, whatever else a machine keeps for that host or its proxy."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from fixtures.echo import echoing
from l4gate.base import ApiBadAnswer, shown
from l4gate.prometheus_api import PrometheusApi, read_caller

FAR = "http://prometheus.example:9090"  # nobody looks it up: the proxy is asked
NETRC = "default login somebody password else-and-else\n"


@pytest.fixture(name="netrc", params=["home", "variable", "odd"])
def _netrc(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for every host, where the HTTP library would look for them."""
    (tmp_path / ".netrc").write_text("machine\x00 {{{" if request.param == "odd" else NETRC)
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    if request.param == "variable":
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("option", ["bearer_token_file", "basic_auth_file", None])
def test_only_named_credentials_are_sent(
    option: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credentials file must win over .netrc, which must not be read without one either; the proxy must be used."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    (tmp_path / "file").write_text("me:mine-and-mine\n")
    login = base64.b64encode(b"me:mine-and-mine").decode()
    sent = {"bearer_token_file": "Bearer me:mine-and-mine", "basic_auth_file": f"Basic {login}", None: ""}
    with echoing() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        given = {option: tmp_path / "file"} if option else {}
        api = PrometheusApi(FAR, caller=read_caller(**given))
        assert api.now() > 0

    assert proxy.seen == [sent[option]]


def test_the_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy says of the password that it was sent must be left out too."""
    monkeypatch.setenv("no_proxy", "")
    with echoing("error") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//some:proxy%2Fpass-word@"))
        with pytest.raises(ApiBadAnswer) as caught:
            PrometheusApi(FAR).now()

    encoded = base64.b64encode(b"some:proxy/pass-word").decode()
    assert proxy.seen == [f"Basic {encoded}"]
    assert encoded in str(caught.value)
    assert encoded[:14] not in shown(str(caught.value))
    assert "proxy/pass-word" not in shown(proxy.url.replace("//", "//some:proxy/pass-word@"))
