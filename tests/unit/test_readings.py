"""A reading is a value, or says why it is none."""

from __future__ import annotations

import math

import pytest

from l4gate.verdict import Value
from l4gate.verdict.readings import Missing, MissingReason, read

LABELS = {"__name__": "m", "metric_realm": "prod"}
NOW = 1000.0


def reading(
    *found: tuple[dict[str, str], float, float], boolean: bool = True, now: float = NOW, **more: object
) -> object:
    labels = frozenset({"metric_realm"})
    return read("m", list(found), now=now, max_age_seconds=60, boolean=boolean, allowed=labels, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0.0, 1.0])
def test_fresh_boolean_is_a_value(number: float) -> None:
    """A fresh 0 or 1 of one series must be a value with its sample's time."""
    assert reading((LABELS, NOW - 60, number)) == Value("m", number, NOW - 60)


@pytest.mark.parametrize(
    ("found", "cause", "said"),
    [
        ([], MissingReason.NO_SERIES, "no series"),
        (
            [(LABELS, NOW, 1.0), ({**LABELS, "a": "b"}, NOW, 1.0)],
            MissingReason.SEVERAL_SERIES,
            '2 series where one is expected: m{a="b", metric_realm="prod"}; m{metric_realm="prod"}',
        ),
        ([(LABELS, NOW, math.nan)], MissingReason.NOT_FINITE, "nan"),
        ([(LABELS, NOW, math.inf)], MissingReason.NOT_FINITE, "inf"),
        ([(LABELS, NOW, 0.5)], MissingReason.NOT_BOOLEAN, "0.5, neither 0 nor 1"),
        ([(LABELS, NOW - 60.1, 1.0)], MissingReason.OLD, "1, recorded 60.1 s ago (limit 60 s)"),
        ([(LABELS, NOW + 5, 1.0)], MissingReason.OLD, "1, recorded -5.0 s ago (limit 60 s)"),
        ([(LABELS, -math.inf, 1.0)], MissingReason.OLD, "1, recorded inf s ago (limit 60 s)"),
        (
            [({**LABELS, "job": "x"}, NOW, 1.0)],
            MissingReason.NOT_RECORDED,
            'a series that no rule records: m{job="x", metric_realm="prod"}, where the labels are metric_realm alone',
        ),
        (
            [({"__name__": "m"}, NOW, 1.0)],
            MissingReason.NOT_RECORDED,
            "a series that no rule records: m{}, where the labels are metric_realm alone",
        ),
    ],
)
def test_what_is_no_value_says_why(found: list, cause: MissingReason, said: str) -> None:
    """Everything that is not one fresh finite value must be missing, with the reason and what was found."""
    assert reading(*found) == Missing("m", cause, said)


def test_partial_answer_is_missing_even_with_a_value() -> None:
    """An answer with warnings must be missing whatever is in it."""
    assert reading((LABELS, NOW, 1.0), warnings=("a", "b")) == Missing(
        "m", MissingReason.PARTIAL, "a partial answer: a; b"
    )


def test_no_clock_makes_nothing_fresh() -> None:
    """Without a finite now, a sample must NOT be fresh."""
    assert isinstance(reading((LABELS, NOW, 1.0), now=math.nan), Missing)


@pytest.mark.parametrize(
    ("number", "at"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, -math.inf)]
)
def test_value_cannot_be_made_of_what_is_not_finite(number: float, at: float) -> None:
    """A Value must be finite, or it could not be made."""
    with pytest.raises(ValueError, match="finite"):
        Value("m", number, at)
