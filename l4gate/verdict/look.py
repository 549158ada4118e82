"""
What one look at the server brought back, as plain data: no HTTP, no judgement.

Times are Unix seconds of the server's clock, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from l4gate.prometheus_api import Sample
from l4gate.verdict.clock import ClockReading
from l4gate.verdict.evidence import Evaluation
from l4gate.verdict.readings import Reading, Unreachable
from l4gate.verdict.recomputed import Disagreement


@dataclass(frozen=True, slots=True)
class TargetState:
    """
    One scrape target: `up` as the server recorded it, and what its target page adds (empty where unknown).

    `listed`: whether the page has a target with these labels; without one somebody else has made its `up`.
    """

    job: str
    instance: str
    up: bool
    sampled_at: float
    listed: bool = True
    last_error: str = ""
    scrape_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One raw heartbeat series pair, as it is visible now; `scraped` if its newest sample is one of a scrape."""

    labels: Mapping[str, str]
    ts: float
    seq: float | None
    seq_changed: bool
    sampled_at: float
    scraped: bool = True


@dataclass(frozen=True)
class RuleFault:
    """A loaded rule that does not evaluate, with the server's own words."""

    rule: str
    error: str


@dataclass(frozen=True)
class LoadedRules:
    """The server's rules beside this repository's. `ahead` names a rule whose evaluation is still to come."""

    expected_hash: str
    loaded_hash: str
    diff: str
    count: int
    faults: tuple[RuleFault, ...] = ()
    abort_armed: frozenset[str] = frozenset()
    abort_firing: frozenset[str] = frozenset()
    oldest_evaluation: float | None = None
    ahead: str = ""


@dataclass(frozen=True)
class WriterReport:
    """How the last run of the heartbeat script ended, where the gate itself runs it."""

    returncode: int
    stderr: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One look at one realm. `errors` holds the questions that got no answer, by what was asked.

    Attributes:
        clock: the server's clock beside ours; `clock_strayed` is by how much it has not gone as ours did.
        lookback: how the time differs for which a query sees a sample, in words; "" if it does not.
        witnessed: a rule evaluation has come since the first look.
        histories: the recent recorded samples of what the abort conditions watch, oldest first.
        disagreements: what is not as its rule gives it; None if that could not be asked.
        made_from: by the name of a recorded metric, those that it is made from, itself included.
        config_diff: how the loaded configuration differs from the expected one; None if it could not be asked.
        reload_failed: the server says that its last reload was refused.
        stray_inputs: the labels of each series of an input that comes under a job which may not bring it.
        scraped_as_pushed: a target has the job under which the heartbeat is pushed.
        too_close: how far apart two samples are that no rule can both have written, in seconds.
        alerts_firing: the abort alerts that `ALERTS` says are firing.
    """

    realm: str
    at: float
    clock: ClockReading | None = None
    clock_strayed: float = 0.0
    lookback: str = ""
    witnessed: bool = False
    readings: Mapping[str, Reading] = field(default_factory=dict)
    histories: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] | None = None
    made_from: Mapping[str, frozenset[str]] = field(default_factory=dict)
    strays: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    too_close: float | None = None
    targets: tuple[TargetState, ...] = ()
    sources: tuple[Source, ...] = ()
    foreign_sources: tuple[Source, ...] = ()
    scraped_as_pushed: bool = False
    stray_inputs: tuple[Mapping[str, str], ...] = ()
    rules: LoadedRules | None = None
    config_diff: str | None = None
    push_time: float | None = None
    push_failure_time: float | None = None
    textfile_error: bool = False
    reload_failed: bool = False
    alerts_firing: frozenset[str] = frozenset()
    firing_warnings: tuple[str, ...] = ()
    writer: WriterReport | None = None
    errors: Mapping[str, Unreachable] = field(default_factory=dict)
