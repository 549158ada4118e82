"""The certificate that this gate shows to a server that wants one of its clients."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from l4gate.base import UsageError
from l4gate.prometheus_api.credentials import secret_text

_STEP: Final = "give PEM files: the certificate, and its key without a passphrase."


class _EncryptedError(Exception):
    """The key asks for a passphrase."""


def client_certificate(certificate: Path, key: Path | None) -> tuple[str, str]:
    """
    The paths of a certificate and its key, which may be one file, after both were loaded once.

    Raises:
        UsageError: if one cannot be read, is no PEM or encrypted, or the two do not match.
    """
    key = key or certificate
    for path in dict.fromkeys((certificate, key)):
        secret_text(path, "client certificate" if path == certificate else "client key")

    def asked() -> str:
        raise _EncryptedError  # else OpenSSL would ask whoever sits at the terminal

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, asked)
    except _EncryptedError:
        found = f"the key in {key} is encrypted"
    except ssl.SSLError as error:
        matches = error.reason != "KEY_VALUES_MISMATCH"
        found = (
            f"{certificate} and {key} hold no certificate with its key ({error.reason or 'no PEM'})"
            if matches
            else f"the key in {key} is not that of the certificate in {certificate}"
        )
    except OSError as error:  # gone since it was read
        found = f"{certificate} or {key} cannot be read: {error.strerror}"
    else:
        return str(certificate), str(key)
    message = f"the client certificate cannot be used: {found}."
    raise UsageError(message, next_step=_STEP)
