"""How one fault is held against a gate that flaps. No real one does, so this one says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.contract import ABORT_FOR_SECONDS, pace
from fixtures.evidence import good_evidence
from l4gate.base import Verdict
from l4gate.faults.exercise import FALSE_ABORT, FALSE_GO, NOT_HEALED, WRONG_CAUSE, FaultResult, exercise
from l4gate.faults.model import Fault, Site
from l4gate.verdict import Cause, Decision, Stage, Unreachable
from tests.support.fault_pairs import both
from tests.support.fault_report import as_markdown, counts

PACE = pace(600.0)  # short waits; the room for a busy machine stays as it is
UNREAD = Unreachable("a query", "nothing is asked here")
STALE = Cause(Stage.WRITER, "stale", "a beat", "none", "a query", "beat.")
FIRING = Cause(Stage.VERDICT, "abort-firing", "no alert", "one", "the alerts", "roll back.")


def said(verdict: Verdict, *causes: Cause) -> Decision:
    return Decision(verdict, "prod", causes, (), good_evidence())


GO, HOLD, ABORT = said(Verdict.GO), said(Verdict.HOLD, STALE), said(Verdict.ABORT, FIRING)


def held(
    *looks: Decision, then: Decision, healed: Decision = GO, fault: Callable[..., Fault] = Fault
) -> FaultResult:
    """The result of a fault that must be HOLD, seen like this."""
    looking: Iterator[Decision] = chain(looks, repeat(then))
    before_and_after = chain([GO], repeat(healed))
    judge = SimpleNamespace(look=lambda: [SimpleNamespace(decision=next(before_and_after))])
    site = cast("Site", SimpleNamespace(sandbox=SimpleNamespace(pace=PACE), judge=judge))
    return exercise(
        site,
        fault(
            "writer/died",
            "It died.",
            lambda _site: nullcontext(),
            Verdict.HOLD,
            "writer/stale",
            ask=lambda _site: next(looking),
        ),
    )


def test_gate_that_is_right_is_right() -> None:
    """GO until the fault shows, then HOLD, then GO again must be right."""
    assert held(GO, GO, then=HOLD).right


@pytest.mark.parametrize(
    ("looks", "wrong"),
    [((GO, HOLD, GO), FALSE_GO), ((GO, ABORT), FALSE_ABORT)],
    ids=["GO", "ABORT"],
)
def test_false_verdict_between_two_looks_counts(looks: tuple[Decision, ...], wrong: str) -> None:
    """A false GO or ABORT must count though every later look is right."""
    result = held(*looks, then=HOLD)

    assert result.verdict == "HOLD"
    assert result.wrongs == [wrong]
    assert counts([result])[wrong] == 1


def test_site_that_stays_broken_is_not_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that is not GO after healing must count as not healed."""
    monkeypatch.setattr("l4gate.faults.exercise._START_SECONDS", 0.0)
    monkeypatch.setattr("l4gate.faults.exercise._BUSY_SECONDS", 0.2)

    assert held(GO, then=HOLD, healed=HOLD).wrongs == [NOT_HEALED]


def test_fault_that_is_never_seen_is_a_false_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that stays GO for ever must count as a false GO and a wrong cause."""
    monkeypatch.setattr("l4gate.faults.exercise._BUSY_SECONDS", 2.0)

    assert held(then=GO).wrongs == [FALSE_GO, WRONG_CAUSE]


def test_hold_in_place_of_an_abort_is_watched_until_that_would_have_come() -> None:
    """Beside a fault that is ABORT by itself, a HOLD must stay until that ABORT would have fired."""
    aborts = Fault("verdict/x", "x", lambda _site: nullcontext(), Verdict.ABORT, "verdict/abort-firing")

    def silenced(*fields: Any, ask: Any) -> Fault:
        alone = Fault(*fields, ask=ask)
        return replace(both(alone, aborts, Verdict.HOLD, "writer/stale"), ask=ask)

    assert (
        held(then=HOLD, fault=silenced).detected_after > ABORT_FOR_SECONDS / PACE.factor + PACE.beat_interval
    )


def test_the_table_for_the_summary_page_has_every_fault() -> None:
    """The Markdown table must begin with the counts, and have a row for each fault, the wrong ones called so."""
    good = FaultResult("writer/died", "ABORT writer/stale", "ABORT", "writer/stale", detected_after=2.5)
    bad = replace(good, id="scrape/down", verdict="GO", wrongs=(FALSE_GO,))

    first, _, *lines = as_markdown([good, bad]).splitlines()

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert first.startswith(f"faults: 2, skipped: 0, {FALSE_GO}: 1")
    assert [row[:2] for row in rows[2:]] == [["ok", "writer/died"], ["WRONG", "scrape/down"]]
    assert rows[2][2:4] == ["ABORT writer/stale", "2.5 s"]
