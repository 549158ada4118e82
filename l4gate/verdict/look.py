"""
What one look at the server brought back, as plain data: no HTTP, no judgement.

Times are Unix seconds of the server's clock, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from l4gate.verdict.decision import Evaluation
from l4gate.verdict.readings import Reading, Unreachable


@dataclass(frozen=True)
class TargetState:
    """One scrape target: `up` as the server recorded it, and what its target page adds (empty where unknown)."""

    job: str
    instance: str
    up: bool
    sampled_at: float
    last_error: str = ""
    scrape_timeout: float | None = None


@dataclass(frozen=True)
class Source:
    """One raw heartbeat series pair, as it is visible now."""

    labels: Mapping[str, str]
    ts: float
    seq: float | None
    seq_changed: bool
    sampled_at: float


@dataclass(frozen=True)
class RuleFault:
    """A loaded rule that does not evaluate, with the server's own words."""

    rule: str
    error: str


@dataclass(frozen=True)
class LoadedRules:
    """The server's rules beside this repository's."""

    expected_hash: str
    loaded_hash: str
    diff: str
    count: int
    faults: tuple[RuleFault, ...] = ()
    abort_armed: frozenset[str] = frozenset()
    abort_firing: frozenset[str] = frozenset()
    oldest_evaluation: float | None = None


@dataclass(frozen=True)
class WriterReport:
    """How the last run of the heartbeat script ended, where the gate itself runs it."""

    returncode: int
    stderr: str


@dataclass(frozen=True)
class Measurement:
    """One look at one realm. `errors` holds the questions that got no answer, by the path that was asked."""

    realm: str
    at: float
    readings: Mapping[str, Reading] = field(default_factory=dict)
    strays: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    targets: tuple[TargetState, ...] = ()
    sources: tuple[Source, ...] = ()
    foreign_sources: tuple[Source, ...] = ()
    rules: LoadedRules | None = None
    push_time: float | None = None
    push_failure_time: float | None = None
    textfile_error: bool = False
    abort_firing: frozenset[str] = frozenset()
    firing_warnings: tuple[str, ...] = ()
    writer: WriterReport | None = None
    errors: Mapping[str, Unreachable] = field(default_factory=dict)
