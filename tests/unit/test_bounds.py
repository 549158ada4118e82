"""The bounds of a probability: against closed forms and by its own definition."""

from __future__ import annotations

import pytest

from benchmarks.bounds import lower_bound, upper_bound
from benchmarks.claims import Claim, judge
from benchmarks.outcome import Outcome


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


@pytest.mark.parametrize(("seen", "trials", "bound"), [(0, 10, 0.0), (1, 10, 0.005116), (10, 10, 0.74113)])
def test_known_lower_bounds(seen: int, trials: int, bound: float) -> None:
    """The lower bounds must be the one-sided 95 % ones, as quantiles of the beta distribution."""
    assert lower_bound(seen, trials) == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize(
    ("asserted", "trials", "seen", "answer"),
    [
        (0.005, 597, 0, "not shown"),
        (0.005, 598, 0, "yes"),
        (0.005, 598, 1, "not shown"),
        (0.005, 598, 6, "not shown"),
        (0.005, 598, 7, "NO"),
        (0.005, 5, 5, "NO"),
        (0.0, 100_000, 0, "not shown"),
        (0.0, 5, 1, "NO"),
    ],
    ids=[
        "too-few",
        "enough",
        "one-seen",
        "not-yet-contradicted",
        "contradicted",
        "few-but-all",
        "never",
        "not-never",
    ],
)
def test_a_claim_is_answered_by_its_bounds(asserted: float, trials: int, seen: int, answer: str) -> None:
    """Too few trials must show nothing, however well they went; no number of them may show a never."""
    claim = Claim("", asserted, "", lambda _settings: Outcome(trials, seen, ""))

    assert judge(claim, Outcome(trials, seen, ""), 0.0).answer == answer
