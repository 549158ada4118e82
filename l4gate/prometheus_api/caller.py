"""Who this gate is to the servers that it asks: its credentials, its headers and its certificate, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from l4gate.prometheus_api.client_certificate import client_certificate
from l4gate.prometheus_api.credentials import authorization
from l4gate.prometheus_api.header_file import headers_in, of_a_stranger
from l4gate.settings import Settings


@dataclass(frozen=True)
class Caller:
    """
    What goes with every request to any URL of the API, and to nobody else.

    Attributes:
        authorization: the header of the credentials file; empty for none.
        headers: those of the header file.
        certificate: the paths of the client's certificate and of its key, for https.
    """

    authorization: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: tuple[str, str] | None = None

    @property
    def sent(self) -> dict[str, str]:
        """All headers."""
        own = {"Authorization": self.authorization} if self.authorization else {}
        return {**self.headers, **own}

    @property
    def stranger(self) -> Caller | None:
        """Somebody with the same access who asks for a tenant that nobody has; None where no header names one."""
        headers = of_a_stranger(self.headers)
        return None if headers is None else replace(self, headers=headers)


def read_caller(
    *,
    bearer_token_file: Path | None = None,
    basic_auth_file: Path | None = None,
    header_file: Path | None = None,
    client_cert: Path | None = None,
    client_key: Path | None = None,
) -> Caller:
    """
    Reads these files.

    Raises:
        UsageError: if one of them is not what it must be; it never quotes what is in it.
    """
    credentials = authorization(bearer_token_file, basic_auth_file)
    return Caller(
        credentials,
        {} if header_file is None else headers_in(header_file, authorized=bool(credentials)),
        None if client_cert is None else client_certificate(client_cert, client_key),
    )


def caller_of(settings: Settings) -> Caller:
    """
    The caller that the settings describe.

    Raises:
        UsageError: as `read_caller` does.
    """
    return read_caller(
        bearer_token_file=settings.bearer_token_file,
        basic_auth_file=settings.basic_auth_file,
        header_file=settings.header_file,
        client_cert=settings.client_cert,
        client_key=settings.client_key,
    )
