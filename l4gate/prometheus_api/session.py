"""How this project asks over HTTP; no other module makes a session of its own."""

from __future__ import annotations

import ipaddress
import os
from typing import Final
from urllib.parse import urlsplit

import requests

from l4gate.base import keep_secrets_of_environment

HttpError: Final = requests.RequestException  # whatever a session raises when no answer comes


def new_session(url: str, certificate: tuple[str, str] | None = None) -> requests.Session:
    """A session for a server and what is below its URL; it shows a certificate (paths of it and its key) if asked."""
    session = requests.Session()
    session.cert = certificate
    # A proxy from the environment must never answer for a server on this machine.
    session.trust_env = not is_loopback(url)
    if not session.trust_env:  # an authority from there is as good for this machine as for any other
        bundles = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        session.verify = next(filter(None, bundles), True)
    # Something in this place keeps requests from looking for credentials elsewhere: in ~/.netrc, whose entry for the
    # host would replace the header of a credentials file, and in the URL.
    session.auth = _as_it_is
    if session.trust_env:
        keep_secrets_of_environment()
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine, so that no proxy may stand in between."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified  # connecting to 0.0.0.0 reaches this machine
