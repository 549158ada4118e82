"""What is wrong, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """Lines and columns count from 1; line 0 is the file as a whole, column 0 the line as a whole."""

    file: str
    line: int = 0
    column: int = 0
    length: int = 1


@dataclass(frozen=True)
class Problem:
    """What a check saw, and where. `not_run` says that the check itself could not be made."""

    what: str
    place: Place
    not_run: bool = False
