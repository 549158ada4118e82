"""The journal of rollbacks: what it holds, what it survives, and what it refuses."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from fixtures.hostile import HOSTILE_FILES
from l4gate.base import NotReady, OperationRefused
from l4gate.machine import exclusive
from l4gate.operations.episodes import FiringAlert
from l4gate.operations.journal import Journal, RollbackAnswer, begin, over

ALERT = FiringAlert("prod", "L4AbortHeartbeatStale", 1_700_000_000.25)


def answer(journal: Journal, live: str = "a" * 64) -> RollbackAnswer:
    return journal.note(begin([ALERT], live, "b" * 64, 1_700_000_300.5))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "rollbacks" / "x")
    with journal.alone():
        pass
    return journal


def test_answer_is_replaced_by_how_it_ended(journal: Journal) -> None:
    """What was begun must stand there before it is done, and once when it is over, exactly as it was written."""
    begun = answer(journal)
    assert journal.answers() == (begun,)

    ended = journal.note(over(begun, "restored", "live and proven", 1_700_000_310.0))
    later = answer(journal, "c" * 64)

    assert journal.answers() == (ended, later)
    assert (begun.outcome, ended.outcome, ended.until) == ("begun", "restored", 1_700_000_310.0)
    assert str(ended).endswith(
        "restored: aaaaaaaaaaaaaaaa to bbbbbbbbbbbbbbbb (L4AbortHeartbeatStale of prod, "
        "active since 2023-11-14T22:13:20.250Z): live and proven"
    )
    assert journal.path.stat().st_mode & 0o077 == 0


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    """Where nothing was ever answered there must be no error, and nothing written."""
    assert Journal(tmp_path / "none").answers() == ()
    assert list(tmp_path.iterdir()) == []


def test_oldest_answers_go(journal: Journal) -> None:
    """The journal must not grow without end, and the newest answer is what it keeps."""
    for _ in range(103):
        newest = answer(journal)

    assert len(journal.answers()) == 100
    assert journal.answers()[-1] == newest


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(HOSTILE_FILES.keys() - {"none"}))
def test_hostile_journal_is_one_sentence(journal: Journal, name: str) -> None:
    """Whatever stands in place of the journal must be one sentence, without waiting, and say that nothing was done."""
    put, _ = HOSTILE_FILES[name]
    put(journal.path)

    with pytest.raises(
        OperationRefused, match=r"expected a journal of rollbacks in .*, and nothing was rolled back"
    ):
        journal.answers()


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "done"},
        {"began_at": "now"},
        {"until": 1e400},
        {"alerts": [{"realm": "prod"}]},
        {"live": None},
    ],
    ids=str,
)
def test_what_is_no_answer_is_not_taken_for_one(journal: Journal, change: dict[str, object]) -> None:
    """An entry with another outcome, a time that is none, or or without a part, must stop every rollback."""
    answer(journal)
    (entry,) = json.loads(journal.path.read_text())
    journal.path.write_text(json.dumps([entry | change]))

    with pytest.raises(OperationRefused, match="expected a journal of rollbacks"):
        journal.answers()


def test_only_one_may_answer(journal: Journal) -> None:
    """While one process answers, another must wait, and say for what when its time is over."""
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()

    def hold() -> None:
        with journal.alone():
            held.set()
            done.wait(20)

    other = context.Process(target=hold)
    other.start()
    try:
        assert held.wait(20)
        with (
            pytest.raises(NotReady, match=r"expected the lock .*, found another process that holds it"),
            exclusive(journal.path.parent / "lock", deadline_seconds=0.3),
        ):
            pytest.fail("two at once")
        done.set()
        with journal.alone():  # waits for as long as it takes the other one to go
            pass
    finally:
        done.set()
        other.join()


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Without a place for the journal nothing must be rolled back, because it could be answered twice."""
    (tmp_path / "rollbacks").write_text("a file in its place")

    with (
        pytest.raises(OperationRefused, match="expected to write the journal of rollbacks"),
        Journal(tmp_path / "rollbacks" / "x").alone(),
    ):
        pytest.fail("without a journal")


def test_long_reason_leaves_the_journal_readable(journal: Journal) -> None:
    """However long the reasons are, a full journal must be read again: one that cannot be stops every rollback."""
    for _ in range(100):
        journal.note(over(begin([ALERT], "a" * 64, "b" * 64, 1.0), "failed", "no " * 30_000, 2.0))

    assert len(journal.answers()) == 100
    assert journal.answers()[-1].said.startswith("no no ")
