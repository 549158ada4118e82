"""
What was measured: a value, a reason why there is none, or an error on the way to it.

"No answer" is a type of its own here, so that no code further on can take it for 0. Times are Unix seconds of the
server's clock; ages and intervals are seconds.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Labels = Mapping[str, str]
_ROUNDING_SECONDS: Final = (
    0.001  # the API takes and gives whole milliseconds; a sample from the future proves nothing
)


class MissingReason(enum.Enum):
    """Why a query that was answered gives no usable value."""

    NO_SERIES = "no-series"
    SEVERAL_SERIES = "several-series"
    NOT_FINITE = "not-finite"
    NOT_BOOLEAN = "not-boolean"
    NOT_RECORDED = "not-recorded"
    OLD = "old"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Value:
    """A measured value and the time of its sample; both are finite, or it would not have been measured."""

    query: str
    value: float
    at: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.at)):
            message = f"expected a finite value and time, found {self.value} at {self.at}"
            raise ValueError(message)

    def __str__(self) -> str:
        return f"{self.value:g}"


@dataclass(frozen=True, slots=True)
class Missing:
    """The query was answered, and the answer is no value. `found` says what came instead."""

    query: str
    cause: MissingReason
    found: str

    def __str__(self) -> str:
        return self.found


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No usable answer came."""

    query: str
    error: str
    next_step: str = ""

    def __str__(self) -> str:
        return self.error


Reading = Value | Missing | Unreachable


def read(
    query: str,
    found: list[tuple[Labels, float, float]],
    *,
    now: float,
    max_age_seconds: float,
    boolean: bool,
    allowed: frozenset[str],
    warnings: tuple[str, ...] = (),
) -> Reading:
    """
    Makes a reading of the series that a query returned, each as (labels, time of its newest sample, value).

    `allowed` are the labels that the rule gives it, all of them and no other: who pushes under its name adds some, or
    lacks some. An answer with warnings is a partial result, so nothing in it is measured; the order of the checks is
    the order in which they make the later ones meaningless.
    """
    if warnings:
        return Missing(query, MissingReason.PARTIAL, f"a partial answer: {'; '.join(warnings)}")
    if not found:
        return Missing(query, MissingReason.NO_SERIES, "no series")
    if len(found) > 1:
        names = "; ".join(sorted(format_labels(labels) for labels, _, _ in found)[:4])
        return Missing(
            query, MissingReason.SEVERAL_SERIES, f"{len(found)} series where one is expected: {names}"
        )
    labels, at, value = found[0]
    if labels.keys() - {"__name__"} != allowed:
        others = ", ".join(sorted(allowed))
        return Missing(
            query,
            MissingReason.NOT_RECORDED,
            f"a series that no rule records: {format_labels(labels)}, where the labels are {others} alone",
        )
    if not math.isfinite(value):
        return Missing(query, MissingReason.NOT_FINITE, f"{value:g}")
    if boolean and value not in (0.0, 1.0):
        return Missing(query, MissingReason.NOT_BOOLEAN, f"{value:g}, neither 0 nor 1")
    if not -_ROUNDING_SECONDS <= now - at <= max_age_seconds:
        found_age = f"{value:g}, recorded {now - at:.1f} s ago"
        return Missing(query, MissingReason.OLD, f"{found_age} (limit {max_age_seconds:g} s)")
    return Value(query, value, at)


def format_labels(labels: Labels) -> str:
    """Labels as PromQL writes them: `name{a="b"}`."""
    inner = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__")
    return f"{labels.get('__name__', '')}{{{inner}}}"


def clock_time(seconds: float) -> str:
    """A Unix time for a person to read; one that no calendar has stays a number."""
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g}"
