"""
Removing what dead runs left behind: processes, folders, containers and networks.

A run that ends in any way but SIGKILL cleans up after itself. What the others leave carries the name of its run, and
that name its owner (see `owner`): only what belongs to a process that is known to be dead is touched, or, if the owner
was of another boot or PID namespace, where nobody here can tell, what is older than a day. A run that was kept on
purpose (`--keep-stack`) is left alone until it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.stack.engine import labelled, remove
from l4gate.stack.owner import owner_of, start_time
from l4gate.stack.processes import RUN_VARIABLE
from l4gate.stack.rundir import RunDir, all_run_dirs
from l4gate.wait import wait_until

_END_SECONDS: Final = 10.0  # takes a few ms; longer only in an uninterruptible read
_FOREIGN_SECONDS: Final = 86_400.0  # the longest rehearsal runs for a day


@dataclass(frozen=True)
class Leftover:
    """Something of a dead run: `kind` is process, folder, container or network."""

    kind: str
    name: str
    run_id: str
    kept: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of run {self.run_id}{' (kept on purpose)' if self.kept else ''}"


def survey(*, engine: bool = True) -> list[Leftover]:
    """
    What dead runs have left behind, kept runs included.

    Args:
        engine: also ask the container engine, if one answers. Else only when a dead run is known to have used it.
    """
    dirs = {each.run_id: each for each in all_run_dirs()}
    dead_dirs = [each for each in dirs.values() if is_dead(each.run_id, each.age_seconds)]
    kept = {each.run_id for each in dead_dirs if each.is_kept}
    found = [
        Leftover("process", str(pid), run_id, run_id in kept)
        for pid, run_id in _processes(dead_dirs)
        if is_dead(run_id, _age_of(dirs.get(run_id)))
    ]
    if engine or any(each.kind == "containers" for each in dead_dirs):
        found += [
            Leftover(kind, name, run_id, run_id in kept)
            for kind, name, run_id, age_seconds in labelled()
            if is_dead(run_id, age_seconds)
        ]
    # Folders come last: as long as one is there, the next run looks for the rest.
    return found + [Leftover("folder", str(each.root), each.run_id, each.is_kept) for each in dead_dirs]


def reap(*, engine: bool, include_kept: bool = False) -> list[Leftover]:
    """
    Removes what `survey` finds and returns it. Several runs may do this at once.

    Raises:
        NotReady: if a process does not end.
    """
    found = [each for each in survey(engine=engine) if include_kept or not each.kept]
    in_engine = [(each.kind, each.name) for each in found if each.kind in ("container", "network")]
    if in_engine:
        remove(in_engine)
    pids = [int(each.name) for each in found if each.kind == "process"]
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    # A process that is still ending may write another file into the folder that is being removed.
    wait_until(
        lambda: all(start_time(pid) is None for pid in pids),
        deadline_seconds=_END_SECONDS,
        interval_seconds=0.01,
        what="the processes of a dead run to end",
        last_seen=lambda: f"still there: {[pid for pid in pids if start_time(pid) is not None]}",
        next_step="see why they do not end, and kill them.",
    )
    for each in found:
        if each.kind == "folder":
            RunDir(Path(each.name)).remove()
    return found


def is_dead(run_id: str, age_seconds: float) -> bool:
    """Whether the owner of a run is known to be dead, or is unknown and the run older than a day."""
    owner = owner_of(run_id)
    if owner is None:
        return False  # not a name that we gave
    return not owner.is_alive() if owner.is_here() else age_seconds > _FOREIGN_SECONDS


def _age_of(run_dir: RunDir | None) -> float:
    return run_dir.age_seconds if run_dir else 0.0


def _processes(dead_dirs: Iterable[RunDir]) -> Iterator[tuple[int, str]]:
    """PID and run of every process of this user that a run started."""
    marker = f"{RUN_VARIABLE}=".encode()
    seen = set()
    for pid in _own_pids():
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            if marker in environment and start_time(pid) is not None:
                (run_id,) = (
                    word[len(marker) :] for word in environment.split(b"\0") if word.startswith(marker)
                )
                seen.add(pid)
                yield pid, run_id.decode()
    if not Path(
        "/proc/self/environ"
    ).exists():  # where nobody can read environments, the run wrote its PIDs down
        for run_dir in dead_dirs:
            for path in run_dir.pids.glob("*"):
                pid, started = (int(word) for word in path.read_text().split())
                if start_time(pid) == started:
                    yield pid, run_dir.run_id


def _own_pids() -> Iterator[int]:
    with contextlib.suppress(OSError), os.scandir("/proc") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                    yield int(entry.name)
