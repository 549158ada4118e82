"""The upper bound of a probability: against closed forms and by its own definition."""

from __future__ import annotations

import pytest

from benchmarks.bounds import upper_bound
from benchmarks.claims import Claim, judge
from benchmarks.trials import Outcome, mismatches


@pytest.mark.parametrize("trials", [1, 10, 598, 100_000])
def test_nothing_seen_has_a_closed_form(trials: int) -> None:
    """Without any event the bound must be 1 - 0.05^(1/n)."""
    assert upper_bound(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-6)


@pytest.mark.parametrize(
    ("seen", "trials", "bound"),
    [(1, 10, 0.39416), (5, 100, 0.10225), (10, 1000, 0.01690)],
)
def test_known_bounds(seen: int, trials: int, bound: float) -> None:
    """The bounds must be the one-sided 95 % ones of Clopper and Pearson, as quantiles of the beta distribution."""
    assert upper_bound(seen, trials) == pytest.approx(bound, rel=1e-3)


def test_everything_seen_is_certain() -> None:
    """If every trial went wrong, the bound must be 1: nothing below it can be excluded."""
    assert upper_bound(7, 7) == 1.0


@pytest.mark.parametrize(("seen", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_no_trials_have_no_bound(seen: int, trials: int) -> None:
    """No trials, and more events than trials, must be refused as a mistake: nothing is known from them."""
    with pytest.raises(ValueError, match="expected from 0 to"):
        upper_bound(seen, trials)


@pytest.mark.parametrize(
    ("asserted", "trials", "seen", "holds"),
    [
        (0.005, 597, 0, False),
        (0.005, 598, 0, True),
        (0.005, 598, 1, False),
        (0.0, 5, 0, True),
        (0.0, 5, 1, False),
    ],
    ids=["too-few-trials", "enough", "one-seen", "never", "not-never"],
)
def test_a_claim_holds_by_its_bound(asserted: float, trials: int, seen: int, holds: bool) -> None:
    """Too few trials prove nothing, however well they went; what must never happen was not seen to."""
    claim = Claim("", asserted, lambda _settings: Outcome(trials, seen, ""))

    assert judge(claim, Outcome(trials, seen, ""), 0.0).holds is holds


def test_a_mismatch_is_made_of_every_realm_label() -> None:
    """Every matcher and every label of a rule must be made wrong in every way, one at a time."""
    text = 'expr: up{metric_realm="prod"} + up{metric_realm="prod"}\nlabels:\n  metric_realm: prod\n'

    found = list(mismatches(text))

    assert len(found) == len(set(found)) == 2 * 5 + 2
    assert text not in found
