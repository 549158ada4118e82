"""
A history as a few lines of YAML, loaded strictly. All times are seconds from the start of the history.

    summary: what happened, for a person
    like: the name of another history beside this one, whose keys count where this one has none
    lasts: how long; judged: the end of it that a certificate covers; seed: of all randomness
    beat, scrape: {every: 60s, jitter: 2s, missed: 0.001}     missed: the share of beats or scrapes that do not happen
    paths: both, or alternate: every other beat takes the push path, the rest the textfile path
    service: NAME: {per_hour: 60} for a counter, {value: 0.2} for a gauge
    ok_before: how long before the start the heartbeat was recorded as ok, for budgets of 7 and 30 days (not at all)
    service_lasts: how long before the end the service's metrics begin (all the time)
    events: [{at: 10h, lasts: 3m, what: writer-down}, ...]
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import yaml

from l4gate.base import HistoryError, RuleError, yamldoc


class What(enum.Enum):
    """What can happen in a history."""

    WRITER_DOWN = "writer-down"  # no beats
    WRITER_RESTART = "writer-restart"  # the sequence starts again at 1
    SEQUENCE_STUCK = "sequence-stuck"  # beats with the same number
    CLOCK_STEP = "clock-step"  # the writer's clock is off `by` seconds
    PUSHGATEWAY_DOWN = "pushgateway-down"  # pushes and scrapes fail, and its groups are lost
    NODE_EXPORTER_DOWN = "node-exporter-down"
    PROMETHEUS_DOWN = "prometheus-down"  # no scrapes and no rule evaluations: a gap
    SERVICE = "service"  # `metric` has another rate or value


@dataclass(frozen=True)
class Rhythm:
    """Something that happens again and again, a little early or late, and sometimes not at all."""

    every: float
    jitter: float = 0.0
    missed: float = 0.0


@dataclass(frozen=True)
class Signal:
    """A metric of the service: a counter with a rate, or a gauge with a value."""

    per_hour: float | None = None
    value: float | None = None


@dataclass(frozen=True)
class Event:
    """Something that happens from `at` on and lasts a while."""

    at: float
    what: What
    lasts: float = 0.0
    by: float = 0.0
    metric: str = ""
    signal: Signal = Signal()

    def covers(self, seconds: float) -> bool:
        """Whether it is happening at that time."""
        return self.at <= seconds < self.at + self.lasts


@dataclass(frozen=True)
class Description:
    """One history. `service` maps a metric, with its labels as PromQL writes them, to how it behaves."""

    name: str
    summary: str
    lasts: float
    judged: float
    seed: int
    beat: Rhythm
    scrape: Rhythm
    alternate: bool
    service: Mapping[str, Signal]
    service_lasts: float
    ok_before: float
    events: tuple[Event, ...]

    def during(self, what: What) -> tuple[Event, ...]:
        """The events of one kind."""
        return tuple(event for event in self.events if event.what is what)


_REQUIRED: Final = ("summary", "lasts", "judged", "seed", "beat", "scrape", "service")
_KEYS: Final = (*_REQUIRED, "like", "paths", "ok_before", "service_lasts", "events")


def load_history(path: Path) -> Description:
    """
    Loads a description, and those that it is like.

    Raises:
        HistoryError: naming file, line and column of what is missing, unknown or not possible.
    """
    try:
        return _description(path, _keys(path, ()))
    except RuleError as error:
        raise HistoryError(error.message, next_step=error.next_step) from None


_Keys = Mapping[str, tuple[yamldoc.Document, yaml.Node]]


def _keys(path: Path, seen: tuple[str, ...]) -> _Keys:
    """The keys of a description, each with the document that it stands in."""
    if path.stem in seen:
        raise HistoryError(
            f"{path}: expected histories that are not like themselves, found {' -> '.join(seen)}."
        )
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise HistoryError(f"{path}: expected a history, found: {error.strerror}.") from None
    document = yamldoc.read(content, str(path))
    own = document.mapping(document.root, _KEYS)
    base: _Keys = {}
    if "like" in own:
        base = _keys(path.with_name(document.scalar(own["like"]) + path.suffix), (*seen, path.stem))
    return {**base, **{key: (document, node) for key, node in own.items()}}


def _description(path: Path, keys: _Keys) -> Description:
    for key in _REQUIRED:
        if key not in keys:
            raise HistoryError(f"{path}: expected the key {key}, here or in what it is like, found none.")

    def seconds(key: str) -> float:
        document, node = keys[key]
        return document.seconds(node)

    summary = keys["summary"][0].scalar(keys["summary"][1])
    seed = _number(*keys["seed"])
    paths = keys["paths"][0].scalar(keys["paths"][1]) if "paths" in keys else "both"
    if paths not in ("both", "alternate"):
        keys["paths"][0].fail(keys["paths"][1], f"expected both or alternate, found {paths!r}.")
    lasts = seconds("lasts")
    if not 0 < seconds("judged") <= lasts:
        keys["judged"][0].fail(keys["judged"][1], "expected a part of what the history lasts.")
    document, node = keys["service"]
    service = {name: _signal(document, each) for name, each in document.mapping(node).items()}
    events = keys["events"][0].sequence(keys["events"][1]) if "events" in keys else []
    return Description(
        name=path.stem,
        summary=summary,
        lasts=lasts,
        judged=seconds("judged"),
        seed=int(seed),
        beat=_rhythm(*keys["beat"]),
        scrape=_rhythm(*keys["scrape"]),
        alternate=paths == "alternate",
        service=service,
        service_lasts=seconds("service_lasts") if "service_lasts" in keys else lasts,
        ok_before=seconds("ok_before") if "ok_before" in keys else 0.0,
        events=tuple(_event(keys["events"][0], each, lasts, service) for each in events),
    )


def _rhythm(document: yamldoc.Document, node: yaml.Node) -> Rhythm:
    found = document.mapping(node, tuple(each.name for each in fields(Rhythm)))
    if "every" not in found:
        document.fail(node, "expected the key every, found none.")
    every = document.seconds(found["every"])
    jitter = document.seconds(found["jitter"]) if "jitter" in found else 0.0
    missed = _number(document, found["missed"]) if "missed" in found else 0.0
    if every <= 0 or jitter * 2 >= every or not 0 <= missed < 1:
        document.fail(
            node, "expected every above 0, a jitter below half of it, and missed from 0 to below 1."
        )
    return Rhythm(every, jitter, missed)


def _signal(document: yamldoc.Document, node: yaml.Node) -> Signal:
    found = {
        key: _number(document, each) for key, each in document.mapping(node, ("per_hour", "value")).items()
    }
    if len(found) != 1:
        document.fail(node, f"expected either per_hour or value, found {' and '.join(found) or 'none'}.")
    return Signal(**found)


def _event(document: yamldoc.Document, node: yaml.Node, lasts: float, service: Mapping[str, Signal]) -> Event:
    found = document.mapping(node, ("at", "lasts", "what", "by", "metric", "per_hour", "value"))
    for key in ("at", "what"):
        if key not in found:
            document.fail(node, f"expected the key {key}, found none.")
    kinds = {each.value: each for each in What}
    what = kinds.get(document.scalar(found["what"]))
    if what is None:
        document.fail(found["what"], f"expected one of {', '.join(kinds)}, found {found['what'].value!r}.")
    at = document.seconds(found["at"])
    if at >= lasts:
        document.fail(found["at"], f"expected a time within the history of {lasts:g} s, found {at:g} s.")
    given: dict[str, Any] = {"at": at, "what": what}
    if "lasts" in found:
        given["lasts"] = document.seconds(found["lasts"])
    if "by" in found:
        given["by"] = _number(document, found["by"])
    if what is What.SERVICE:
        given["metric"] = document.scalar(found["metric"]) if "metric" in found else ""
        if given["metric"] not in service:
            document.fail(node, f"expected one of the service's metrics, found {given['metric']!r}.")
        values = {key: _number(document, found[key]) for key in ("per_hour", "value") if key in found}
        given["signal"] = Signal(**values)
    return Event(**given)


def _number(document: yamldoc.Document, node: yaml.Node) -> float:
    try:
        return float(document.scalar(node))
    except ValueError:
        document.fail(node, f"expected a number, found {document.scalar(node)!r}.")
