"""
Holds the gate against one fault, on a running site: GO, inject, the expected verdict and cause, heal, GO.

Which looks were false is decided in `trail`. Times are seconds of this machine. Bounds come from the intervals of the
contract at the site's factor, with room for a busy machine; what they bound here is how long is waited, never what is
accepted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from l4gate.base import NotReady, Verdict, wait_until
from l4gate.contract import Pace
from l4gate.faults.model import Fault, Site, asked_of_the_judge
from l4gate.faults.trail import Seen, false_aborts, false_gos, seen_within
from l4gate.report import decision_lines
from l4gate.verdict import Decision, Stage

# What may not be.
FALSE_GO: Final = "false GO"
FALSE_ABORT: Final = "false ABORT"
WRONG_CAUSE: Final = "wrong cause"
NOT_HEALED: Final = "not healed"
WRONGS: Final = (FALSE_GO, FALSE_ABORT, WRONG_CAUSE, NOT_HEALED)

_POLL_SECONDS: Final = 0.05
_BUSY_SECONDS: Final = 10.0  # room for a busy machine
_START_SECONDS: Final = 30.0  # a restarted Prometheus scrapes for the first time after 5 s
_STAY_EVALUATIONS: Final = 1.25  # how long an answer must stay: one evaluation more and some five looks


@dataclass(frozen=True)
class FaultResult:
    """What the gate said about one fault (or several at once), and whether it was right."""

    id: str
    expected: str
    verdict: str = ""
    cause: str = ""
    warnings: Sequence[str] = ()
    in_place: float = 0.0
    detected_after: float = 0.0
    healed_after: float = 0.0
    wrongs: Sequence[str] = ()
    skipped: str = ""
    message: str = ""
    trail: Sequence[Seen] = field(default_factory=tuple)

    @property
    def right(self) -> bool:
        """Nothing of what may not be was seen."""
        return not self.wrongs


class Observation:
    """Looks again and again, and remembers each change of the verdict or its causes."""

    def __init__(self, site: Site, ask: Callable[[Site], Decision] = asked_of_the_judge) -> None:
        self._site = site
        self._ask = ask
        self._started = time.monotonic()
        self.trail: list[Seen] = []
        self.decision: Decision | None = None

    @property
    def seconds(self) -> float:
        """Since the first look could be made."""
        return time.monotonic() - self._started

    def look(self) -> Decision:
        """One look at the site's realm."""
        # The earlier end of the look: what it saw may have been so from then on.
        began = round(self.seconds, 2)
        decision = self.decision = self._ask(self._site)
        seen = Seen(began, began, decision.verdict.name, tuple(cause.id for cause in decision.causes))
        before = self.trail[-1] if self.trail else None
        if before and (before.verdict, before.causes) == (seen.verdict, seen.causes):
            self.trail[-1] = replace(before, until=began)
        else:
            self.trail.append(seen)
        return decision

    def until(self, fits: Callable[[Decision], bool], seconds: float) -> bool:
        """Whether a look fits within so many seconds."""
        try:
            wait_until(
                lambda: fits(self.look()),
                deadline_seconds=seconds,
                interval_seconds=_POLL_SECONDS,
                what="the expected verdict",
            )
        except NotReady:
            return False
        return True

    def stays(self, fits: Callable[[Decision], bool], seconds: float) -> bool:
        """Whether every look fits for so many seconds."""
        return not self.until(lambda decision: not fits(decision), seconds)

    def settled(self, fits: Callable[[Decision], bool], limit: float, stay: float) -> bool:
        """Whether a fitting answer comes and stays; one that goes away again is waited for anew."""
        while self.seconds < limit:
            if self.until(fits, limit - self.seconds) and self.stays(fits, stay):
                return True
        return False


def is_go(decision: Decision) -> bool:
    """GO, whatever the warnings."""
    return decision.verdict is Verdict.GO


def warning_ids(decision: Decision) -> list[str]:
    """The warnings' ids, each once, in order."""
    return list(dict.fromkeys(warning.id for warning in decision.warnings))


def fits_fault(fault: Fault) -> Callable[[Decision], bool]:
    """Whether a decision says what is expected of a fault."""

    def fits(decision: Decision) -> bool:
        causes = [cause.id for cause in decision.causes]
        return (
            decision.verdict is fault.verdict
            and (not fault.cause or causes[:1] == [fault.cause])
            and set(fault.also) <= set(causes)
            and set(fault.warnings) <= set(warning_ids(decision))
        )

    return fits


def exercise(site: Site, fault: Fault) -> FaultResult:
    """
    Injects one fault into a healthy site and heals it.

    Raises:
        NotReady: if the site is not GO to begin with.
    """
    if reason := fault.needs():
        return FaultResult(fault.id, fault.expected, skipped=reason)
    expect_go(site)
    pace = site.sandbox.pace
    limit, stay = settle_limit(site), stay_seconds(site)
    if fault.verdict is Verdict.ABORT:
        limit += pace.abort_for
    observed = Observation(site, fault.ask)
    with fault.action(site):
        in_place = observed.seconds
        if fault.verdict is Verdict.GO and not fault.passes and not fault.warnings:
            settled = observed.stays(is_go, max(2 * stay, _stays(fault, site)))
        elif fault.stage is Stage.RUN:
            settled = fits_fault(fault)(observed.look())  # a run answers once, when it ends
        else:
            settled = observed.settled(fits_fault(fault), limit, _stays(fault, site))
        decision = observed.decision or observed.look()
        detected = observed.seconds
    trail = tuple(observed.trail)
    healed, healing_seconds = healed_within(site, is_healthy(fault))
    seen = {
        FALSE_GO: fault.verdict is not Verdict.GO
        and false_gos(trail, fault.signs, in_place + must_be_seen_within(fault, pace)),
        FALSE_ABORT: false_aborts(trail, may_abort=fault.verdict is Verdict.ABORT, pace=pace),
        WRONG_CAUSE: not settled,
        NOT_HEALED: not healed,
    }
    return FaultResult(
        id=fault.id,
        expected=fault.expected,
        verdict=decision.verdict.name,
        cause=decision.cause.id if decision.cause else "",
        warnings=warning_ids(decision),
        detected_after=round(detected, 2),
        healed_after=round(healing_seconds, 2),
        wrongs=[wrong for wrong in WRONGS if seen[wrong]],
        in_place=round(in_place, 2),
        message=message(decision, fault.warnings),
        trail=trail,
    )


def message(decision: Decision, warnings: Sequence[str]) -> str:
    """What a person reads first: the first cause, and of the warnings those that are asked for, each once."""
    first = {warning.id: warning for warning in reversed(decision.warnings) if warning.id in warnings}
    shown = replace(
        decision, causes=decision.causes[:1], warnings=tuple(first[name] for name in sorted(first))
    )
    return "\n".join(decision_lines(shown))


def settle_limit(site: Site) -> float:
    """How long the answer may take: the slowest fault of all, a stuck sequence, shows after its window."""
    return site.sandbox.pace.changes_window + site.sandbox.pace.fresh_limit + _BUSY_SECONDS


def stay_seconds(site: Site) -> float:
    """How long an answer must stay."""
    return _STAY_EVALUATIONS * site.sandbox.pace.rule_interval


def must_be_seen_within(fault: Fault, pace: Pace) -> float:
    """How long after the injection a fault that is no GO may stay unseen: as long as the quickest of its parts."""
    return min(
        seen_within(each.signs, pace, by_discovery=each.by_discovery)
        for each in (fault, *fault.parts)
        if each.signs
    )


def _stays(fault: Fault, site: Site) -> float:
    """How long the answer to this fault must stay: until an ABORT that may be feared would come."""
    feared = {part.cause for part in fault.parts if part.verdict is Verdict.ABORT is not fault.verdict}
    if fault.lie is not None and (fault.lie.says is Verdict.ABORT or fault.lie.ages):
        feared.add("verdict/abort-firing")
    return max([stay_seconds(site), *(seen_within({cause}, site.sandbox.pace) for cause in feared)])


def healed_within(site: Site, healthy: Callable[[Decision], bool]) -> tuple[bool, float]:
    """Whether the site is healthy again in time, and after how many seconds."""
    healing = Observation(site)
    return healing.until(healthy, _START_SECONDS + _BUSY_SECONDS), healing.seconds


def is_healthy(fault: Fault) -> Callable[[Decision], bool]:
    """GO without the warnings of the fault."""
    return lambda decision: is_go(decision) and not set(fault.warnings) & set(warning_ids(decision))


def expect_go(site: Site) -> None:
    """
    Waits for GO.

    Raises:
        NotReady: with the cause, if it does not come.
    """
    observed = Observation(site)
    if not observed.until(is_go, _START_SECONDS + _BUSY_SECONDS):
        found = observed.decision.causes[0] if observed.decision else "no look"
        message = f"expected the healthy site to be GO before a fault is injected, found {found}."
        raise NotReady(message)
