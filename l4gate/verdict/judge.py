"""
Looks at a server until the verdict of every realm is known or the deadline passes.

GO is returned as soon as it is proven, ABORT as soon as it is seen; what is neither when the deadline passes is HOLD,
with the causes of the last look.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from l4gate.base import NotReady, Verdict, deadline, defect, seconds_left, wait_until, worst
from l4gate.contract import is_fleet
from l4gate.prometheus_api import PrometheusApi
from l4gate.verdict.decision import Decision, decide
from l4gate.verdict.diagnosis import diagnose
from l4gate.verdict.doubtful import MOST_CLOSE, without_close_look, worth_a_close_look
from l4gate.verdict.evidence import Cause
from l4gate.verdict.look import Measurement, WriterReport
from l4gate.verdict.measuring import measure
from l4gate.verdict.pages import Expectation
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.server_pages import Pages, Parties
from l4gate.verdict.surveying import survey
from l4gate.verdict.tenants import TenantProof
from l4gate.verdict.witness import Memory

_POLLS_PER_EVALUATION: Final = 8.0  # how soon a new evaluation is noticed, as a share of the rule interval
_POLL_LIMITS_SECONDS: Final = (0.04, 1.0)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one realm: what was measured and what it means. `cut_short` by the deadline it may lack the rest."""

    measurement: Measurement
    decision: Decision
    cut_short: bool = False


@dataclass(frozen=True)
class Judge:
    """
    Everything that is asked, and of whom. `look` asks once, `judge` until an answer or the deadline.

    `memory` is what was seen so far: one look alone is no evidence. `untold` says why nobody would be told
    of an ABORT: warnings, which change no verdict, so it is asked once that is known.
    """

    api: PrometheusApi
    rules_api: PrometheusApi
    expectation: Expectation
    realms: tuple[str, ...]
    writer: Callable[[], WriterReport | None] = lambda: None
    untold: Callable[[], tuple[Cause, ...]] = tuple
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)
    tenants: TenantProof = field(default_factory=TenantProof, compare=False, repr=False)
    recomputing: PrometheusApi | None = None

    def look(self) -> tuple[Look, ...]:
        """One look at each realm, in their order."""
        if not is_fleet(self.realms):
            return self._close(self.realms, None)
        with _no_collecting():
            return self._wide()

    def _wide(self) -> tuple[Look, ...]:
        """A wide look at all realms, and a close one at those that are not GO by it."""
        try:
            pages, measured = survey(self._asked, self.realms)
        except Exception as error:  # noqa: BLE001 - as below
            return tuple(self._judged(_unforeseen(realm, self.api.base_url, error)) for realm in self.realms)
        looks = {each.realm: self._judged(each) for each in measured}
        if pages is not None and (doubtful := worth_a_close_look(each.decision for each in looks.values())):
            looks |= {each.measurement.realm: each for each in self._close(doubtful[:MOST_CLOSE], pages)}
            for realm in doubtful[MOST_CLOSE:]:
                looks[realm] = replace(looks[realm], decision=without_close_look(looks[realm].decision))
        return tuple(looks.values())

    @property
    def _asked(self) -> Parties:
        return Parties(self.api, self.rules_api, self.expectation, self.memory, self.recomputing)

    def _close(self, realms: tuple[str, ...], pages: Pages | None) -> tuple[Look, ...]:
        """A close look at each of the realms; one that breaks it is looked at alone, and breaks no other's."""
        try:
            return tuple(map(self._judged, measure(self._asked, realms, writer=self.writer, pages=pages)))
        except Exception as error:  # noqa: BLE001 - a watch that dies guards nothing; the HOLD names the defect
            if len(realms) > 1:
                return tuple(look for realm in realms for look in self._close((realm,), pages))
            return (self._judged(_unforeseen(realms[0], self.api.base_url, error)),)

    def _judged(self, measurement: Measurement) -> Look:
        pace = self.expectation.pace
        try:
            measurement = self.tenants.checked(measurement, self.api, pace)
            decision = decide(diagnose(measurement, pace))
        except Exception as error:  # noqa: BLE001 - as above
            measurement = _unforeseen(measurement.realm, self.api.base_url, error)
            decision = decide(diagnose(measurement, pace))
        return Look(measurement, decision, cut_short=not seconds_left())

    def judge(
        self,
        deadline_seconds: float,
        *,
        progress: Callable[[tuple[Look, ...], float], None] = lambda _looks, _left: None,
        until: frozenset[Verdict] = frozenset({Verdict.GO, Verdict.ABORT}),
    ) -> tuple[Look, ...]:
        """
        Looks until the verdict over all realms is one of `until`, at most deadline_seconds; returns the last looks.

        The deadline is one budget over all requests of all looks and realms: what has not answered by then is HOLD.
        `progress` is called after each look with the looks and the seconds left.
        """
        started = time.monotonic()
        end = started + deadline_seconds
        looks: tuple[Look, ...] = ()

        def answered() -> bool:
            nonlocal looks
            if looks and time.monotonic() >= end:
                return False
            found = self.look()
            looks = tuple(map(_more_telling, looks or found, found))
            progress(looks, max(end - time.monotonic(), 0.0))
            return worst(look.decision.verdict for look in found) in until

        interval = self.expectation.pace.rule_interval / _POLLS_PER_EVALUATION
        # NotReady: the deadline has passed, and the last looks say why.
        with contextlib.suppress(NotReady), deadline(end):
            wait_until(
                answered,
                deadline_seconds=deadline_seconds,
                interval_seconds=min(max(interval, _POLL_LIMITS_SECONDS[0]), _POLL_LIMITS_SECONDS[1]),
                what="a verdict",
            )
        waited = time.monotonic() - started
        untold = self.untold()
        return tuple(replace(look, decision=_ended(look.decision, waited, untold)) for look in looks)


@contextlib.contextmanager
def _no_collecting() -> Iterator[None]:
    """Keeps Python from looking for rubbish among what is read: there is none, and that takes a third of a look."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _more_telling(before: Look, now: Look) -> Look:
    """The newer look, unless the deadline cut it short and the older one tells why there was no GO."""
    told_less = now.cut_short and now.decision.verdict is Verdict.HOLD
    return before if told_less and before.decision.verdict is not Verdict.GO and not before.cut_short else now


def _ended(decision: Decision, waited: float, untold: tuple[Cause, ...]) -> Decision:
    return replace(decision, waited_seconds=waited, warnings=(*decision.warnings, *untold))


def _unforeseen(realm: str, url: str, error: Exception) -> Measurement:
    """What is known after a look that the server's answers have broken: nothing, and where."""
    message = f"{url} answered what nobody has foreseen: {defect(error)}."
    step = "keep the server's answers and report this as a defect of the gate."
    return Measurement(realm, 0.0, errors={"bad-answer": Unreachable(url, message, step)})


def progress_line(looks: tuple[Look, ...], left: float) -> str:
    """What is being waited for: `scraped 2/2, evaluated 1/2, verdict in at most 41 s`, or how many realms are GO."""
    decisions = [look.decision for look in looks]
    evidence = [decision.evidence for decision in decisions]
    needed = sum(len(each.contract.required_jobs) for each in evidence)
    scraped = sum(each.targets_up.get(job, False) for each in evidence for job in each.contract.required_jobs)
    good = min((sum(each.good for each in one.newest) for one in evidence), default=0)
    wanted = max((each.contract.evidence.evaluations for each in evidence), default=0)
    line = f"scraped {scraped}/{needed}, evaluated {good}/{wanted}, verdict in at most {left:.0f} s"
    cause = worst_look(looks).decision.cause if looks else None
    if is_fleet(looks):
        line = f"{proven(looks)}, verdict in at most {left:.0f} s"
    return f"{line} ({cause.id})" if cause else line


def worst_look(looks: Sequence[Look]) -> Look:
    """The first of those with the worst verdict."""
    return max(looks, key=lambda look: look.decision.verdict)


def proven(looks: Sequence[Look]) -> str:
    """Of how many realms a look has proven that they are GO."""
    good = sum(look.decision.verdict is Verdict.GO for look in looks)
    return f"{good} of {len(looks)} realms GO"
