"""What a process is started with, brought into an order in which it can work."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import Final

_NO_HOME: Final = Path("/nonexistent")  # as Debian has it for users who have none
_OWNER: Final = 0o700


def home() -> Path:
    """
    The home of this user: HOME, else what is known of him; one that is never there if neither is an absolute path.

    It may be somebody else's, not be there or not be a folder. Whoever works in it says what is wrong with it.
    """
    named = named_folder("HOME")
    if named is not None:
        return named
    try:
        known = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return _NO_HOME
    return known if known.is_absolute() else _NO_HOME


def named_folder(variable: str) -> Path | None:
    """The path in a variable such as XDG_CACHE_HOME; None if it is not set, relative (as if not set) or no text."""
    text = os.environ.get(variable, "")
    return Path(text) if text.startswith("/") and text.isprintable() else None


def put_in_order() -> None:
    """
    Mends what no program can work with: closed standard streams, a umask that shuts its owner out, no home.

    A file that is opened while a standard stream is closed takes its number, and gets what was meant for the stream.
    The libraries of container engines do not start without a home.
    """
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            name = ("stdin", "stdout", "stderr")[number]
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    before = os.umask(_OWNER)
    os.umask(before & ~_OWNER)
    os.environ["HOME"] = str(home())
