"""What differs between two lists of lines, for a person: as much of it as one reads, however much there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

MOST_LINES: Final = 200  # four screens; nobody reads on
_LONGEST: Final = 400  # characters of a line
_MOST_TO_ALIGN: Final = 2_000  # lines of each; aligning takes quadratic time, over these at most a second


def line_difference(expected: Iterable[str], loaded: Iterable[str], what: str) -> str:
    """
    A unified diff between what is expected and what a server has loaded, or "" if there is no difference.

    It begins where they begin to differ if there is too much to be aligned, and ends where nobody would read on, with
    how many lines more there are.
    """
    wanted, found = list(expected), list(loaded)
    if wanted == found:
        return ""
    same = 0
    if max(len(wanted), len(found)) > _MOST_TO_ALIGN:
        same = next(at for at in range(len(wanted) + 1) if wanted[at : at + 1] != found[at : at + 1])
    end = same + _MOST_TO_ALIGN
    lines = difflib.unified_diff(
        wanted[same:end], found[same:end], f"expected {what}", f"loaded {what}", lineterm=""
    )
    shown = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in islice(lines, MOST_LINES)]
    more = sum(1 for _ in lines) + max(len(wanted) - end, 0) + max(len(found) - end, 0)
    return "\n".join([*shown, f"... and {more} lines more"] if more else shown)
