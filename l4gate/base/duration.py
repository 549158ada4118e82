"""
Prometheus durations ("1m30s") and seconds, both ways.

Whole milliseconds are the finest unit that Prometheus stores, so nothing finer is ever written.
"""

from __future__ import annotations

import re
from typing import Final

from l4gate.base.errors import UsageError

_UNITS_MILLISECONDS: Final = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
LONGEST_SECONDS: Final = 2**63 / 1e9  # 292 years: engines count durations in nanoseconds, in 64 bits
_DIGITS: Final = r"(\d{1,18})"  # more cannot be within these years, and takes Python long to read
_DURATION: Final = re.compile(
    "".join(rf"(?:{_DIGITS}{unit})?" for unit in ("y", "w", "d", "h", "m(?!s)", "s", "ms")), re.ASCII
)


def parse_duration(text: str) -> float:
    """
    Seconds of a Prometheus duration such as `5m` or `1h30m`; `0` is allowed as Prometheus does.

    Raises:
        UsageError: if the text is not a Prometheus duration.
    """
    match = _DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if not text or match is None:
        message = f"expected a Prometheus duration such as 30s, 5m or 1h30m, found {text!r:.60}."
        raise UsageError(message)
    amounts = match.groups()
    units = _UNITS_MILLISECONDS.values()
    seconds = sum(int(amount) * unit for amount, unit in zip(amounts, units, strict=True) if amount) / 1000
    if seconds >= LONGEST_SECONDS:
        message = f"expected a duration below 292y, found {text!r:.60}."
        raise UsageError(message)
    return seconds


def format_duration(seconds: float) -> str:
    """
    The shortest Prometheus duration of that many seconds, rounded to milliseconds and never to zero.

    Raises:
        UsageError: if seconds is negative.
    """
    if seconds < 0:
        message = f"expected a duration of at least 0 s, found {seconds}."
        raise UsageError(message)
    rest = round(seconds * 1000)
    if rest == 0:
        return "1ms" if seconds > 0 else "0s"
    parts = []
    for name in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS_MILLISECONDS[name])
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts)
