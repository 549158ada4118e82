"""
What of a configuration is secret: what Prometheus hides when it prints it, and what it prints but nobody should see.

Prometheus prints `<secret>` in place of a secret, and `xxxxx` in place of the password of a URL (Go: URL.Redacted).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from l4gate.base import RuleError, without_credentials, yamldoc

SECRET: Final = "<secret>"  # noqa: S105 - what Prometheus prints in place of one
_REDACTED: Final = "xxxxx"
_SECRET_KEY: Final = re.compile(
    r"(?i)passw|passphrase|secret|token|credential|authorization|api_?key|access_?key|private_?key|cookie|^key$"
)
_NO_SECRET: Final = ("_file", "_files", "_url", "_ref")  # how the keys end that say where a secret is
_HIDDEN_HEADERS: Final = "proxy_connect_header"  # whatever they are called
# Prometheus prints these as they are, and people write tokens into them.
_HEADERS: Final = frozenset({_HIDDEN_HEADERS, "headers", "http_headers", "endpoint_params"})
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s]*(?=@)")
# A key with a secret in a text that need not be YAML, and what may be told of a URL there.
_PAIR: Final = re.compile(
    r"""(?<![\w-])["']?([\w-]{1,64})["']?[ \t]*:[ \t]*("[^"\n]*"|'[^'\n]*'|[^,}\]\n]+)"""
)
_URL: Final = re.compile(r"""(?<![\w+.-])[A-Za-z][\w+.-]{0,20}://[^\s"'`<>]+""")
_QUOTED: Final = re.compile(r"`([^`\n]*?)(\.\.\.)?`")  # a value as the errors of Go's YAML begin to quote it
_SHORT: Final = 4  # what is no longer is hidden only where it stands as a word
_SHORTEST: Final = 3  # what is shorter is a number or a flag, and no secret

Veil = Callable[[Any, str], Any]


def authorized(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job with its token where Prometheus prints it."""
    found = dict(job)
    for old, new in (("bearer_token", "credentials"), ("bearer_token_file", "credentials_file")):
        if found.get(old):
            found["authorization"] = {new: found.pop(old)}
    return found


def is_secret(key: str) -> bool:
    """Whether Prometheus prints `<secret>` for what stands under this key, or should."""
    return bool(_SECRET_KEY.search(key) or key == _HIDDEN_HEADERS) and not key.endswith(_NO_SECRET)


def below(key: str, name: object) -> str:
    """The key that tells whether a part of what stands under `key` is secret: headers are, whatever they are called."""
    return key if key in _HEADERS and not is_secret(str(name)) else str(name)


def redacted(value: Any, key: str = "") -> Any:
    """A tree as a server prints it: to be compared, and for nobody to see."""
    return _veiled(value, key, is_secret, _redacted_url)


def hidden(value: Any, key: str = "") -> Any:
    """A tree that anybody may see: without secrets, headers, and the credentials and query of any URL."""
    return _veiled(value, key, lambda each: is_secret(each) or each in _HEADERS, _shown_url)


def without_secrets(text: str, *sources: bytes) -> str:
    """A text that quotes these files, without what is secret in them, whether they are YAML or not."""
    return hider(*(source.decode("utf-8", "replace") for source in sources))(text)


def hider(*sources: str) -> Callable[[str], str]:
    """What `without_secrets` does to a text that quotes these, for many texts."""
    secrets = {secret for source in sources for secret in _secrets(source)}
    secrets = {secret for secret in secrets - {SECRET} if len(secret) >= _SHORTEST}
    ordered = sorted(secrets, key=len, reverse=True)

    def quoted(found: re.Match[str]) -> str:
        begins = found[2] and any(secret.startswith(found[1]) for secret in secrets)
        return f"`{SECRET}`" if begins else found[0]

    def hide(text: str) -> str:
        for secret in ordered:
            if len(secret) > _SHORT:
                text = text.replace(secret, SECRET)
            else:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", SECRET, text)
        return _URL.sub(lambda found: _shown_url(found[0]), _QUOTED.sub(quoted, text))

    return hide


def _veiled(value: Any, key: str, is_veiled: Callable[[str], bool], of_url: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _veiled(part, below(key, name), is_veiled, of_url) for name, part in value.items()}
    if isinstance(value, list):
        return [_veiled(part, key, is_veiled, of_url) for part in value]
    if is_veiled(key) and value not in (None, ""):
        return SECRET
    return of_url(value) if isinstance(value, str) and "://" in value else value


def _redacted_url(text: str) -> str:
    def user(found: re.Match[str]) -> str:
        name, colon, _ = found[0].partition(":")
        return unquote(name) + (f":{_REDACTED}" if colon else "")

    return _USERINFO.sub(user, text)


def _shown_url(text: str) -> str:
    return without_credentials(text, [text])


def _secrets(text: str) -> Iterator[str]:
    for key, value in _PAIR.findall(text):
        if is_secret(key) or key in _HEADERS:
            yield value.strip().strip("\"'")
    try:
        waiting = [(yamldoc.plain(text, ""), "")]
    except RuleError:
        return
    while waiting:
        value, key = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(part, below(key, name)) for name, part in value.items()]
        elif isinstance(value, list):
            waiting += [(part, key) for part in value]
        elif value is not None and (is_secret(key) or key in _HEADERS):
            yield str(value)
            yield from str(value).splitlines()
