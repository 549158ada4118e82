"""
Many realms in one report: the worst first, one cause for all who have it, and how many are of which verdict.

A few realms are shown one by one. Of thousands nobody reads each; what is wrong must not drown among what is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from l4gate.base import Verdict
from l4gate.verdict import Cause, Decision

_NAMED: Final = 5


@dataclass(frozen=True)
class Trouble:
    """Realms with one verdict and one first cause, which is that of the first of them."""

    verdict: Verdict
    cause: Cause
    realms: tuple[str, ...]

    @property
    def named(self) -> str:
        """How many realms, and the first of them."""
        return named(self.realms)

    @property
    def summed(self) -> Cause:
        """The cause with the realms that have it."""
        return replace(self.cause, found=f"{self.cause.found.rstrip()} (in {self.named})")


def worst_first(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """ABORT before HOLD before GO, and within each those with the same first cause together."""
    return tuple(sorted(decisions, key=lambda each: (-each.verdict, each.cause.id if each.cause else "")))


def troubles(decisions: Iterable[Decision]) -> tuple[Trouble, ...]:
    """The realms that are not GO, by verdict and first cause: the worst first, then the most frequent."""
    found: dict[tuple[Verdict, str], list[Decision]] = {}
    for each in decisions:
        if each.cause is not None:
            found.setdefault((each.verdict, each.cause.id), []).append(each)
    made = [
        Trouble(verdict, group[0].causes[0], tuple(each.realm for each in group))
        for (verdict, _), group in found.items()
    ]
    return tuple(sorted(made, key=lambda each: (-each.verdict, -len(each.realms))))


def tally(decisions: Sequence[Decision]) -> str:
    """How many realms have which verdict, the worst first: `2 ABORT, 48 HOLD, 9950 GO of 10000 realms`."""
    counts = dict.fromkeys(sorted(Verdict, reverse=True), 0)
    for each in decisions:
        counts[each.verdict] += 1
    words = ", ".join(f"{count} {verdict.name}" for verdict, count in counts.items() if count)
    return f"{words or 'none'} of {len(decisions)} realms"


def named(realms: Sequence[str]) -> str:
    """How many realms, and the names of the first."""
    if len(realms) == 1:
        return f"realm {realms[0]}"
    more = f" and {len(realms) - _NAMED} more" if len(realms) > _NAMED else ""
    return f"{len(realms)} realms: {', '.join(realms[:_NAMED])}{more}"
