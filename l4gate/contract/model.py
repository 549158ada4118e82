"""
The contract as data: what `contract.yml` may say, and what the code asks it.

Every class is one mapping of the file, every attribute one key; their docstrings are the descriptions in the schema
that editors read. Durations are seconds here and Prometheus durations in the file; shares are from 0 to 1.

Long because it is the file, key by key: half of it would be found in the other half.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, Strict, StringConstraints, WithJsonSchema
from pydantic.dataclasses import dataclass

from l4gate.base import UsageError, parse_duration, says_seconds
from l4gate.contract.criteria import CONFIG, Condition, Criterion, When

_HOUR: Final = 3600.0
_HISTOGRAM_PARTS: Final = ("_bucket", "_sum", "_count")  # of its series's names


def _seconds(text: object) -> float:
    if not isinstance(text, str):
        message = f"expected a Prometheus duration such as 30s or 5m, found {text!r}"
        raise ValueError(message)
    try:
        seconds = parse_duration(text)
    except UsageError as error:
        raise ValueError(error.message.rstrip(".")) from None
    if seconds <= 0:
        message = f"expected a duration above 0, found {text}"
        raise ValueError(message)
    return seconds


_DURATION_PATTERN: Final = r"^([0-9]+(y|w|d|h|m|s|ms))+$"
Seconds = Annotated[
    float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN})
]
Number = Annotated[float, Strict()]
Finite = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Count = Annotated[int, Strict(), Field(ge=1)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
Words = Annotated[str, StringConstraints(min_length=1)]
Metric = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
# What a writer makes itself: colons are for what rules record, and the heartbeat script refuses them.
Raw = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
# What stands in a path of the Pushgateway and between quotes in PromQL.
Plain = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$")]
Kind = Literal["gauge", "boolean", "counter", "histogram"]
SECONDS_UNIT: Final = "seconds"
CHECKS: Final = ("canary-quorum-pass", "error-budget-burn-ok")  # required checks that judge criteria alone


@dataclass(frozen=True, config=CONFIG)
class Realm:
    """The label that tells apart what is judged apart, and its value in the rules of the repository."""

    label: Label
    """The label's name."""
    default: Plain
    """The realm that the rules name, and that is judged unless another one is asked for."""
    roster: Metric
    """Records 1 for each realm of a fleet, where one rule set is for many of them."""


@dataclass(frozen=True, config=CONFIG)
class Intervals:
    """How often production does what."""

    beat: Seconds
    """Between two beats of a writer."""
    scrape: Seconds
    """Between two scrapes of a target."""
    rules: Seconds
    """Between two evaluations of a rule."""
    lookback: Seconds
    """For how long an instant query believes a sample."""


@dataclass(frozen=True, config=CONFIG)
class EvidenceLimits:
    """How much a GO needs."""

    evaluations: Count
    """How many rule evaluations in a row must say 1."""
    max_age_evaluations: Count
    """After how many rule intervals a recorded sample proves nothing any more."""
    clock: Seconds
    """By how much the server's clock may differ from that of the machine that judges."""


@dataclass(frozen=True, config=CONFIG)
class Fresh:
    """When a beat is fresh."""

    metric: Metric
    """Records 1 while the newest beat is fresh."""
    limit: Seconds
    """From this age on a beat is stale."""
    future: Seconds
    """By how much a beat may be ahead of the server's clock."""


@dataclass(frozen=True, config=CONFIG)
class Changes:
    """How often the sequence changed."""

    metric: Metric
    """Records the count."""
    window: Seconds
    """Over which it is counted, and within which the sequence must change."""


@dataclass(frozen=True, config=CONFIG)
class Heartbeat:
    """What a writer delivers, and what is recorded of it."""

    job: Plain
    """The job of the push."""
    instance: Plain
    """The instance of the push."""
    time: Raw
    """The raw Unix time of the newest beat."""
    sequence: Raw
    """The raw count of beats."""
    fresh: Fresh
    """Whether the newest beat is fresh."""
    changes: Changes
    """How often the sequence changed lately."""
    ok: Metric
    """Records 1 while the newest beat is fresh and the sequence moves: the number that decides."""


@dataclass(frozen=True, config=CONFIG)
class Target:
    """A scrape job."""

    job: Plain
    """Its name."""
    required: Annotated[bool, Strict()]
    """Whether a GO needs all its targets up; else it is advisory."""
    honor_labels: Annotated[bool, Strict()] = False
    """Whether what it delivers brings labels of its own, which the target's must not replace."""


@dataclass(frozen=True, config=CONFIG)
class Targets:
    """The scrape jobs, by the program that they scrape."""

    prometheus: Target
    """Prometheus itself."""
    pushgateway: Target
    """The Pushgateway."""
    node_exporter: Target
    """node-exporter with its textfile collector."""

    def __iter__(self) -> Iterator[Target]:
        yield from (self.prometheus, self.pushgateway, self.node_exporter)


@dataclass(frozen=True, config=CONFIG)
class Simulated:
    """What the healthy service of a sandbox does with an input."""

    value: Finite
    """The value of a gauge; what a counter gains, or a histogram observes, at each beat."""
    labels: Mapping[Label, str] = field(default_factory=dict)
    """Labels beside the realm."""
    past_per_hour: Annotated[float, Strict(), Field(ge=0)] | None = None
    """What a counter has gained per hour on the day before the sandbox starts; no past if it is not given."""
    buckets: tuple[Finite, ...] = ()
    """The upper bounds of a histogram, without +Inf."""


@dataclass(frozen=True, config=CONFIG)
class Input:
    """A metric that rules may read and none records."""

    kind: Kind
    """What kind of metric it is."""
    unit: Words | None = None
    """What it counts; `seconds`, also where only the name says so, is what a time factor divides."""
    simulated: Simulated | None = None
    """How the sandbox's service pushes it; not at all if it is not given."""
    jobs: tuple[Plain, ...] = ()
    """The jobs under which it may come; under any if none is given."""


@dataclass(frozen=True, config=CONFIG)
class Covered:
    """How much of its window a metric must have seen; with less it has no value, and a value proves nothing."""

    metric: Metric
    """What is looked back on, with a sample at each rule evaluation that was seen."""
    window: Seconds
    """How far back."""
    least: Seconds
    """For how much of that there must be samples."""

    def told(self, seen: float) -> str:
        """How much of the window is covered, as a person reads it; `seen` in seconds at factor 1."""
        whole, least = self.window / _HOUR, self.least / _HOUR
        # Rounded down: what is not enough must not look like it.
        found = math.floor(seen / _HOUR * 10) / 10
        return f"{found:.1f} h of {whole:g} h covered, at least {least:g} h needed"

    @property
    def asked(self) -> str:
        """What it needs, as a person reads it."""
        return f"{self.least / _HOUR:g} h of {self.metric} in the last {self.window / _HOUR:g} h"


@dataclass(frozen=True, config=CONFIG)
class Recorded:
    """A metric that people and the gate read by name."""

    kind: Literal["boolean", "number"]
    """Whether it is 0 or 1, or any number."""
    reads: Annotated[tuple[Metric, ...], Field(min_length=1)]
    """The inputs it is made from, directly or over other rules."""
    labels: tuple[Label, ...] = ()
    """Its labels beside the realm."""
    unit: Words | None = None
    """What it counts; `seconds`, also where only the name says so, is what a time factor divides."""
    without_heartbeat: Finite | None = None
    """Its value when there is no heartbeat at all; it is missing then if this is not given."""
    past: Finite | None = None
    """Its value at every evaluation of the day before a sandbox starts; no past if it is not given."""
    covered: Covered | None = None
    """How much of its window it needs; any part if it is not given."""


@dataclass(frozen=True, config=CONFIG)
class AbortLabel:
    """The label by which abort alerts are known."""

    name: Label
    """The label's name."""
    value: Words
    """Its value."""


@dataclass(frozen=True, config=CONFIG)
class AbortCondition(Condition):
    """Aborts when it has held for the whole time."""


@dataclass(frozen=True, config=CONFIG)
class Abort:
    """When the last change is rolled back."""

    label: AbortLabel
    """The label that every abort alert carries, and nothing else."""
    for_seconds: Annotated[Seconds, Field(alias="for")]
    """How long a condition must hold."""
    conditions: Annotated[tuple[AbortCondition, ...], Field(min_length=1)]
    """Each of them is enough."""

    @cached_property
    def alerts(self) -> frozenset[str]:
        """The names of the abort alerts."""
        return frozenset(each.alert for each in self.conditions)


@dataclass(frozen=True, config=CONFIG)
class WarningCondition(Condition):
    """Warns when it has held for its time."""

    for_seconds: Annotated[Seconds, Field(alias="for")] = 0.0
    """How long it must hold."""


@dataclass(frozen=True, config=CONFIG)
class Criteria:
    """What a certificate asks, and which part of it a check asks alone."""

    heartbeat: tuple[Criterion, ...]
    """The heartbeat over the window."""
    canary_quorum: tuple[Criterion, ...]
    """The check canary-quorum-pass."""
    canary_window: Seconds
    """Over how long that check asks for them; the certificate asks over its whole window."""
    error_budget: tuple[Criterion, ...]
    """The check error-budget-burn-ok."""
    disaster_recovery: tuple[Criterion, ...]
    """The restore drills."""

    @cached_property
    def certificate(self) -> tuple[Criterion, ...]:
        """All of them."""
        return (*self.heartbeat, *self.canary_quorum, *self.error_budget, *self.disaster_recovery)

    def of_check(self, name: str) -> tuple[tuple[Criterion, ...], float]:
        """What the required check of that name (one of `CHECKS`) asks, and over how long; 0 is at its moment."""
        return {
            "canary-quorum-pass": (self.canary_quorum, self.canary_window),
            "error-budget-burn-ok": (self.error_budget, 0.0),
        }[name]


@dataclass(frozen=True, config=CONFIG)
class BestLevel:
    """What the best level needs beyond every criterion met."""

    mean: Finite
    """The largest mean of the level's metric."""
    rises: Annotated[int, Strict(), Field(ge=0)]
    """The largest number of its rises."""
    rise_below: Finite
    """What every rise must stay below."""


@dataclass(frozen=True, config=CONFIG)
class GoodLevel:
    """What the level below the best needs."""

    mean: Finite
    """The largest mean of the level's metric."""
    violations_below: Count
    """What the number of violations must stay below."""


@dataclass(frozen=True, config=CONFIG)
class Levels:
    """How good a certificate is."""

    metric: Metric
    """What is averaged, and whose rises are counted."""
    share: Share
    """For how much of the window it must have been measured."""
    noise: Finite
    """What is no rise yet."""
    best: BestLevel
    """L4.9."""
    good: GoodLevel
    """L4.7."""


@dataclass(frozen=True, config=CONFIG)
class Rehearsal:
    """Where restore drills put what they measured, and what they promise."""

    job: Plain
    """The job under which results are pushed."""
    restore_time: Metric
    """The histogram of restore times."""
    succeeded: Metric
    """Counts drills that proved the restore."""
    failed: Metric
    """Counts the others."""
    restored_bytes: Metric
    """How large the TSDB was on which the last times that count as production's were measured."""
    restored_series: Metric
    """The series of its largest block."""
    p95: Metric
    """Records the 95th percentile of restore times."""
    limit: Finite
    """The longest restore that is promised, in seconds."""


@dataclass(frozen=True, config=CONFIG)
class SimulatedFault:
    """One way in which the sandbox's service does badly; without `aborts`, an abort condition goes blind."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    """Its name in the catalogue, after `verdict/`."""
    says: Words
    """What happens, in one sentence."""
    service: Mapping[Metric, Number] = field(default_factory=dict)
    """Simulated values in place of the healthy ones; counters jump at once."""
    omitted: tuple[Metric, ...] = ()
    """Inputs that are not pushed any more."""
    aborts: Words | None = None
    """The abort alert that has to fire."""


@dataclass(frozen=True, config=CONFIG)
class Simulation:
    """The service of the sandbox."""

    job: Plain
    """The job under which it pushes."""
    faults: tuple[SimulatedFault, ...] = ()
    """How it can go wrong."""


@dataclass(frozen=True, config=CONFIG)
class Contract:
    """What a service promises, and what the gate holds it to."""

    service: Words
    """What people call it."""
    realm: Realm
    pace: Intervals
    evidence: EvidenceLimits
    heartbeat: Heartbeat
    targets: Targets
    inputs: Mapping[Metric, Input]
    """What rules may read."""
    recorded: Mapping[Metric, Recorded]
    """What rules must record."""
    abort: Abort
    criteria: Criteria
    levels: Levels
    rehearsal: Rehearsal
    simulation: Simulation
    warnings: tuple[WarningCondition, ...] = ()
    """Alerts that never change the verdict, with the limit that they are held to."""
    watchdog: Words | None = None
    """The alert that always fires, for a dead man's switch: when it is not heard, nothing else would be."""

    @property
    def decisive(self) -> tuple[str, str]:
        """The two recorded booleans that must be 1 for a GO."""
        return self.heartbeat.ok, self.heartbeat.fresh.metric

    @property
    def required_jobs(self) -> tuple[str, ...]:
        """The scrape jobs whose targets must be up for a GO."""
        return tuple(each.job for each in self.targets if each.required)

    @property
    def advisory_jobs(self) -> tuple[str, ...]:
        """The other ones."""
        return tuple(each.job for each in self.targets if not each.required)

    @cached_property
    def silence(self) -> Criterion:
        """That no abort alert fires, as a criterion; not a metric of its own."""
        label = self.abort.label
        firing = f'ALERTS{{{label.name}="{label.value}"}}'
        return Criterion(
            "abort/none", "abort alerts firing", firing, "==", 0.0, When.ALWAYS, self.levels.share
        )

    @cached_property
    def read_by_the_gate(self) -> tuple[str, ...]:
        """The recorded metrics that a decision reads, without repetition: the decisive ones first."""
        conditions = (each.metric for each in self.abort.conditions)
        return tuple(dict.fromkeys((*self.decisive, self.heartbeat.changes.metric, *conditions)))

    @cached_property
    def never_missing(self) -> frozenset[str]:
        """The recorded metrics that have a value even without any heartbeat."""
        return frozenset(name for name, each in self.recorded.items() if each.without_heartbeat is not None)

    @cached_property
    def of_known_jobs(self) -> Mapping[str, frozenset[str]]:
        """By the name of each series of an input that may come under some jobs only, these jobs."""
        return {
            f"{name}{part}": frozenset(each.jobs)
            for name, each in self.inputs.items()
            if each.jobs
            for part in (_HISTOGRAM_PARTS if each.kind == "histogram" else ("",))
        }

    def is_boolean(self, metric: str) -> bool:
        """Whether a metric must be 0 or 1."""
        found = self.recorded.get(metric) or self.inputs.get(metric)
        return found is not None and found.kind == "boolean"

    def is_ours(self, metric: str) -> bool:
        """Whether a metric is one of this contract that the service itself makes or rules record."""
        part = next((each for each in _HISTOGRAM_PARTS if metric.endswith(each)), "")
        found = self.inputs.get(metric) or self.inputs.get(metric.removesuffix(part))
        raw = (self.heartbeat.time, self.heartbeat.sequence)
        return metric in self.recorded or metric in raw or (found is not None and found.simulated is not None)

    def in_seconds(self, metric: str) -> bool:
        """Whether a metric is a time, so that its limits shrink with the time factor."""
        found = self.recorded.get(metric) or self.inputs.get(metric)
        if found is None or found.kind == "boolean":
            return False
        return found.unit == SECONDS_UNIT or (found.unit is None and says_seconds(metric))

    def series_labels(self, metric: str) -> frozenset[str]:
        """The labels that a recorded metric has, the realm included."""
        return frozenset({self.realm.label, *self.recorded[metric].labels})

    def for_realm(self, name: str) -> Contract:
        """The same, with another realm as the one that its rules name."""
        return replace(self, realm=replace(self.realm, default=name))

    def selector(self, metric: str, realm: str, labels: Mapping[str, str] | None = None) -> str:
        """The PromQL selector of one realm's series of a metric."""
        wanted = {self.realm.label: realm, **(labels or {})}
        return metric + "{" + ",".join(f'{name}="{value}"' for name, value in wanted.items()) + "}"
