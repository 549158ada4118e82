"""
What was answered to an ABORT, and by what: the memory that keeps one episode from being rolled back twice.

    STATE/rollbacks/<live folder>/journal.json     the newest answers, the oldest first

Each is written before the first file is touched and again when it is over, by one rename each. Whoever dies in between
leaves one that was begun, and who comes next finishes it. A journal that cannot be read rolls nothing back: nobody
knows what was answered.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter

from l4gate.base import (
    MANIFEST_BYTES,
    OperationRefused,
    masked,
    private_file,
    read_regular,
    strict_json,
    why,
)
from l4gate.machine import exclusive
from l4gate.operations.configuration import sync
from l4gate.operations.episodes import FiringAlert
from l4gate.report import utc

_JOURNAL: Final = "journal.json"
_LOCK: Final = "lock"
_MOST: Final = 100  # an episode a day for a season; each has some 300 bytes
_SAID_CHARACTERS: Final = 2000  # an answer that fits into no journal would make all of them unreadable
_LOCK_SECONDS: Final = 300.0  # several times what a reload, its way back and a new verdict may take

# begun: nobody has said how it ended; restored: the last GO is live again; kept: nothing was rolled back, because what
# is live had earned the last GO; failed: it could not be done, and `said` tells what is live.
Outcome = Literal["begun", "restored", "kept", "failed"]


@dataclass(frozen=True)
class RollbackAnswer:
    """
    What was done about an episode.

    Attributes:
        began_at: Unix seconds of this machine.
        alerts: what fired; empty for a rollback that somebody asked for without an ABORT.
        live: hash of the configuration that was live.
        restored: hash of the one that takes its place; that of `live` if none does.
        until: Unix seconds of the server's clock when it was over; what had become active by then is answered.
        outcome: how it ended, see `Outcome`.
        said: how it ended, in words.
    """

    began_at: float
    alerts: tuple[FiringAlert, ...]
    live: str
    restored: str
    until: float
    outcome: Outcome = "begun"
    said: str = ""

    def __str__(self) -> str:
        about = "; ".join(map(str, self.alerts)) or "asked for without an ABORT"
        what = (
            f"{self.live[:16]} kept"
            if self.outcome == "kept"
            else f"{self.live[:16]} to {self.restored[:16]}"
        )
        return f"{utc(self.began_at)} {self.outcome}: {what} ({about}){f': {self.said}' if self.said else ''}"


_ANSWERS: Final = TypeAdapter(tuple[RollbackAnswer, ...])


class Journal:
    """The answers of one folder of checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _JOURNAL

    @contextmanager
    def alone(self) -> Iterator[None]:
        """
        Holds the only right to answer, and waits for it.

        Raises:
            NotReady: if somebody else has it for longer than any rollback takes.
            OperationRefused: if the folder cannot be written to.
        """
        folder = self.path.parent
        with ExitStack() as held:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                held.enter_context(exclusive(folder / _LOCK, deadline_seconds=_LOCK_SECONDS))
            except OSError as error:
                raise self._not_written(error) from None
            yield

    def answers(self) -> tuple[RollbackAnswer, ...]:
        """
        The newest last.

        Raises:
            OperationRefused: if the journal cannot be read.
        """
        try:
            content = read_regular(self.path, limit=MANIFEST_BYTES)
            strict_json(content)  # no number that is none, no name twice, no bottomless depth
            return _ANSWERS.validate_json(content, strict=True)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            message = (
                f"expected a journal of rollbacks in {self.path}, found: {why(error)}. Whether this ABORT was "
                "answered is unknown, and nothing was rolled back."
            )
            raise OperationRefused(
                message, next_step="read it and move it away; to roll back now, name a checkpoint with --to."
            ) from None

    def note(self, answer: RollbackAnswer) -> RollbackAnswer:
        """
        Adds an answer, or replaces the one that began at that moment.

        Raises:
            OperationRefused: if it cannot be written.
        """
        kept = [each for each in self.answers() if each.began_at != answer.began_at]
        content = json.dumps([asdict(each) for each in (*kept, answer)[-_MOST:]], indent=1, allow_nan=False)
        temporary = self.path.with_suffix(".new")
        try:
            with private_file(temporary) as file:
                file.write(masked(content).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.path)
            sync(self.path.parent)
        except OSError as error:
            raise self._not_written(error) from None
        return answer

    def _not_written(self, error: OSError) -> OperationRefused:
        message = f"expected to write the journal of rollbacks at {self.path}, found: {why(error)}."
        return OperationRefused(message, next_step="mend that: without it an ABORT could be answered twice.")


def begin(alerts: Sequence[FiringAlert], live: str, restored: str, at: float) -> RollbackAnswer:
    """An answer that is about to be given; `at` is the server's time."""
    return RollbackAnswer(time.time(), tuple(alerts), live, restored, at)


def over(answer: RollbackAnswer, outcome: Outcome, said: str, until: float) -> RollbackAnswer:
    """An answer that has been given; `until` is the server's time."""
    return replace(answer, outcome=outcome, said=said[:_SAID_CHARACTERS], until=max(until, answer.until))
