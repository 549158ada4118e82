"""
What the catalogue of faults comes to on VictoriaMetrics with vmagent and vmalert, where that is not what it says.

Whatever stands in none of these tables is held to the catalogue as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fixtures.catalogue import FAULTS
from l4gate.base import Verdict
from l4gate.faults import Fault
from l4gate.faults.model import PROCESSES, Site
from l4gate.verdict import Decision


@dataclass(frozen=True)
class Otherwise:
    """What a fault comes to on this engine, and why."""

    reason: str
    verdict: Verdict
    cause: str = ""
    also: Sequence[str] = ()
    warnings: Sequence[str] = ()


OTHERWISE: Final = {
    "rules/broken-file-beside": Otherwise(
        "That a reload was refused is a metric of vmalert alone, which no page of the API tells and no job scrapes.",
        Verdict.GO,
    ),
    "writer/not-a-number": Otherwise(
        "VictoriaMetrics takes NaN for no sample, so the beat before it grows old and then is gone. After the time of "
        "the abort alerts this is ABORT there, and by the rules on Prometheus too: no comparison with NaN is fresh.",
        Verdict.HOLD,
        "writer/stale",
    ),
    "scrape/too-rare": Otherwise(
        "vmagent begins anew with a target whose interval changes, and lists it as down until its first scrape.",
        Verdict.HOLD,
        "scrape/config-differs",
        also=("transport/target-down",),
    ),
    "transport/gateway-answers-html": Otherwise(
        "vmagent skips every line that it cannot read and takes the scrape for a good one, of which nothing is left.",
        Verdict.HOLD,
        "transport/required-path-dead",
    ),
    "transport/gateway-body-spoilt": Otherwise(
        "vmagent skips the line that it cannot read, and the beats beside it arrive: nothing of the heartbeat is lost.",
        Verdict.GO,
    ),
    "query/cached-but-for-numbers": Otherwise(
        "Not for the engine: at this factor an abort would come later than the clock that was kept is 30 s behind.",
        Verdict.HOLD,
        "query/clock-differs",
    ),
}
IMPOSSIBLE: Final = {
    "scrape/body-limit": "vmagent skips body_size_limit, so the page is taken whole.",
    **{
        fault.id: "It needs a container engine; the programs here are processes."
        for fault in FAULTS
        if PROCESSES not in fault.stacks
    },
    **{
        fault.id: "A second run that does not start: it ends before any engine is there."
        for fault in FAULTS
        if fault.id.startswith("run/")
    },
}
# Not been run to their end on this engine yet: nothing is claimed of them.
_UNTRIED: Final = {
    "writer": """
        never-ran died stays-dead clock-stands-still clock-behind milliseconds stuck-sequence
        second-writer-ahead killed-in-mid-write overlapping-runs sequence-lost sequence-torn
        textfile-folder-missing disk-full no-curl bare-path state-folder-unusable lock-held script-missing
        hangs file-descriptors
    """,
    "transport": """
        gateway-hangs gateway-restarted-empty other-realm other-job push-hangs push-redirected
        push-swallowed gateway-drips gateway-delays number-by-another number-in-its-place other-instance
        textfile-only other-realm-s-beat
    """,
    "scrape": """
        timeout-too-short target-gone target-list-empty exporter-hangs exporter-timeout textfile-torn
        textfile-timestamp textfile-frozen push-path-dropped textfile-path-dropped up-by-textfile
        up-by-textfile-let-in realm-rewritten second-gateway-down metrics-path one-sample
    """,
    "rules": """
        not-a-number fallback-removed realm-missing other-realm decision-pushed energy-pushed
        decision-pushed-while-dead decision-let-in links-pushed links-let-in alert-pushed alert-let-in
        alarm-pushed alarm-let-in energy-by-textfile energy-by-textfile-let-in alarm-by-textfile
        alarm-by-textfile-let-in fresh-limit-lowered threshold-lowered for-removed alert-always
        foreign-alert foreign-recording foreign-up firing-in-capitals firing-on-the-page alert-silenced
    """,
    "query": """
        cached-by-path clock-behind annotated
    """,
    "verdict": """
        canaries-fail slow-repair alert-rate-missing repair-time-missing alert-rate-not-a-number
        told-silenced told-inhibited told-to-nobody told-refused told-by-nobody
    """,
}
UNTRIED: Final = frozenset(f"{stage}/{name}" for stage, names in _UNTRIED.items() for name in names.split())
# Of each stage, what is told within seconds.
QUICK: Final = (
    "transport/gateway-killed",
    "scrape/sample-limit",
    "rules/for-edited",
    "query/html",
    "query/rules-unreadable",
    "query/configuration-unreadable",
)


def _looked_again(ask: Callable[[Site], Decision]) -> Callable[[Site], Decision]:
    """
    A decision that has seen a whole evaluation.

    vmalert writes each rule of an evaluation for itself, and a look in between has one number without the other: HOLD,
    and nothing but `not-proven`. Whoever decides looks again, and so does this, for one rule interval.
    """

    def asked(site: Site) -> Decision:
        until = time.monotonic() + site.sandbox.pace.rule_interval
        decision = ask(site)
        while {cause.id for cause in decision.causes} == {"verdict/not-proven"} and time.monotonic() < until:
            decision = ask(site)
        return decision

    return asked


def here(fault: Fault) -> Fault:
    """The fault with what it comes to on this engine."""
    other = OTHERWISE.get(fault.id)
    if other is not None:
        fault = replace(
            fault,
            verdict=other.verdict,
            cause=other.cause,
            also=other.also,
            warnings=other.warnings,
            reason=other.reason,
        )
    return replace(fault, ask=_looked_again(fault.ask)) if fault.verdict is Verdict.GO else fault


HELD: Final = tuple(here(each) for each in FAULTS if each.id not in {*IMPOSSIBLE, *UNTRIED})
