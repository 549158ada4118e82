"""
Two faults of different stages at once: no pair may be GO, and the first cause is one of the two.

The sample is drawn with a fixed seed, so that every run tries the same pairs until the register changes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from l4gate.faults.exercise import (
    Result,
    Watch,
    expect_go,
    healed_within,
    is_go,
    message,
    settle_limit,
    steady_seconds,
)
from l4gate.faults.model import Fault, Site
from l4gate.verdict import Decision, Stage, Verdict

_SEED: Final = 20
# What takes long to show or to heal, or needs a Pushgateway that another fault may have taken away.
_ALONE: Final = frozenset(
    {
        "writer/stuck-sequence",
        "transport/push-rejected",
        "scrape/too-rare",
        "scrape/target-gone",
        "scrape/target-list-empty",
        "rules/decision-pushed",
        "rules/energy-pushed",
        "query/prometheus-killed",
    }
)


def combinable(faults: Sequence[Fault], kind: str) -> list[Fault]:
    """The faults that are HOLD by themselves, show soon, and leave what others need."""
    return [
        fault
        for fault in faults
        if fault.verdict is Verdict.HOLD
        and fault.id not in _ALONE
        and fault.stage is not Stage.RUN
        and kind in fault.stacks
        and not fault.needs()
    ]


def sample(faults: Sequence[Fault], kind: str, size: int) -> list[tuple[Fault, Fault]]:
    """So many pairs of faults of different stages: every pair of stages in turn, the faults of each by lot."""
    lot = random.Random(_SEED)  # noqa: S311 - a sample, not a secret
    by_stage: dict[Stage, list[Fault]] = {}
    for fault in combinable(faults, kind):
        by_stage.setdefault(fault.stage, []).append(fault)
    chosen: list[tuple[Fault, Fault]] = []
    turns = _stage_pairs(sorted(by_stage))
    while len(chosen) < size:
        first, second = next(turns)
        pair = (lot.choice(by_stage[first]), lot.choice(by_stage[second]))
        if pair not in chosen:
            chosen.append(pair)
    return chosen


def _stage_pairs(stages: Sequence[Stage]) -> Iterator[tuple[Stage, Stage]]:
    while True:
        for number, first in enumerate(stages):
            for second in stages[number + 1 :]:
                yield first, second


def exercise_pair(site: Site, first: Fault, second: Fault) -> Result:
    """
    Injects two faults, the earlier stage first, and heals them in reverse.

    Raises:
        NotReady: if the site is not GO to begin with.
    """
    expect_go(site)
    allowed = {first.cause, second.cause}

    def fits(decision: Decision) -> bool:
        return not is_go(decision) and decision.cause is not None and decision.cause.id in allowed

    watch = Watch(site)
    with ExitStack() as both:
        both.enter_context(first.action(site))
        both.enter_context(second.action(site))
        settled = watch.settled(fits, settle_limit(site), steady_seconds(site))
        decision = watch.decision or watch.look()
        detected = watch.seconds
    healed, healing_seconds = healed_within(site, is_go)
    return Result(
        id=f"{first.id} + {second.id}",
        expected=f"no GO; {first.cause} or {second.cause}",
        verdict=decision.verdict.name,
        cause=decision.cause.id if decision.cause else "",
        detected_after=round(detected, 2),
        healed_after=round(healing_seconds, 2),
        false_go=is_go(decision),
        wrong_cause=not settled,
        not_healed=not healed,
        message=message(decision, ()),
        trail=tuple(watch.trail),
    )
