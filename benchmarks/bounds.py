"""How often something may really happen, given how often it was seen: the exact bound of Clopper and Pearson."""

from __future__ import annotations

import math
from typing import Final

CONFIDENCE: Final = 0.95
_HALVINGS: Final = 60  # of the interval from 0 to 1: more than a float can tell apart


def upper_bound(seen: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """
    The largest probability at which so few events in independent trials are not yet unlikely (one-sided).

    For 0 seen it is 1 - (1 - confidence)^(1 / trials), near 3 / trials at 95 % (the rule of three).
    """
    if not 0 <= seen <= trials or trials < 1:
        message = f"expected from 0 to {trials} of at least 1 trials, found {seen}"
        raise ValueError(message)
    if seen == trials:
        return 1.0
    low, high = seen / trials, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _at_most(seen, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def lower_bound(seen: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """The smallest probability at which so many events in independent trials are not yet unlikely (one-sided)."""
    return 1.0 - upper_bound(trials - seen, trials, confidence)


def _at_most(seen: int, trials: int, probability: float) -> float:
    """The probability of at most `seen` events in `trials` trials."""
    if probability in (0.0, 1.0):
        return 1.0 - probability
    yes, no = math.log(probability), math.log1p(-probability)
    whole = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * yes
            + (trials - count) * no
        )
        for count in range(seen + 1)
    )
