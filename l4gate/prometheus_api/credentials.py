"""Credentials that are kept in files, so that none stands on a command line."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

from l4gate.base import UsageError, keep_login, keep_token, read_regular, why

_MOST_BYTES: Final = 64 << 10  # servers take no longer header


def authorization(bearer_token_file: Path | None, basic_auth_file: Path | None) -> str:
    """
    The header for one of these files, or an empty text for neither. From then on nothing shows what is in it.

    Raises:
        UsageError: if the file is none; it never quotes what is in it.
    """
    for path, scheme in ((bearer_token_file, "Bearer"), (basic_auth_file, "Basic")):
        if path is None:
            continue
        secret = secret_text(path, "credentials file").strip()
        # Checked here, because the HTTP library quotes a header that it refuses, and with it the secret.
        if not secret.isprintable() or not secret or (scheme == "Basic" and ":" not in secret):
            wanted = "user:password" if scheme == "Basic" else "a token"
            message = f"expected one line with {wanted} in the credentials file {path}, found something else."
            raise UsageError(message)
        if scheme == "Bearer" and not secret.isascii():
            message = f"expected a token of ASCII characters in the credentials file {path}."
            raise UsageError(message)
        if scheme == "Bearer":
            keep_token(secret)
        else:
            user, _, password = secret.partition(":")
            keep_login(user, password)
            secret = base64.b64encode(secret.encode()).decode()
        return f"{scheme} {secret}"
    return ""


def secret_text(path: Path, what: str) -> str:
    """
    What is in a file with secrets: a regular one of at most 64 KiB. Links are followed: a mounted secret is one.

    Raises:
        UsageError: if it cannot be read; `what` says what the file is.
    """
    try:
        return read_regular(path, limit=_MOST_BYTES, within=Path("/")).decode()
    except (OSError, UnicodeDecodeError) as error:
        said = why(error) if isinstance(error, OSError) else "not UTF-8"
        message = f"the {what} {path} cannot be read: {said}."
        raise UsageError(message) from None
