"""A wide look at a fleet leaves in doubt what only minutes of samples tell, and never makes a GO of a doubt."""

from __future__ import annotations

from typing import Any

from fixtures.evidence import cause, good_evidence
from l4gate.base import Verdict
from l4gate.verdict import Decision, Stage, decide
from l4gate.verdict.doubtful import without_close_look, worth_a_close_look

ALERT = good_evidence().contract.abort.conditions[0].alert
PENDING = cause(Stage.VERDICT, "abort-pending")
SILENT = cause(Stage.RULES, "alert-silent")
CONTRADICTED = cause(Stage.RULES, "alert-contradicted")


def decision(realm: str = "prod", **changes: Any) -> Decision:
    return decide(good_evidence(realm=realm, **changes))


def test_doubts_come_in_order() -> None:
    """Claims of an ABORT must come first, then conditions that hold, then each cause in its turn; a GO not at all."""
    found = [
        *(decision(f"stale-{number}", broken=(cause(),)) for number in range(3)),
        decision("good"),
        decision("unseen", witnessed=False),
        decision("rules", broken=(cause(Stage.RULES, "rules-differ"),)),
        decision("holds", warnings=(PENDING,)),
        decision("claimed", abort_claimed={ALERT}, broken=(CONTRADICTED,)),
    ]

    assert worth_a_close_look(found) == ("claimed", "holds", "stale-0", "rules", "stale-1", "stale-2")


def test_go_with_a_condition_that_holds_is_no_go_without_a_close_decision() -> None:
    """Whether its alert should have fired is not known, so it must be HOLD that says so."""
    found = without_close_look(decision(warnings=(PENDING,)))

    assert decision(warnings=(PENDING,)).verdict is Verdict.GO
    assert found.verdict is Verdict.HOLD
    assert [each.id for each in found.causes] == ["verdict/not-looked-at"]


def test_what_minutes_tell_is_not_said() -> None:
    """A contradiction between alert and condition must not be said of a few samples; another cause stays the first."""
    claimed = without_close_look(decision(abort_claimed={ALERT}, broken=(CONTRADICTED,)))
    silent = without_close_look(decision(broken=(SILENT, cause())))

    assert claimed.verdict is silent.verdict is Verdict.HOLD
    assert claimed.causes[0].id == "verdict/not-looked-at"
    assert "rules/alert-contradicted" not in {each.id for each in claimed.causes}
    assert silent.causes[0].id == "writer/stale"
