"""Claims about which looks at a fault are false, on trails made by hand. They need no stack."""

from __future__ import annotations

from math import inf

import pytest

from fixtures.catalogue import FAULTS, find_fault
from fixtures.contract import ABORT_FOR_SECONDS, CHANGES_WINDOW_SECONDS, FRESH_LIMIT_SECONDS, pace
from l4gate.base import Verdict
from l4gate.faults.exercise import must_be_seen_within
from l4gate.faults.trail import Seen, false_aborts, false_gos, seen_within
from tests.support.fault_pairs import both

PACE = pace(60.0)
STALE = ("writer/stale",)
BOUND = seen_within(STALE, PACE)


def trail(*looks: tuple[float, float, str, tuple[str, ...]]) -> list[Seen]:
    return [Seen(*look) for look in looks]


def test_go_on_what_was_so_before_is_not_false() -> None:
    """A GO must NOT be false before the fault can be seen, whatever else is HOLD in between."""
    looks = trail(
        (0, 0.5, "GO", ()),
        (0.6, 0.7, "HOLD", ("rules/evaluation-stopped",)),
        (0.8, 2, "GO", ()),
        (2.1, 9, "HOLD", STALE),
    )

    assert not false_gos(looks, STALE, BOUND)


def test_go_after_the_fault_was_seen_is_false() -> None:
    """A GO between two looks that see the fault must be false, though the last look is right."""
    flap = (2.2, 2.2, "GO", ())
    looks = trail((0, 2, "GO", ()), (2.1, 2.1, "HOLD", STALE), flap, (2.3, 9, "HOLD", STALE))

    assert false_gos(looks, STALE, BOUND) == (Seen(*flap),)


def test_fault_is_seen_by_any_of_its_causes() -> None:
    """A fault must count as seen by any of its causes, at any place among the causes of a look."""
    looks = trail((0, 1, "HOLD", ("rules/not-recorded", "writer/stale")), (1.1, 1.1, "GO", ()))

    assert false_gos(looks, ("transport/target-down", "writer/stale"), BOUND) == (looks[1],)
    assert not false_gos(looks, ("transport/target-down",), BOUND)


def test_abort_is_seen_too() -> None:
    """A GO after an ABORT with the fault's cause must be false."""
    firing = ("verdict/abort-firing",)
    looks = trail((0, 6, "GO", ()), (6.1, 6.1, "ABORT", firing), (6.2, 6.2, "GO", ()))

    assert false_gos(looks, firing, seen_within(firing, PACE)) == (looks[2],)


def test_go_that_lasts_past_the_bound_is_false() -> None:
    """A GO that began in time must be false if a look after the bound still says it."""
    kept = trail((0, BOUND + 0.01, "GO", ()), (BOUND + 1, 20, "HOLD", STALE))
    ended = trail((0, BOUND - 0.01, "GO", ()), (BOUND + 1, 20, "HOLD", STALE))

    assert false_gos(kept, STALE, BOUND) == (kept[0],)
    assert not false_gos(ended, STALE, BOUND)


def test_go_after_the_bound_is_false_though_never_seen() -> None:
    """A fault that is never seen must make each GO after the bound false, after another HOLD as well."""
    looks = trail((0, 1, "HOLD", ("query/unreachable",)), (BOUND + 1, BOUND + 1, "GO", ()))

    assert false_gos(looks, STALE, BOUND) == (looks[1],)


def test_bound_follows_the_contract() -> None:
    """The bound must grow by what the contract lets a cause wait, scaled; one of several causes is enough."""
    news = seen_within(("query/bad-answer",), PACE)

    assert seen_within(STALE, PACE) == pytest.approx(news + FRESH_LIMIT_SECONDS / 60)
    assert seen_within(("writer/stuck-sequence",), PACE) == pytest.approx(news + CHANGES_WINDOW_SECONDS / 60)
    assert seen_within(("verdict/abort-firing",), PACE) == pytest.approx(news + ABORT_FOR_SECONDS / 60)
    assert seen_within(("scrape/no-target",), PACE, by_discovery=True) == pytest.approx(news + 5)
    assert seen_within((*STALE, "query/bad-answer"), PACE) == news


def test_every_fault_that_is_no_go_has_a_bound() -> None:
    """Every fault of the register that is not GO must have to be seen some time."""
    for fault in FAULTS:
        if fault.verdict is not Verdict.GO:
            assert 0 < must_be_seen_within(fault, PACE) < inf, fault.id


@pytest.mark.parametrize(("after", "may_abort", "false"), [(4.9, True, 1), (5.0, True, 0), (5.0, False, 1)])
def test_abort_too_soon_or_where_none_may_come_is_false(after: float, may_abort: bool, false: int) -> None:
    """An ABORT must be false where none may come, and before any alert's `for` can be over."""
    looks = trail((0, 1, "GO", ()), (after, 7, "ABORT", STALE), (8, 8, "HOLD", STALE))

    assert len(false_aborts(looks, may_abort=may_abort, pace=PACE)) == false


def test_pair_must_be_seen_as_soon_as_the_quicker_of_its_faults() -> None:
    """A fault that needs the discovery must NOT lend its time to the other one of a pair."""
    slow, quick = find_fault("scrape/target-gone"), find_fault("writer/died")
    pair = both(quick, slow, Verdict.HOLD, slow.cause)

    assert (
        must_be_seen_within(pair, PACE) == must_be_seen_within(quick, PACE) < must_be_seen_within(slow, PACE)
    )
