"""The intervals of the contract on a stack whose time runs faster by a factor. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass

from l4gate.contract import model as contract


@dataclass(frozen=True)
class Pace:
    """The intervals and limits of the contract at one time factor: every duration divided by it, in seconds."""

    factor: float

    def __post_init__(self) -> None:
        if not self.factor >= 1:
            message = f"expected a time factor of at least 1, found {self.factor}"
            raise ValueError(message)

    @property
    def scrape_interval(self) -> float:
        """Seconds between two scrapes."""
        return contract.SCRAPE_INTERVAL_SECONDS / self.factor

    @property
    def rule_interval(self) -> float:
        """Seconds between two evaluations of a rule."""
        return contract.RULE_INTERVAL_SECONDS / self.factor

    @property
    def beat_interval(self) -> float:
        """Seconds between two beats."""
        return contract.BEAT_INTERVAL_SECONDS / self.factor

    @property
    def lookback(self) -> float:
        """Seconds for which an instant query believes a sample."""
        return contract.LOOKBACK_SECONDS / self.factor

    @property
    def changes_window(self) -> float:
        """Seconds in which the sequence must have changed."""
        return contract.CHANGES_WINDOW_SECONDS / self.factor

    @property
    def fresh_limit(self) -> float:
        """Seconds until a beat is stale."""
        return contract.FRESH_LIMIT_SECONDS / self.factor

    @property
    def future_limit(self) -> float:
        """Seconds by which a beat may be ahead of the server."""
        return contract.FUTURE_LIMIT_SECONDS / self.factor

    @property
    def max_sample_age(self) -> float:
        """Beyond this a recorded sample proves nothing: nobody evaluates the rules."""
        return contract.MAX_SAMPLE_AGE_RULE_INTERVALS * self.rule_interval
