"""
Two faults of different stages at once, as one fault: what the gate must say of both is decided by its design.

ABORT whatever else is known, as long as it can be known; then HOLD; GO only where both leave one path whole. The first
cause is the one that the walk backwards along the path comes to first; what an abort condition says comes last.

Of two faults that are HOLD by themselves, one pair for every two stages is drawn by lot, with a fixed seed, so that
every run tries the same until the register changes. What ABORT and warnings do beside another fault is chosen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Final

from fixtures.catalogue import find_fault
from l4gate.base import Verdict
from l4gate.faults.model import Fault
from l4gate.faults.tools import at_once
from l4gate.verdict import Stage

_SEED: Final = 20
# What takes long to show or to heal, or needs a Pushgateway that another fault may have taken away.
_ALONE: Final = frozenset(
    {
        "writer/stuck-sequence",
        "transport/push-rejected",
        "scrape/too-rare",
        "scrape/target-gone",
        "scrape/target-list-empty",
        "query/prometheus-killed",
    }
)


def stages_of(faults: Sequence[Fault]) -> list[tuple[Stage, Stage]]:
    """Every two stages of the faults' own, in the order of the path; a fault of the run is one of a second run."""
    return list(combinations(sorted({fault.stage for fault in faults} - {Stage.RUN}), 2))


def drawn(faults: Sequence[Fault], kind: str, stages: tuple[Stage, Stage]) -> Fault:
    """
    One pair of faults of these stages, by lot, of those that show one after the other on the walk backwards.

    Raises:
        LookupError: if no two of them can be combined.
    """
    of_each = [
        [fault for fault in _combinable(faults, kind) if fault.stage is stage] for stage in sorted(stages)
    ]
    possible = [
        (first, second)
        for first, second in product(*of_each)
        if _cause_stage(first.cause) is not _cause_stage(second.cause)
    ]
    if not possible:
        message = f"no fault of {stages[0]} can be combined with one of {stages[1]}"
        raise LookupError(message)
    # Its own lot for every two stages: a new fault changes the pairs of its stage only.
    lot = random.Random(f"{_SEED} {stages[0]} {stages[1]}")  # noqa: S311 - a sample, not a secret
    first, second = lot.choice(possible)
    return both(first, second, Verdict.HOLD, max(first.cause, second.cause, key=_found_first))


def _combinable(faults: Sequence[Fault], kind: str) -> Iterator[Fault]:
    """The faults that are HOLD by themselves, show soon, and leave what others need; what two lies say is no design."""
    for fault in faults:
        alone = fault.id in _ALONE or fault.stage is Stage.RUN or fault.lie is not None
        if fault.verdict is Verdict.HOLD and not alone and kind in fault.stacks and not fault.needs():
            yield fault


def _cause_stage(cause: str) -> Stage:
    return Stage[cause.partition("/")[0].upper()]


def _found_first(cause: str) -> int:
    """Larger for what comes earlier: the path backwards, and then what the verdict itself lacks."""
    stage = _cause_stage(cause)
    return -1 if stage is Stage.VERDICT else stage


def both(first: Fault, second: Fault, verdict: Verdict, cause: str) -> Fault:
    """Two faults as one: injected in this order, healed in reverse."""
    return Fault(
        id=f"{first.id} + {second.id}",
        says=f"{first.says} {second.says}",
        action=at_once(first.action, second.action),
        verdict=verdict,
        cause=cause,
        stacks=[kind for kind in first.stacks if kind in second.stacks],
        by_discovery=first.by_discovery or second.by_discovery,
        parts=(first, second),
    )


def _pair(ids: str, says: str, verdict: Verdict, cause: str = "", warnings: Sequence[str] = ()) -> Fault:
    first, second = map(find_fault, ids.split(" + "))
    return replace(both(first, second, verdict, cause), says=says, warnings=warnings)


CHOSEN: Final = (
    # An abort condition beside another fault: ABORT, as long as the gate can know it.
    _pair(
        "writer/stays-dead + verdict/slow-repair",
        "The script is dead and repairs take ten minutes: both are abort conditions.",
        Verdict.ABORT,
        "writer/stale",
    ),
    _pair(
        "transport/push-redirected + verdict/canaries-fail",
        "Every canary fails, and the Pushgateway rejects the heartbeat.",
        Verdict.ABORT,
        "transport/push-rejected",
    ),
    _pair(
        "scrape/exporter-killed + verdict/canaries-fail",
        "Every canary fails, and node-exporter is dead.",
        Verdict.ABORT,
        "verdict/abort-firing",
        ("scrape/advisory-target-down", "scrape/paths-disagree"),
    ),
    _pair(
        "rules/foreign-group + verdict/slow-repair",
        "Repairs take too long, and a foreign group is beside the rules that say so.",
        Verdict.ABORT,
        "rules/rules-differ",
    ),
    _pair(
        "query/rules-unreadable + verdict/slow-repair",
        "Repairs take too long, and only `ALERTS` can tell.",
        Verdict.ABORT,
        "rules/rules-unreadable",
    ),
    _pair(
        "writer/stays-dead + transport/gateway-killed",
        "The script is dead and so is the Pushgateway: no beat is fresh for five minutes.",
        Verdict.ABORT,
        "transport/target-down",
    ),
    # An abort condition that cannot be known, for the other fault took the evidence away: HOLD, however long it lasts.
    _pair(
        "scrape/sample-limit + verdict/slow-repair",
        "Repairs take too long, but no scrape brings the news.",
        Verdict.HOLD,
        "scrape/target-down",
    ),
    _pair(
        "rules/for-edited + verdict/slow-repair",
        "Repairs take too long, but the alert was made to wait an hour.",
        Verdict.HOLD,
        "rules/rules-differ",
    ),
    _pair(
        "query/html + verdict/canaries-fail",
        "Every canary fails, but the gate cannot ask.",
        Verdict.HOLD,
        "query/bad-answer",
    ),
    # Each leaves the other path whole, and together they leave none.
    _pair(
        "writer/textfile-folder-missing + transport/push-reset",
        "The textfile cannot be written and the push is reset: neither path delivers.",
        Verdict.HOLD,
        "transport/push-failed",
    ),
    _pair(
        "writer/no-curl + scrape/textfile-path-dropped",
        "There is no push without curl, and the textfile path is dropped: neither path delivers.",
        Verdict.HOLD,
        "scrape/config-differs",
    ),
    _pair(
        "transport/push-swallowed + scrape/textfile-frozen",
        "The push is swallowed and the textfile lies elsewhere: neither path delivers.",
        Verdict.HOLD,
        "writer/stale",
    ),
    # Warnings beside what changes nothing, and beside a HOLD.
    _pair(
        "writer/no-curl + scrape/textfile-torn",
        "There is no push without curl, and somebody's .prom file is torn: the script's own still delivers.",
        Verdict.HOLD,
        "transport/push-failed",
        ("scrape/paths-disagree", "scrape/textfile-error"),
    ),
    _pair(
        "scrape/push-path-dropped + rules/broken-file-beside",
        "The push path is dropped, and a reload is refused: textfile and rules run on.",
        Verdict.HOLD,
        "scrape/config-differs",
        ("rules/reload-failed",),
    ),
    _pair(
        "scrape/textfile-frozen + rules/foreign-group",
        "The textfile lies elsewhere, and a foreign group is beside the rules: the warning is said with the HOLD.",
        Verdict.HOLD,
        "rules/rules-differ",
        ("scrape/paths-disagree",),
    ),
    _pair(
        "scrape/exporter-hangs + query/partial",
        "node-exporter hangs, and the answers are incomplete.",
        Verdict.HOLD,
        "query/bad-answer",
    ),
)
