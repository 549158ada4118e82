"""Prometheus durations, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l4gate.base import LONGEST_SECONDS, UsageError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("250ms", 0.25),
        ("1m30s", 90),
        ("1h", 3600),
        ("1d", 86400),
        ("1w", 604800),
        ("5m", 300),
        ("1m1ms", 60.001),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    """A Prometheus duration must be its seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1.5m", "-1m", "1s1m", "1m 30s", "5M", "٣m", "1m\n", "nan"])
def test_anything_else_is_refused(text: str) -> None:
    """What Prometheus would not take must be a UsageError that shows it."""
    with pytest.raises(UsageError, match="expected a Prometheus duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.00001, "1ms"), (0.25, "250ms"), (90, "1m30s"), (86400, "1d"), (604800, "7d")],
)
def test_duration_is_written(seconds: float, text: str) -> None:
    """Seconds must be written shortly, and never become zero unless they are."""
    assert format_duration(seconds) == text


def test_negative_duration_is_refused() -> None:
    """A negative duration must be refused."""
    with pytest.raises(UsageError, match="at least 0 s"):
        format_duration(-1)


@given(st.integers(0, int(LONGEST_SECONDS * 1000) - 1))
def test_written_duration_reads_back(milliseconds: int) -> None:
    """What is written must read back as the same number of milliseconds."""
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds
