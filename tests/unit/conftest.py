"""What several unit tests stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from l4gate.base import keep_secrets_of_environment, outgoing


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of the tests that this process has run before are words like any other here."""
    monkeypatch.setattr(outgoing, "_KEPT", type(outgoing._KEPT)())
    keep_secrets_of_environment()


@pytest.fixture(name="authority")
def _authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this machine's environment trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return authority
