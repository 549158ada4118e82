"""What the name of a metric says about its unit."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = re.compile(r"(_seconds|_seconds_total|_seconds_sum|_ts|_timestamp)$")


def says_seconds(name: str) -> bool:
    """Whether a name, or a part of one between colons, is that of a time in seconds."""
    return bool(_SECONDS.search(name))
