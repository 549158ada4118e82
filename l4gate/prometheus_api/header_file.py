"""
Headers that a server, or what stands before it, wants with every request: whose data is asked for, mostly.

A file has one `Name: value` a line, as `curl -H @file` takes it; empty lines and those that begin with # are ignored.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from l4gate.base import UsageError, keep_secret
from l4gate.prometheus_api.credentials import secret_text

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110, section 5.6.2
_VALUE: Final = re.compile(r"[ -~]+")  # no control characters: a line break would be another header
# What the client sets itself, or the library does, or what is between two machines only (RFC 9110, section 7.6.1).
_NOT_OURS: Final = frozenset(
    (
        *("accept", "accept-encoding", "cache-control", "content-encoding", "content-length", "content-type"),
        *("expect", "host", "range"),
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    )
)
# X-Scope-OrgID (Mimir, Cortex), THANOS-TENANT, AccountID and ProjectID (VictoriaMetrics), and what proxies call theirs.
_FIRST_UNUSED: Final = 4_012_345_670  # below 2^32; nobody counts accounts so far
_TENANT: Final = re.compile(r"tenant|org-?id|account-?id|project-?id", re.IGNORECASE)
# What opens a door or says who asks: another value would be refused, or change nothing, whoever the tenant is.
_OF_ACCESS: Final = re.compile(
    r"auth|key|token|secret|password|cookie|cf-access|signature|csrf|agent|forwarded|request-id|trace",
    re.IGNORECASE,
)
_AUTHORIZATION: Final = "authorization"


def headers_in(path: Path, *, authorized: bool) -> dict[str, str]:
    """
    The headers of a file, by the names as they are written there. From then on nothing shows their values.

    But for those that name a tenant: nothing of ours says them, and where a server does they are a word like `prod`, or
    a number, that stands elsewhere too. No report may lose its realms or its counts over it.

    Args:
        path: the file.
        authorized: whether there is a credentials file, which makes an `Authorization` of its own.

    Raises:
        UsageError: if the file is none, or a line is no header that may be sent; it never quotes a value.
    """
    found: dict[str, str] = {}
    names: set[str] = set()
    for number, raw in enumerate(secret_text(path, "header file").split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        lower = name.lower()
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise _refused(path, number, "expected `Name: value` in ASCII, without control characters")
        if lower in _NOT_OURS:
            raise _refused(path, number, f"{lower} is set by the gate itself, or by no client")
        if lower == _AUTHORIZATION and authorized:
            raise _refused(path, number, "authorization is given by a credentials file as well")
        if lower in names:
            raise _refused(path, number, "the same header stands there twice")
        names.add(lower)
        found[name] = value
        if not names_a_tenant(name):
            keep_secret(value)
    if not found:
        message = f"expected a line `Name: value` in the header file {path}, found none."
        raise UsageError(message)
    return found


def names_a_tenant(name: str) -> bool:
    """Whether a header of this name says whose data is asked for."""
    return _TENANT.search(name) is not None


def of_a_stranger(headers: Mapping[str, str]) -> dict[str, str] | None:
    """
    The headers of a tenant that nobody has; None where none of them says whose data is asked for.

    Where one has a tenant's name it is that one, else every one that does not open a door.
    """
    chosen = [name for name in headers if names_a_tenant(name)]
    chosen = chosen or [name for name in headers if not _OF_ACCESS.search(name)]
    if not chosen:
        return None
    return {**headers, **{name: _unlike(headers[name]) for name in chosen}}


def _unlike(value: str) -> str:
    """Another value of the same kind: VictoriaMetrics takes numbers of 32 bits, Mimir at most 150 plain characters."""
    if value.isdigit():
        return next(found for each in range(3) if (found := str(_FIRST_UNUSED + each)) != value)
    return f"l4gate-{secrets.token_hex(8)}"


def _refused(path: Path, number: int, why: str) -> UsageError:
    return UsageError(
        f"the header file {path}, line {number} (not shown): {why}.", next_step="mend the file."
    )
