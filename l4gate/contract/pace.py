"""The intervals of the contract on a stack whose time runs faster by a factor. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass

from l4gate.contract.model import Contract


@dataclass(frozen=True)
class Pace:
    """A contract at one time factor of at least 1: every duration divided by it, in seconds."""

    factor: float
    contract: Contract

    def __post_init__(self) -> None:
        if not self.factor >= 1:
            message = f"expected a time factor of at least 1, found {self.factor}"
            raise ValueError(message)

    @property
    def scrape_interval(self) -> float:
        """Seconds between two scrapes."""
        return self.contract.pace.scrape / self.factor

    @property
    def rule_interval(self) -> float:
        """Seconds between two evaluations of a rule."""
        return self.contract.pace.rules / self.factor

    @property
    def beat_interval(self) -> float:
        """Seconds between two beats."""
        return self.contract.pace.beat / self.factor

    @property
    def lookback(self) -> float:
        """Seconds for which an instant query believes a sample."""
        return self.contract.pace.lookback / self.factor

    @property
    def changes_window(self) -> float:
        """Seconds in which the sequence must have changed."""
        return self.contract.heartbeat.changes.window / self.factor

    @property
    def fresh_limit(self) -> float:
        """Seconds until a beat is stale."""
        return self.contract.heartbeat.fresh.limit / self.factor

    @property
    def future_limit(self) -> float:
        """Seconds by which a beat may be ahead of the server."""
        return self.contract.heartbeat.fresh.future / self.factor

    @property
    def max_sample_age(self) -> float:
        """Beyond this a recorded sample proves nothing: nobody evaluates the rules."""
        return self.contract.evidence.max_age_evaluations * self.rule_interval

    @property
    def abort_for(self) -> float:
        """Seconds for which an abort condition must hold."""
        return self.contract.abort.for_seconds / self.factor

    def scaled(self, metric: str, value: float) -> float:
        """A value of a metric in the time of the stack: seconds shrink with the factor, everything else stays."""
        return value / self.factor if self.contract.in_seconds(metric) else value
