"""Which realms of a fleet a wide look leaves in doubt, and what is said of those that nobody has looked at closely."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final

from l4gate.base import Verdict
from l4gate.verdict.abort_stage import CONTRADICTED, PENDING, SILENT
from l4gate.verdict.decision import NOT_WITNESSED, Decision
from l4gate.verdict.evidence import Cause, Stage

MOST_CLOSE: Final = 100  # realms that are looked at closely in one look; each has 1,000 samples
NOT_LOOKED_AT: Final = "not-looked-at"
_OF_MINUTES: Final = (CONTRADICTED, SILENT)  # causes that only the samples of some minutes can tell


def worth_a_close_look(decisions: Iterable[Decision]) -> tuple[str, ...]:
    """
    The realms that a wide look has not found GO for a reason of their own, or whose abort condition holds.

    Those for which somebody claims an ABORT come first, then those whose condition holds. Of the others each cause has
    its turn, so that a thousand realms with one trouble do not keep a single one with another from being looked at.
    """
    claimed, holding = list[str](), list[str]()
    waiting: dict[str, list[str]] = {}
    for decision in decisions:
        realm = decision.realm
        causes = [each for each in decision.causes if each.code != NOT_WITNESSED]
        if decision.evidence.abort_claimed:
            claimed.append(realm)
        elif any(each.code == PENDING for each in decision.warnings):
            holding.append(realm)
        elif causes:
            waiting.setdefault(causes[0].id, []).append(realm)
    turns = (realm for turn in zip_longest(*waiting.values()) for realm in turn if realm is not None)
    return tuple(chain(claimed, holding, turns))


def without_close_look(decision: Decision) -> Decision:
    """
    What a wide look alone says of a realm in doubt: never GO, nor what only the samples of minutes can tell.

    Whether an abort condition has held for its time, and whether its alert should have fired, is not in a few samples.
    """
    kept = [each for each in decision.causes if each.code not in _OF_MINUTES]
    if kept and decision.verdict is not Verdict.GO and not decision.evidence.abort_claimed:
        return replace(decision, causes=tuple(kept))
    cause = Cause(
        Stage.VERDICT,
        NOT_LOOKED_AT,
        "a close look at a realm of which an abort condition holds",
        f"none, as {MOST_CLOSE} others came first",
        "the wide look at all realms",
        "judge it by itself (--realm), or mend the others first.",
    )
    return replace(decision, verdict=Verdict.HOLD, causes=(cause, *kept))
