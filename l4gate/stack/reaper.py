"""
Removing what dead runs left behind: processes, folders (scratch folders too), containers and networks.

A run that ends in any way but SIGKILL cleans up after itself. What the others leave carries the name of its run, and
that name its owner (see `owner`): only what belongs to a process that is known to be dead is touched, or, if the owner
was of another boot or PID namespace, where nobody here can tell, what is older than a day. A run that was kept on
purpose (`--keep-stack`) is left alone until it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import wait_until
from l4gate.machine import (
    FOLDER_VARIABLE,
    RUN_FOLDERS,
    RUN_VARIABLE,
    all_owned,
    is_own,
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
        Leftover("process", str(pid), run_id, run_id in kept or _is_kept(folder), started)
        for pid, started, run_id, folder in _processes(runs)
        if wanted(run_id, ages.get(run_id, 0.0))
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
    Removes what was found, kept or not, and returns it.

    Raises:
        NotReady: if a process does not end.
    """
    in_engine = [(each.kind, each.name) for each in found if each.kind in ("container", "network")]
    if in_engine:
        remove(in_engine)
    processes = [(int(each.name), each.started) for each in found if each.kind == "process"]
    for pid, started in processes:
        # It may have ended since it was found, and its PID may be somebody else's by now.
        if start_time(pid) == started:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

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
    return found


def _is_kept(folder: str) -> bool:
    """Whether a run is kept by what its folder says, which may be under another TMPDIR than ours."""
    return folder != "" and RunDir(Path(folder)).is_kept


def _processes(runs: Iterable[RunDir]) -> Iterator[tuple[int, int, str, str]]:
    """PID, start time, run and the run's folder (or empty) of every process of this user that a run started."""
    if not Path("/proc/self/environ").exists():
        yield from _written_down(runs)
        return
    for pid in _own_pids():
        # First, so that a process which takes the PID over after this is not taken for this one.
        started = start_time(pid)
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            run_id = _value_in(words, RUN_VARIABLE)
            if run_id is not None and started is not None:
                yield pid, started, run_id, _value_in(words, FOLDER_VARIABLE) or ""


def _value_in(words: list[bytes], variable: str) -> str | None:
    """The value of a variable in an environment as /proc shows it; None where it is not set."""
    marker = f"{variable}=".encode()
    found = next((word.removeprefix(marker) for word in words if word.startswith(marker)), None)
    return None if found is None else os.fsdecode(found)


def _written_down(runs: Iterable[RunDir]) -> Iterator[tuple[int, int, str, str]]:
    """Where nobody can read environments, a run has written its PIDs down."""
    for run_dir in runs:
        for path in run_dir.pids.glob("*"):
            with contextlib.suppress(OSError, ValueError):
                pid, started = (int(word) for word in path.read_text().split())
                if start_time(pid) == started:
                    yield pid, started, run_dir.run_id, str(run_dir.root)


def _own_pids() -> Iterator[int]:
    with contextlib.suppress(OSError), os.scandir("/proc") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                    yield int(entry.name)
