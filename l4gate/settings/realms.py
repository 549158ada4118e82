"""
Which realms are judged, and of which fleet they are: names, files of names, and patterns over those files.

A fleet is what the rules are rendered for. A pattern selects from a file and never from what a server happens to have:
a realm that has vanished there would be left out, and its silence taken for a GO.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from l4gate.base import UsageError, read_regular, why
from l4gate.settings import values

MOST_REALMS: Final = 20_000  # twice of what a look is measured with
_MOST_BYTES: Final = 4 << 20
_FILE: Final = "@"
_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:*?-]{1,64}")


def realm(text: str) -> str:
    """A realm, a pattern with * or ?, or @ and the path of a file with a realm in each line."""
    if text.startswith(_FILE):
        return f"{_FILE}{values.file(text.removeprefix(_FILE))}"
    return text if _is_pattern(text) and _PATTERN.fullmatch(text) else values.realm(text)


def chosen_realms(given: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    The realms to judge, and the fleet that they are of, each in the order of its files and names.

    Raises:
        UsageError: for a file that cannot be read or holds something else, a pattern without a file, a name or pattern
            that selects nothing, or more than MOST_REALMS.
    """
    texts = list(given)
    paths = [Path(each.removeprefix(_FILE)) for each in texts if each.startswith(_FILE)]
    wanted = [each for each in texts if not each.startswith(_FILE)]
    fleet = tuple(dict.fromkeys(name for path in paths for name in _named_in(path)))
    if not paths:
        if patterns := [each for each in wanted if _is_pattern(each)]:
            message = f"expected a file of realms for the pattern {patterns[0]!r} to select from, found none."
            raise UsageError(message, next_step="give the file too, as @FILE.")
        fleet = tuple(dict.fromkeys(wanted))
    if len(fleet) > MOST_REALMS:
        message = f"expected at most {MOST_REALMS} of them, found {len(fleet)}."
        raise UsageError(message, next_step="give them to several runs.")
    if not paths or not wanted:
        return fleet, fleet
    selected: set[str] = set()
    for each in wanted:
        found = [name for name in fleet if (fnmatchcase(name, each) if _is_pattern(each) else name == each)]
        if not found:
            message = (
                f"expected {each!r} to be among the {len(fleet)} realms of {paths[0]}, found none that is."
            )
            raise UsageError(message)
        selected.update(found)
    return tuple(name for name in fleet if name in selected), fleet


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _named_in(path: Path) -> list[str]:
    try:
        lines = read_regular(path, limit=_MOST_BYTES, within=Path("/")).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = why(error) if isinstance(error, OSError) else "not UTF-8"
        message = f"the file of realms {path} cannot be read: {said}."
        raise UsageError(message) from None
    names = []
    for number, line in enumerate(lines, 1):
        if name := line.partition("#")[0].strip():
            try:
                names.append(values.realm(name))
            except UsageError as error:
                message = f"{path}:{number}: {error.message}"
                raise UsageError(message) from None
    if not names:
        message = f"expected realms in {path}, one in each line, found none."
        raise UsageError(message)
    return names
