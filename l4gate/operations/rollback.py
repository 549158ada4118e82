"""
Rollback: back to the configuration that earned the last GO, live and proven, and then judged anew.

An ABORT says that the service is not well, not that the last change is to blame. So nothing is rolled back when what is
live earned the last GO itself, and an episode (what fires, and since when) is answered once, whoever asks and however
often: a fix that was made live while the alert still fires is not taken back for it. The journal remembers.

The verdict after it is held against the restored configuration's own rules: it was this repository's when it earned
its GO, and the repository may have moved on to the very change that is being taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from l4gate.base import ApiError, NothingToRollBack, OperationRefused, RuleError, UsageError, Verdict, worst
from l4gate.operations.checkpoints import CheckpointStore
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.episodes import FiringAlert, firing_alerts, goes_on
from l4gate.operations.journal import Outcome, RollbackAnswer, begin, over
from l4gate.operations.kept import Checkpoint
from l4gate.operations.proof import runs_otherwise
from l4gate.operations.reload import LiveServer, Reloaded, reload_live
from l4gate.verdict import Judge, Look


@dataclass(frozen=True)
class RolledBack:
    """What was restored in place of what, and the looks after it. `seconds` counts from the start to the last look."""

    restored: Checkpoint
    replaced_hash: str
    reloaded: Reloaded
    looks: tuple[Look, ...]
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """GO if the restored configuration proved itself again."""
        return worst(look.decision.verdict for look in self.looks)


def roll_back(
    server: LiveServer,
    store: CheckpointStore,
    judge: Judge,
    *,
    deadline_seconds: float,
    to: str = "",
    automatic: bool = False,
    progress: Callable[[tuple[Look, ...], float], None] = lambda _looks, _left: None,
) -> RolledBack:
    """
    Restores what earned the last GO, reloads, proves, and judges for at most deadline_seconds until GO.

    Args:
        server: the server and the folder that it reads.
        store: the checkpoints of that folder, with the journal.
        judge: of that server; its expectation is replaced by the restored rules.
        deadline_seconds: how long the new verdict may take, and the confirmation of the ABORT before it.
        to: the beginning of a checkpoint's hash, for a person who decides; neither who is to blame nor what was
            answered before is asked then.
        automatic: nobody decides: the ABORT must be seen once more before anything is changed.
        progress: called after each look.

    Raises:
        NothingToRollBack: if what is live is not to blame, or the episode has been answered; says what to look at.
        OperationRefused: if there is none to go back to, it is damaged, does not pass the check or cannot be made
            live; nothing has changed then, or what was live is back.
        ApiError: if the server cannot be asked; nothing has changed.
    """
    started = time.monotonic()
    with store.journal.alone():
        if automatic:
            _confirm(judge, deadline_seconds)
        alerts = firing_alerts(judge)
        if automatic and not alerts:  # an answer to nothing in particular would answer nothing
            raise _nothing("no abort alert fires any more.", _look_at(judge))
        live = read_configuration(server.live_dir)
        unfinished = None
        if to:
            chosen = store.find(to)
        else:
            answered = _answered(store, judge, alerts, live)
            unfinished = _unfinished(answered, live)
            chosen = _still_kept(store, unfinished) if unfinished else store.last_go()
            if unfinished is None:
                _refuse_unless_to_blame(store, judge, alerts, answered, (live, chosen))
        content = chosen.configuration()
        answer = store.journal.note(unfinished or begin(alerts, live.hash, chosen.hash, judge.api.now()))

        def end(outcome: Outcome, said: str) -> None:
            store.journal.note(over(answer, outcome, said, _now(judge)))

        try:
            reloaded = reload_live(server, content, replacing=live)
        except BaseException as error:
            end("failed", str(error) or type(error).__name__)
            raise
        end("restored", "live and proven")  # what cuts the wait for a verdict short undoes nothing
        judge = replace(judge, expectation=replace(judge.expectation, groups=content.rules()))
        # The alert that led here still fires at the first looks: ABORT does not end this wait.
        looks = judge.judge(deadline_seconds, until=frozenset({Verdict.GO}), progress=progress)
        done = RolledBack(chosen, answer.live, reloaded, looks, time.monotonic() - started)
        end("restored", f"live and proven, then {done.verdict.name}")
        return done


def _answered(
    store: CheckpointStore, judge: Judge, alerts: Sequence[FiringAlert], live: Configuration
) -> RollbackAnswer | None:
    """
    The newest answer to this episode, unless an alert fires in a realm to which none was given.

    A rollback that failed is none, as long as what is live is what it left: what came after it is a fix by somebody.
    """
    waiting, newest = {each.realm for each in alerts}, None
    for answer in reversed(store.journal.answers()):
        about = {each.realm for each in alerts if _is_about(answer, each, judge)}
        if about and (answer.outcome != "failed" or live.hash not in (answer.live, answer.restored)):
            newest = newest or answer
            waiting -= about
    return None if waiting else newest


def _is_about(answer: RollbackAnswer, now: FiringAlert, judge: Judge) -> bool:
    """Whether an alert was active when it was answered, or is about the same as one of then, and was never over."""
    return any(
        now.since <= answer.until or (then.alert == now.alert and goes_on(judge, now, then.since))
        for then in answer.alerts
        if then.realm == now.realm
    )


def _unfinished(answered: RollbackAnswer | None, live: Configuration) -> RollbackAnswer | None:
    """The answer that was begun by somebody who died, and is still to be given."""
    if answered is None or answered.outcome != "begun":
        return None
    if live.hash in (answered.live, answered.restored):
        return answered
    raise _nothing(
        f"a rollback of this ABORT was begun and not finished ({answered}), and by now something else is live: "
        f"{live.hash[:16]}.",
        "find out who made that live; if it is not meant, name a checkpoint with --to.",
    )


def _still_kept(store: CheckpointStore, unfinished: RollbackAnswer) -> Checkpoint:
    try:
        return store.find(unfinished.restored)
    except UsageError:
        message = (
            f"a rollback was begun and not finished ({unfinished}), and its checkpoint is not kept any more."
        )
        raise OperationRefused(message, next_step="name another one with --to.") from None


def _refuse_unless_to_blame(
    store: CheckpointStore,
    judge: Judge,
    alerts: Sequence[FiringAlert],
    answered: RollbackAnswer | None,
    live_and_last: tuple[Configuration, Checkpoint],
) -> None:
    """
    Raises NothingToRollBack if the server runs what earned the last GO, or what is live came after the answer.

    The first is noted as an answer, so that a fix which is made live meanwhile is not rolled back for this ABORT.
    """
    live, last = live_and_last
    try:
        runs_live = not runs_otherwise(judge, live)
    except RuleError:  # files that nobody can load are not what runs
        runs_live = False
    if (
        runs_live
        if live.hash == last.hash
        else not (runs_live or runs_otherwise(judge, last.configuration()))
    ):
        if not alerts:
            raise _nothing(
                f"the server runs what earned the last GO: {last}, and no abort alert fires.",
                "name another checkpoint with --to if that is what you want.",
            )
        if answered is None:
            answer = begin(alerts, last.hash, last.hash, judge.api.now())
            store.journal.note(over(answer, "kept", "the server runs what earned the last GO", _now(judge)))
        raise _nothing(
            "the change is not to blame, and nothing was rolled back: the server runs what earned the last GO: "
            f"{last}. What fires: {'; '.join(map(str, alerts))}.",
            _look_at(judge),
        )
    if answered is not None:
        raise _nothing(
            f"this ABORT has been answered: {answered}. It goes on, so what is live by now ({live.hash[:16]}) "
            "did not begin it.",
            f"{_look_at(judge)} To roll back all the same, name a checkpoint with --to.",
        )


def _look_at(judge: Judge) -> str:
    cause = next((look.decision.cause for look in judge.look() if look.decision.cause), None)
    return (
        f"look at {cause.id}: {cause.found}; {cause.next_step}"
        if cause
        else "look at the verdict: l4gate decide."
    )


def _confirm(judge: Judge, deadline_seconds: float) -> None:
    """One more ABORT, by its evidence: it may have taken a while to come here."""
    looks = judge.judge(deadline_seconds)
    verdict = worst(look.decision.verdict for look in looks)
    if verdict is not Verdict.ABORT:
        cause = next((look.decision.cause for look in looks if look.decision.cause), None)
        raise _nothing(
            f"the ABORT did not come again: {verdict.name}{f' ({cause})' if cause else ''}.",
            "look at the verdict: l4gate decide; `l4gate rollback` rolls back all the same.",
        )


def _nothing(message: str, next_step: str) -> NothingToRollBack:
    return NothingToRollBack(message, next_step=next_step)


def _now(judge: Judge) -> float:
    """The server's time; none from a server that has just gone changes nothing about what was done."""
    try:
        return judge.api.now()
    except ApiError:
        return float("-inf")
