"""
Removing what dead runs left behind: processes, folders (scratch folders too), containers and networks.

A run that ends in any way but SIGKILL cleans up after itself. What the others leave carries the name of its run, and
that name its owner (see `owner`): only what belongs to a process that is known to be dead is touched, or, if the owner
was of another boot or PID namespace, where nobody here can tell, what is older than a day. A run that was kept on
purpose (`--keep-stack`) is left alone until it is asked for.

A process is ours by the run's name in its environment, which children inherit: one that outlives its run is a leftover
by design, whoever started it. Those that this process was started from are spared, and those that read from a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import wait_until
from l4gate.machine import (
    RUN_FOLDERS,
    Marked,
    all_marked,
    all_owned,
    is_own,
    kill,
    owner_of,
    remove_owned,
    start_time,
)
from l4gate.stack.engine import labelled, remove
from l4gate.stack.rundir import RunDir

_END_SECONDS: Final = 10.0  # takes a few ms; longer only in an uninterruptible read
_FOREIGN_SECONDS: Final = 86_400.0  # the longest rehearsal runs for a day

# Whether a run, by its name and its age in seconds, is among those whose things are wanted.
Wanted = Callable[[str, float], bool]


@dataclass(frozen=True)
class Leftover:
    """Something of a dead run: `kind` is process (`started`: its start time), folder, container or network."""

    kind: str
    name: str
    run_id: str
    kept: bool = False
    started: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of run {self.run_id}{' (kept on purpose)' if self.kept else ''}"


def survey(*, engine: bool = True) -> list[Leftover]:
    """
    What dead runs have left behind, kept runs included.

    Args:
        engine: also ask the container engine, if one answers. Else only when a dead run is known to have used it.
    """
    return _survey(is_dead, engine=engine)


def reap(*, engine: bool) -> list[Leftover]:
    """
    Removes what `survey` finds, kept runs excluded, and returns it. Several runs may do this at once.

    Raises:
        NotReady: if a process does not end.
    """
    return remove_leftovers([each for each in survey(engine=engine) if not each.kept])


def reap_own(*, engine: bool) -> None:
    """
    Removes what this very process has made and not removed, kept runs excluded: for its last moments.

    Raises:
        NotReady: if a process does not end.
    """
    remove_leftovers(
        [each for each in _survey(lambda run_id, _age: is_own(run_id), engine=engine) if not each.kept]
    )


def is_dead(run_id: str, age_seconds: float) -> bool:
    """Whether the owner of a run is known to be dead, or is unknown and the run older than a day."""
    owner = owner_of(run_id)
    if owner is None:
        return False  # not a name that we gave
    return not owner.is_alive() if owner.is_here() else age_seconds > _FOREIGN_SECONDS


def _survey(wanted: Wanted, *, engine: bool) -> list[Leftover]:
    owned = [each for each in all_owned() if wanted(each.run_id, each.age_seconds)]
    ages = {each.run_id: each.age_seconds for each in owned}
    runs = [RunDir(each.root) for each in owned if each.purpose == RUN_FOLDERS]
    kept = {each.run_id for each in runs if each.is_kept}
    found = [
        Leftover(
            "process", str(each.pid), each.run_id, each.run_id in kept or _is_kept(each.folder), each.started
        )
        for each in all_marked()
        if wanted(each.run_id, ages.get(each.run_id, 0.0))
    ]
    if engine or any(each.kind == "containers" for each in runs):
        found += [
            Leftover(each.kind, each.name, each.run_id, each.run_id in kept or _is_kept(each.folder))
            for each in labelled()
            if wanted(each.run_id, each.age_seconds)
        ]
    # Folders come last: as long as one is there, the next run looks for the rest.
    return found + [Leftover("folder", str(each.root), each.run_id, each.run_id in kept) for each in owned]


def remove_leftovers(found: list[Leftover]) -> list[Leftover]:
    """
    Removes what was found, kept or not, and returns what has gone by that.

    Raises:
        NotReady: if a process does not end.
    """
    in_engine = [(each.kind, each.name) for each in found if each.kind in ("container", "network")]
    if in_engine:
        remove(in_engine)
    # It may have ended since it was found, and its PID may be somebody else's by now: `kill` looks again.
    processes = [
        (int(each.name), each.started)
        for each in found
        if each.kind == "process" and kill(Marked(int(each.name), each.started, each.run_id))
    ]

    def alive() -> list[int]:
        return [pid for pid, started in processes if start_time(pid) == started]

    # A process that is still ending may write another file into the folder that is being removed.
    wait_until(
        lambda: not alive(),
        deadline_seconds=_END_SECONDS,
        interval_seconds=0.01,
        what="the processes of a dead run to end",
        last_seen=lambda: f"still there: {alive()}",
        next_step="see why they do not end, and kill them.",
    )
    for each in found:
        if each.kind == "folder":
            remove_owned(Path(each.name))
    ended = {str(pid) for pid, _ in processes}
    return [each for each in found if not _is_left(each, ended)]


def _is_left(thing: Leftover, ended: Collection[str]) -> bool:
    """Whether something is still there, or was not ours any more when its end had come."""
    if thing.kind == "process":
        return thing.name not in ended
    return thing.kind == "folder" and os.path.lexists(thing.name)


def _is_kept(folder: str) -> bool:
    """Whether a run is kept by what its folder says, which may be under another TMPDIR than ours."""
    return folder != "" and RunDir(Path(folder)).is_kept
