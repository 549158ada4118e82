"""How the text of a setting is read: each function returns the value, or says what was expected and what was found."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from l4gate.base import UsageError
from l4gate.machine import danger_in


def choice(*allowed: str) -> Callable[[str], str]:
    """One of these words."""

    def parse(text: str) -> str:
        if text not in allowed:
            message = f"expected one of {', '.join(allowed)}, found {text!r}."
            raise UsageError(message)
        return text

    return parse


def number(*, minimum: float, maximum: float) -> Callable[[str], float]:
    """A number within these bounds, which are allowed themselves."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            message = f"expected a number from {minimum:g} to {maximum:g}, found {text!r}."
            raise UsageError(message)
        return value

    return parse


_MOST_REPEATED: Final = 20  # each is asked at every look
_PLAIN = re.compile(r"[!-~]+")  # no spaces, control characters or letters beyond ASCII


def url(text: str) -> str:
    """Checks a base URL. A password in it is refused, and never repeated in the message."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        message = "expected a URL such as http://127.0.0.1:9090, found one whose host or port cannot be read."
        raise UsageError(message) from None
    if parts.username is not None or parts.password is not None:
        message = (
            "expected a URL without a user name or password, found one with credentials in it (not shown)."
        )
        raise UsageError(
            message, next_step="pass credentials with L4_BASIC_AUTH_FILE or L4_BEARER_TOKEN_FILE."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not _PLAIN.fullmatch(text):
        # Where it cannot be told which part is which, "user:secret@host" may stand in any of them.
        found = "one that is not" if "@" in text or "?" in text else repr(text)
        message = f"expected a URL such as http://127.0.0.1:9090, found {found}."
        raise UsageError(message)
    if parts.query or parts.fragment:
        message = "expected a base URL without a query or fragment, found one that has it (not shown)."
        raise UsageError(message)
    return text.rstrip("/")


def realm(text: str) -> str:
    """A realm that stands in PromQL and in file names as it is."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}", text):
        message = f"expected a realm of letters, digits and _ . : - (at most 64), found {text!r}."
        raise UsageError(message)
    return text


_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*=[^=].*")


def label(text: str) -> str:
    """A label with its value, as NAME=VALUE."""
    if not _LABEL.fullmatch(text):
        message = f"expected a label with its value, NAME=VALUE, found {text!r}."
        raise UsageError(message, next_step="see external_labels in the configuration of the Prometheus.")
    return text


def each_once(texts: Iterable[str]) -> tuple[str, ...]:
    """Several of one kind, at most a few."""
    found = tuple(dict.fromkeys(texts))
    if len(found) > _MOST_REPEATED:
        message = f"expected at most {_MOST_REPEATED} of them, found {len(found)}."
        raise UsageError(message, next_step="give them to several runs.")
    return found


def _is_so(question: Callable[[], bool]) -> bool:
    """The answer about a path; a name that is too long, or a folder that may not be entered, is a no."""
    try:
        return question()
    except (OSError, ValueError):
        return False


def flag(text: str | bool) -> bool:
    """Yes or no, in the usual words."""
    if isinstance(text, bool):
        return text
    if text.lower() not in _FLAG:
        message = f"expected 1 or 0, yes or no, found {text!r}."
        raise UsageError(message)
    return _FLAG[text.lower()]


_FLAG = {
    "1": True,
    "yes": True,
    "true": True,
    "on": True,
    "0": False,
    "no": False,
    "false": False,
    "off": False,
}


def folder(text: str) -> Path:
    """A folder that is there, or that the run may make."""
    found = Path(text)
    if not text or not _is_so(lambda: found.is_dir() or not found.exists()):
        message = f"expected a folder, found {text!r}."
        raise UsageError(message)
    return found


def cache_folder(text: str) -> Path:
    """A folder, there or to be made, into which nobody else can put what is run out of it."""
    found = Path(text)
    # Programs out of it are started in other folders.
    if not found.is_absolute() or not text.isprintable():
        message = f"expected an absolute path of a folder, found {text!r}."
        raise UsageError(message)
    if not _is_so(lambda: found.is_dir() or not os.path.lexists(found)):
        message = (
            f"expected a folder, or a path where one can be made, found {text!r}, which is something else."
        )
        raise UsageError(message)
    if danger := danger_in(found):
        message = f"expected a folder that nobody else can write to, found {text!r}: {danger}."
        raise UsageError(message, next_step="name another, or take it from the others.")
    return found


def path(text: str) -> Path:
    """A folder of which whoever works in it says what is wrong with it."""
    if not text:
        message = "expected a folder, found ''."
        raise UsageError(message)
    found = Path(text)
    try:
        found.resolve()
    except RuntimeError:  # so Python 3.11 and 3.12 say it
        message = f"expected a folder, found {text!r:.200}, a link that leads back to itself."
        raise UsageError(message) from None
    except (OSError, ValueError):
        pass
    return found


def config_folder(text: str) -> Path:
    """A folder with a prometheus.yml in it."""
    found = Path(text)
    if not _is_so((found / "prometheus.yml").is_file):
        message = f"expected a folder with a prometheus.yml in it, found {text!r}."
        raise UsageError(message)
    return found


def file(text: str) -> Path:
    """A file that can be read."""
    found = Path(text)
    if not (_is_so(found.is_file) and os.access(found, os.R_OK)):
        message = f"expected a readable file, found {text!r}."
        raise UsageError(message)
    return found
