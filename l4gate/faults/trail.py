"""
The trail of looks at a fault, and which of its verdicts were false. Pure; the one place where this is decided.

A **false GO** is a GO of any look, not only of the last one, that began while the fault was in place and had to be
seen. A fault that must not be GO has to be seen

1. once it has been seen: after a look that was not GO and named one of its causes, every GO is false. What is still
   there may not be lost from sight again;
2. and at the latest when its news has had the time that the contract gives it (`seen_within`), counted from the end
   of the injection: the next beat, a scrape and its timeout, two evaluations; and for what counts only after a while,
   that while (a beat is stale after its limit, a sequence stuck after its window, an abort fires after its `for`).
   What Prometheus takes over with its targets only, not at the reload, has 5 s more: lists of targets, and also the
   interval and the timeout of a scrape, which are labels of the targets.

Before that, a GO stands on what was so before the injection, and is right. A HOLD with another cause (a server that
was just reloaded, say) is not the fault seen. Of several faults at once, one that has to be seen is enough.

A **false ABORT** is an ABORT of any look where none may come, or sooner after the beginning of the injection than any
abort alert may fire.

Times are seconds of this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from l4gate.base import Verdict
from l4gate.contract import Pace

_ROOM_SECONDS: Final = 1.0  # for a busy machine: programs that are late, not a gate that is
_DISCOVERY_SECONDS: Final = 5.0  # how often Prometheus looks at its lists of targets; no flag scales it
_SILENT_RULE_INTERVALS: Final = (
    3.0  # by so much an alert may be late before the gate says that it keeps silent
)
# For how long these causes are none yet, by the contract. All others show as soon as they are news.
_COUNTS_AFTER: Final[Mapping[str, Callable[[Pace], float]]] = {
    "writer/stale": lambda pace: pace.fresh_limit,
    "writer/stuck-sequence": lambda pace: pace.changes_window,
    "verdict/abort-firing": lambda pace: pace.abort_for,
    "rules/alert-silent": lambda pace: pace.abort_for + _SILENT_RULE_INTERVALS * pace.rule_interval,
}


@dataclass(frozen=True)
class Seen:
    """
    What one look, or several in a row, said.

    Attributes:
        after: when the first of them began, in seconds after the injection began.
        until: when the last of them began.
        verdict: the name of the verdict.
        causes: `stage/code` of the causes, the first one first.
    """

    after: float
    until: float
    verdict: str
    causes: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """The first cause; empty for GO."""
        return self.causes[0] if self.causes else ""

    def __str__(self) -> str:
        return f"{self.after:6.2f} to {self.until:6.2f} s {self.verdict} {', '.join(self.causes)}".rstrip()


def seen_within(causes: Collection[str], pace: Pace, *, by_discovery: bool = False) -> float:
    """
    How long after the end of the injection a fault may at most stay unseen, in seconds.

    Args:
        causes: `stage/code` of the causes by which it is known; the one that counts soonest is enough.
        pace: the intervals and limits of the site.
        by_discovery: Prometheus takes it over with its targets only.
    """
    news = pace.beat_interval + 2 * pace.scrape_interval + 2 * pace.rule_interval
    counts_after = min(_COUNTS_AFTER[cause](pace) if cause in _COUNTS_AFTER else 0.0 for cause in causes)
    return news + counts_after + (_DISCOVERY_SECONDS if by_discovery else 0.0) + _ROOM_SECONDS


def false_gos(trail: Sequence[Seen], causes: Collection[str], at_the_latest: float) -> tuple[Seen, ...]:
    """
    The false GOs on the trail of a fault that must not be GO.

    Args:
        trail: what was seen, in order.
        causes: `stage/code` of the causes by which the fault (or one of several) is known.
        at_the_latest: when it has to be seen, in seconds after the injection began.
    """
    was_seen = False
    false = []
    for seen in trail:
        if not _is(seen, Verdict.GO):
            was_seen = was_seen or not set(causes).isdisjoint(seen.causes)
        elif was_seen or seen.until > at_the_latest:
            false.append(seen)
    return tuple(false)


def false_aborts(trail: Sequence[Seen], *, may_abort: bool, pace: Pace) -> tuple[Seen, ...]:
    """The false ABORTs on a trail: all of them where none may come, else those sooner than any alert may fire."""
    earliest = pace.abort_for if may_abort else float("inf")
    return tuple(seen for seen in trail if _is(seen, Verdict.ABORT) and seen.after < earliest)


def _is(seen: Seen, verdict: Verdict) -> bool:
    return seen.verdict == verdict.name
