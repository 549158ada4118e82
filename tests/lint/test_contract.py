"""The contract of metrics, held against those who read them."""

from __future__ import annotations

from l4gate.contract import ABORT_RULES, INPUTS, RECORDED, criteria


def test_everything_that_is_certified_is_recorded_or_an_input() -> None:
    """A metric that the gate judges must be in the contract, so that the lint misses it when it is gone."""
    judged = {each.metric for checks in vars(criteria).values() for each in _criteria(checks)}

    assert judged
    assert judged <= {each.name for each in RECORDED} | set(INPUTS)


def test_abort_metrics_are_recorded() -> None:
    """The metrics of the four abort conditions must be in the contract."""
    assert {each.metric for each in ABORT_RULES} <= {each.name for each in RECORDED}


def test_names_are_unique() -> None:
    """No metric may be declared twice, or as recorded and as an input."""
    names = [each.name for each in RECORDED]

    assert len(set(names)) == len(names)
    assert not set(names) & set(INPUTS)


def _criteria(value: object) -> list[criteria.Criterion]:
    return (
        [each for each in value if isinstance(each, criteria.Criterion)] if isinstance(value, tuple) else []
    )
