"""
What every text passes on its way out: a terminal, a log, a report.

The gate's own secrets do not stand in it, whoever said them again: a server may echo the header that it was sent. And
what a terminal would obey is a question mark. Whoever reads a secret calls `keep_secret`; whoever writes calls `shown`,
or prints inside `filtered_streams`. tests/unit/test_outgoing.py holds all of l4gate to it.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO
from urllib.parse import quote, quote_plus, unquote, urlsplit

NOT_SHOWN: Final = "(not shown)"
# From so many characters on, any piece of a secret is hidden: a message may have been cut or wrapped before it is here.
# A shorter piece is too likely to be a word of ours.
_PIECE: Final = 12
_SHORT: Final = 8  # what is shorter is hidden only where it stands as a word
_SHORTEST: Final = 4  # what is shorter is hidden only together with its scheme or its user
# How a text may be written down again, here or by a server. Two of them may follow on each other.
_SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: repr(text)[1:-1],
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: re.sub(
        "[<>&]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text)[1:-1]
    ),  # as Go has it
    lambda text: text.replace("/", "\\/"),  # as PHP has it
    lambda text: quote(text, safe=""),
    lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    lambda text: quote(text, safe="$&+=:@"),  # in a path, as Go has it
    lambda text: quote(text, safe="!'()*"),  # as JavaScript has it
    quote,
    quote_plus,
    html.escape,
    lambda text: html.escape(text, quote=False),
    lambda text: html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    lambda text: html.escape(text, quote=False).replace('"', "&quot;"),
    lambda text: re.sub(r"\s+", " ", text),
    # Bytes of UTF-8 that somebody took for Latin-1, as every reader of HTTP headers does.
    lambda text: text.encode().decode("latin-1"),
)


class _Kept:
    """The secrets of this process."""

    def __init__(self) -> None:
        self.forms: frozenset[str] = frozenset()
        self.pieces: frozenset[str] = frozenset()
        self.whole: re.Pattern[str] | None = None

    def add(self, *secrets: str) -> None:
        forms = {secret for secret in secrets if secret}
        for _ in range(2):
            forms |= {spelt(form) for form in forms for spelt in _SPELLINGS}
        if forms <= self.forms:
            return
        new = forms - self.forms
        pieces = {
            form[at : at + _PIECE]
            for form in new
            if len(form) > _PIECE
            for at in range(len(form) - _PIECE + 1)
        }
        self.forms |= new
        self.pieces |= pieces
        shorter = sorted((form for form in self.forms if len(form) <= _PIECE), key=len, reverse=True)
        if shorter:
            self.whole = re.compile("|".join(map(_pattern, shorter)))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        if self.whole:
            yield from (found.span() for found in self.whole.finditer(text))
        if self.pieces:
            for at in range(len(text) - _PIECE + 1):
                if text[at : at + _PIECE] in self.pieces:
                    yield at, at + _PIECE


_KEPT: Final = _Kept()


def keep_secret(secret: str) -> None:
    """Has a secret of the gate's own left out of everything that is shown from now on, also in base64 or escaped."""
    _KEPT.add(*(each for each in (secret, *_in_base64(secret)) if len(each) >= _SHORTEST))


def keep_login(user: str, password: str) -> None:
    """Has a password left out, and what HTTP makes of it together with its user."""
    keep_secret(password)
    both = f"{user}:{password}"
    _KEPT.add(*_in_base64(both))
    if len(password) < _SHORTEST:
        _KEPT.add(both)


def keep_token(token: str) -> None:
    """Has a bearer token left out; one of a few characters where it stands behind the word."""
    keep_secret(token)
    if len(token) < _SHORTEST:
        _KEPT.add(f"Bearer {token}")


def keep_secrets_of_url(url: str) -> None:
    """Has the password that stands in a URL left out."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return
    if parts.password:
        keep_login(parts.username or "", parts.password)
        keep_login(unquote(parts.username or ""), unquote(parts.password))


def shown(text: str) -> str:
    """A text fit to be seen: without secrets, and with `?` for what would move a cursor, colour a GO or turn a line."""
    return printable(masked(text))


def masked(text: str) -> str:
    """A text without the secrets of this process."""
    if not _KEPT.forms:
        return text
    parts, end = [], 0
    for start, stop in _merged(sorted(_KEPT.spans(text))):
        parts += [text[end:start], NOT_SHOWN]
        end = stop
    return "".join((*parts, text[end:])) if parts else text


def printable(text: str) -> str:
    """A text with `?` for control and format characters, lone surrogates and the like; its lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or _is_plain_space(each) else "?" for each in text)


class Outgoing(io.TextIOBase):
    """A stream whose writes pass `shown`, but for the codes that we send to a terminal ourselves."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override] # typeshed has a variable
        """That of the stream behind."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Writes what may be seen of it."""
        self._stream.write(shown(text))
        return len(text)

    def control(self, codes: str) -> None:
        """Writes codes for the terminal; nothing from outside may stand in them."""
        self._stream.write(codes)

    def flush(self) -> None:
        """Flushes the stream behind."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True


@contextmanager
def filtered_streams() -> Iterator[None]:
    """Within the block all that is printed, to stdout or stderr, by whomever, passes `shown`."""
    keep_secrets_of_environment()
    before = sys.stdout, sys.stderr
    streams: list[Any] = []
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a server's words must not crash a C locale
        streams.append(stream if stream is None or isinstance(stream, Outgoing) else Outgoing(stream))
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def control_terminal(codes: str) -> None:
    """Sends codes of our own to the terminal at stderr."""
    stream = sys.stderr
    if isinstance(stream, Outgoing):
        stream.control(codes)
    else:
        stream.write(codes)


def keep_secrets_of_environment() -> None:
    """Has the passwords left out of all URLs in the environment: of proxies, engines, and what was put there amiss."""
    for name, value in os.environ.items():
        if name.lower().endswith("_proxy") or ("://" in value and "@" in value):
            keep_secrets_of_url(value)


def _in_base64(secret: str) -> Iterator[str]:
    for encoded in (base64.b64encode(secret.encode()), base64.urlsafe_b64encode(secret.encode())):
        yield encoded.decode()
        yield encoded.decode().rstrip("=")


def _pattern(form: str) -> str:
    if form.isdigit():  # no number of a report may become none because of it
        return rf"(?<![\w.]){form}(?!\w|\.\d)"
    return rf"(?<!\w){re.escape(form)}(?!\w)" if len(form) < _SHORT else re.escape(form)


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, end = -1, -1
    for first, last in spans:
        if first > end:
            if end > 0:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if end > 0:
        yield start, end


def _is_plain_space(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) == "Zs"
