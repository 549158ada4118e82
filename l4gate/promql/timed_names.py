"""Which metrics are times: by what their names say, and by what a caller knows of them beside that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from l4gate.base import says_seconds

# Whether the values of a metric are seconds though its name does not say so.
IsTime = Callable[[str], bool]
_PER_SECOND_NAME: Final = re.compile(r"_per_second$")
_PLAIN_OPERATIONS: Final = re.compile(r"(bool|count|changes|resets|ratio|absent)(_|\d|$)")
_RATE_OPERATIONS: Final = re.compile(r"i?rate(_|\d|$)")


def names_alone(_name: str) -> bool:
    """No metric is a time but those whose names say so."""
    return False


def power_of_name(name: str, is_time: IsTime = names_alone) -> int:
    """The power of seconds of a metric's values, by its name; recorded names may be `level:metric:operation`."""
    *parts, operation = name.split(":")
    if parts and _PLAIN_OPERATIONS.match(operation):
        return 0
    everything = [*parts, operation]
    power = 1 if is_time(name) or any(_in_seconds(part, is_time) for part in everything) else 0
    power -= any(map(_PER_SECOND_NAME.search, everything))
    return power - bool(parts and _RATE_OPERATIONS.match(operation))


def _in_seconds(part: str, is_time: IsTime) -> bool:
    """Whether a part of a name is that of a time; the sum of a histogram is one if what it observes is."""
    return says_seconds(part) or is_time(part.removesuffix("_sum"))


def counts_times(name: str, is_time: IsTime = names_alone) -> bool:
    """Whether a metric is the buckets of a histogram of times, so that its bounds are times."""
    buckets = (part.removesuffix("_bucket") for part in name.split(":") if part.endswith("_bucket"))
    return any(_in_seconds(each, is_time) for each in buckets)
