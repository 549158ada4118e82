"""
What a contract must say to promise anything: each limit can be kept and can be broken, and silence has consequences.

Without these a contract could be hollowed out until everything is a GO, and still be well formed. A number that nothing
bounds can be as large as somebody writes it; for that the contract's hash stands in every verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate.base import format_duration
from l4gate.contract.bounds import Keys, certificates, limits, windows
from l4gate.contract.criteria import OPERATORS, Condition
from l4gate.contract.model import Contract

_LONGEST_SECONDS: Final = 3600.0  # what takes longer to notice is noticed by people first
_MOST_BEATS: Final = 15  # two or three may be lost to a slow machine, and as many again to its reboot
_MOST_EVALUATIONS: Final = 10  # the same for rule evaluations
_LEAST_EVALUATIONS: Final = 2  # one good evaluation can be the last one before a gap


def meaningless(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """What in a contract promises nothing, with the reason."""
    yield from _paces(contract)
    yield from _evidence(contract)
    yield from limits(contract)
    yield from _silence(contract)
    yield from certificates(contract)
    yield from windows(contract)


def _paces(contract: Contract) -> Iterator[tuple[Keys, str]]:
    pace, heartbeat = contract.pace, contract.heartbeat
    longest = {
        ("pace", "beat"): pace.beat,
        ("pace", "lookback"): pace.lookback,
        ("abort", "for"): contract.abort.for_seconds,
    }
    for where, seconds in longest.items():
        if seconds > _LONGEST_SECONDS:
            yield (
                where,
                f"expected {format_duration(_LONGEST_SECONDS)} at most, found {format_duration(seconds)}",
            )
    for name, seconds in (("scrape", pace.scrape), ("rules", pace.rules)):
        if seconds >= pace.lookback:
            yield (
                ("pace", name),
                (
                    f"expected less than the lookback of {format_duration(pace.lookback)}, for which a query believes a"
                    f" sample, found {format_duration(seconds)}"
                ),
            )
    least, most = pace.beat + pace.scrape, _MOST_BEATS * pace.beat
    spans = {("fresh", "limit"): heartbeat.fresh.limit, ("changes", "window"): heartbeat.changes.window}
    for span, seconds in spans.items():
        if not least < seconds <= most:
            yield (
                ("heartbeat", *span),
                (
                    f"expected more than a beat and a scrape ({format_duration(least)}) and at most {_MOST_BEATS} beats"
                    f" ({format_duration(most)}), found {format_duration(seconds)}"
                ),
            )
    if heartbeat.fresh.future >= heartbeat.fresh.limit:
        yield (
            ("heartbeat", "fresh", "future"),
            (
                f"expected less than the limit of {format_duration(heartbeat.fresh.limit)}, or a writer whose clock is"
                f" ahead looks alive long after its death, found {format_duration(heartbeat.fresh.future)}"
            ),
        )


def _evidence(contract: Contract) -> Iterator[tuple[Keys, str]]:
    evidence, pace, targets = contract.evidence, contract.pace, contract.targets
    if evidence.evaluations < _LEAST_EVALUATIONS:
        yield (
            ("evidence", "evaluations"),
            (
                f"expected {_LEAST_EVALUATIONS} at least: one good evaluation can be the last one before a gap, found"
                f" {evidence.evaluations}"
            ),
        )
    oldest = min(_MOST_EVALUATIONS, int(pace.lookback / pace.rules))
    if evidence.max_age_evaluations > oldest:
        yield (
            ("evidence", "max_age_evaluations"),
            (
                f"expected {oldest} at most, or a sample proves something long after its rule has stopped, found"
                f" {evidence.max_age_evaluations}"
            ),
        )
    if evidence.clock > pace.beat:
        yield (
            ("evidence", "clock"),
            (
                f"expected a beat of {format_duration(pace.beat)} at most, or the times of all that is seen prove"
                f" nothing, found {format_duration(evidence.clock)}"
            ),
        )
    if not targets.prometheus.required:
        yield (
            ("targets", "prometheus", "required"),
            "expected true: who judges must be seen to work, found false",
        )
    if not (targets.pushgateway.required or targets.node_exporter.required):
        yield ("targets", "pushgateway", "required"), "expected a required path for the heartbeat, found none"


def _silence(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """No heartbeat must be no GO, and must abort in the end."""
    heartbeat = contract.heartbeat
    needed = {
        heartbeat.ok: (heartbeat.time, heartbeat.sequence),
        heartbeat.fresh.metric: (heartbeat.time,),
        heartbeat.changes.metric: (heartbeat.sequence,),
    }
    if heartbeat.ok in (heartbeat.fresh.metric, heartbeat.changes.metric):
        yield (
            ("heartbeat", "ok"),
            f"expected a metric of its own, made from both the others, found {heartbeat.ok} again",
        )
    for metric, raw in needed.items():
        recorded = contract.recorded.get(metric)
        if recorded is None:
            continue  # said elsewhere
        missing = sorted(set(raw) - _inputs(contract, metric))
        if missing:
            yield (
                ("recorded", metric, "reads"),
                f"expected {' and '.join(missing)} among what it is made from",
            )
        if metric not in contract.decisive:
            continue
        if recorded.kind != "boolean":
            yield (
                ("recorded", metric, "kind"),
                f"expected boolean, because a GO rests on it, found {recorded.kind}",
            )
        if recorded.without_heartbeat == 1:
            yield (
                ("recorded", metric, "without_heartbeat"),
                "expected no 1: without a heartbeat nothing is good",
            )
    if not any(_fires_in_silence(contract, each) for each in contract.abort.conditions):
        yield (
            ("abort", "conditions"),
            f"expected one on {' or '.join(contract.decisive)} that holds when there is no heartbeat, found none",
        )
    for index, each in enumerate(contract.abort.conditions):
        if each.metric in contract.decisive and OPERATORS[each.op](1.0, each.threshold):
            yield (
                ("abort", "conditions", index, "threshold"),
                f"expected a condition that does not hold for 1, which is good, found {each}",
            )


def _fires_in_silence(contract: Contract, condition: Condition) -> bool:
    recorded = contract.recorded.get(condition.metric)
    value = recorded.without_heartbeat if recorded and condition.metric in contract.decisive else None
    return value is not None and OPERATORS[condition.op](value, condition.threshold)


def _inputs(contract: Contract, metric: str) -> set[str]:
    """Everything that a recorded metric is made from, over however many others."""
    found: set[str] = set()
    waiting = [metric]
    while waiting:
        recorded = contract.recorded.get(waiting.pop())
        new = set(recorded.reads if recorded else ()) - found
        found |= new
        waiting += new
    return found
