"""
Numbers and times as the engines print them, and in no other spelling.

Python takes far more texts for a number than any engine prints: spaces, underscores, digits of other scripts. What an
engine would not have printed has been written by something else. All times are Unix seconds.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from functools import lru_cache
from typing import Any, Final

# Go's strconv as Prometheus, its relatives and VictoriaMetrics use it: always a digit before the point and behind it.
_FINITE: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = {"NaN": math.nan, "Inf": math.inf, "+Inf": math.inf, "-Inf": -math.inf}
_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_ZERO_TIME: Final = "0001-01-01T00:00:00Z"  # how Go prints a time that was never set
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_YEAR_10000: Final = 253402300800.0


def number(text: Any) -> float:
    """
    A sample's value.

    Raises:
        ValueError: if this is no text, or none that an engine prints.
    """
    if not isinstance(text, str):
        raise ValueError
    return _number(text)


@lru_cache(maxsize=4096)  # of ten thousand realms most are 0 or 1; a text that is none is not kept
def _number(text: str) -> float:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    value = float(text) if _FINITE.fullmatch(text) else math.inf
    if math.isinf(value):  # digits beyond what a float holds, which an engine prints as +Inf
        raise ValueError
    return value


def is_time(value: float) -> bool:
    """Whether this can be when something was sampled: after 1970 began, before the year 10000."""
    return 0 < value < _YEAR_10000


def moment(value: Any) -> float:
    """
    A sample's time, from the number that JSON has for it.

    Raises:
        ValueError: if it is none, or not a time that anything was sampled at.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_time(value):
        raise ValueError
    return float(value)


def rfc3339(text: Any) -> float:
    """
    A time of the pages of rules and targets; minus infinity for Go's zero time, which says "never".

    Raises:
        ValueError: if it is not RFC 3339 as Go prints it, or not of the years 1970 to 9998.
    """
    if text == _ZERO_TIME:
        return -math.inf
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError
    whole = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC).timestamp()
    fraction, sign, hours, minutes = found.groups()[6:]
    ahead = int(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60) if sign else 0
    at = whole + float(fraction or 0) - ahead
    if at < 0:
        raise ValueError
    return at
