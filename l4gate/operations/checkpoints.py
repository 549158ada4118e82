"""
Configurations that earned a GO, kept by the hash of their content: what a rollback can go back to.

    STATE/checkpoints/<live folder>/<hash>/config/...        the files, byte for byte
    STATE/checkpoints/<live folder>/<hash>/manifest.json     when, by which evidence, at which factor

A checkpoint appears by one rename, complete and on the disk, or not at all. The hash finds what was damaged or edited;
it is no signature, so who may write to the state folder can still put anything there.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from l4gate.base import GateError, OperationRefused, UsageError, Verdict, masked, private_file, why, worst
from l4gate.machine import exclusive
from l4gate.operations.configuration import Configuration, sync
from l4gate.operations.journal import Journal
from l4gate.operations.kept import CONFIG, MANIFEST, Checkpoint, UnusableCheckpoint, load
from l4gate.report import decision_as_dict
from l4gate.rules import rules_hash
from l4gate.verdict import Look

KEEP: Final = 10  # a checkpoint has some 50 kB; ten promotions back nobody wants to go unseen
_TEMPORARY: Final = "new-"
_FORMAT: Final = 1
_LOCK: Final = "lock"
_LOCK_SECONDS: Final = 10.0  # a checkpoint is written in milliseconds, and who waits for one sees no ABORT
_SHORTEST_PREFIX: Final = 4
_CLOCK_SECONDS: Final = 30.0  # more than any clock is set back by under NTP


class CheckpointStore:
    """The checkpoints of one live folder."""

    def __init__(self, state_dir: Path, live_dir: Path, *, keep: int = KEEP) -> None:
        if keep < 1:
            message = f"expected to keep at least one checkpoint, found {keep}."
            raise UsageError(message)
        self.live_dir = live_dir.resolve()
        self.keep = keep
        # Two servers may share a state folder; neither may be given the other's configuration.
        name = hashlib.sha256(os.fsencode(self.live_dir)).hexdigest()[:16]
        self.folder = state_dir / "checkpoints" / name
        self.journal = Journal(state_dir / "rollbacks" / name)

    def all(self) -> tuple[Checkpoint, ...]:
        """
        The newest GO first, by their manifests alone. What has no readable manifest is no checkpoint; see `unusable`.

        Raises:
            OperationRefused: if the folder cannot be read.
        """
        return _newest_first(self._entries())

    def last_go(self) -> Checkpoint:
        """
        The one that earned the last GO: the only one to go back to unasked.

        Raises:
            OperationRefused: if there is none, or nobody can tell which one it is.
        """
        entries = self._entries()
        unread = [each for each in entries if isinstance(each, UnusableCheckpoint) and each.was_one]
        if unread:
            message = f"which configuration of {self.live_dir} earned the last GO cannot be told: {unread[0]}"
            raise OperationRefused(
                message, next_step="take it away from there, or name a checkpoint with --to."
            )
        found = _newest_first(entries)
        if not found:
            message = (
                f"there is nothing to go back to: no configuration of {self.live_dir} has earned a GO yet."
            )
            raise OperationRefused(
                message, next_step="mend the live one, and run l4gate checkpoint at the next GO."
            )
        ahead = found[0].earned_at - time.time()
        if ahead > _CLOCK_SECONDS:
            message = (
                f"which configuration earned the last GO cannot be told: {found[0]} is {ahead:.0f} s ahead."
            )
            raise OperationRefused(message, next_step="set the clock right, or name a checkpoint with --to.")
        return found[0]

    def unusable(self) -> tuple[UnusableCheckpoint, ...]:
        """
        What cannot be gone back to, by name, with the reason: no manifest, or other files than those that earned a GO.

        Raises:
            OperationRefused: if the folder cannot be read.
        """
        found = []
        for each in self._entries():
            if isinstance(each, UnusableCheckpoint):
                found.append(each)
                continue
            try:
                each.configuration()
            except GateError as error:
                found.append(UnusableCheckpoint(each.folder, error.message))
        return tuple(sorted(found, key=lambda each: each.folder.name))

    def _entries(self) -> list[Checkpoint | UnusableCheckpoint]:
        try:
            paths = list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"expected a folder with checkpoints in {self.folder}, found: {why(error)}."
            raise OperationRefused(message) from None
        return [load(path) for path in paths if path.name != _LOCK and not path.name.startswith(_TEMPORARY)]

    def find(self, prefix: str) -> Checkpoint:
        """
        The one whose hash begins so.

        Raises:
            UsageError: if there is none, or more than one.
        """
        found = [each for each in self.all() if each.hash.startswith(prefix.lower())]
        if len(prefix) < _SHORTEST_PREFIX or len(found) != 1:
            names = ", ".join(each.hash[:16] for each in self.all()) or "none at all"
            message = (
                f"expected the first {_SHORTEST_PREFIX} or more digits of one checkpoint, found {prefix!r}; "
                f"kept for {self.live_dir}: {names}."
            )
            raise UsageError(message)
        return found[0]

    def save(self, content: Configuration, looks: Sequence[Look], *, factor: float, url: str) -> Checkpoint:
        """
        Keeps a configuration; one that is kept already gets the new evidence. Older ones than the newest `keep` go.

        Raises:
            OperationRefused: if the looks are no GO.
        """
        verdict = worst(look.decision.verdict for look in looks)
        if verdict is not Verdict.GO:
            cause = next((look.decision.cause for look in looks if look.decision.cause), None)
            message = (
                f"expected a GO to keep {self.live_dir}, found {verdict.name}: {cause or 'no look at all'}"
            )
            raise OperationRefused(message)
        manifest: dict[str, Any] = {
            "format": _FORMAT,
            "hash": content.hash,
            "live_dir": str(self.live_dir),
            "url": url,
            "factor": factor,
            "rules_hash": rules_hash(content.rules()),
            "realms": [decision_as_dict(look.decision) for look in looks],
        }
        with self._locked():
            # Never before what earned its GO before it, although a clock may be set back.
            last = max((math.nextafter(each.earned_at, math.inf) for each in self.all()), default=0.0)
            manifest["earned_at"] = earned_at = max(time.time(), last)
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self.folder))
            content.write(temporary / CONFIG, access={})  # this user's alone
            with private_file(temporary / MANIFEST) as file:
                file.write(masked(json.dumps(manifest, indent=2, allow_nan=False)).encode())
                file.flush()
                os.fsync(file.fileno())
            sync(temporary)
            self._put(temporary, content.hash)
            for old in self.all()[self.keep :]:
                self._put_aside(old.folder)
            sync(self.folder)
        return Checkpoint(content.hash, self.folder / content.hash, earned_at, manifest)

    def _put(self, temporary: Path, name: str) -> None:
        """Gives a complete folder its name; if it is there already and whole, only the manifest is new."""
        place = self.folder / name
        existing = load(place)
        try:
            if isinstance(existing, Checkpoint):
                existing.configuration()
                (temporary / MANIFEST).rename(place / MANIFEST)
                sync(place)
                shutil.rmtree(temporary)
                return
        except GateError:
            pass  # damaged: the whole one takes its place
        if os.path.lexists(place):
            self._put_aside(place)
        temporary.rename(place)

    def _put_aside(self, folder: Path) -> None:
        """Takes a checkpoint away in one step; `_remove_leftovers` deletes it file by file."""
        folder.rename(Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self.folder)) / folder.name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with exclusive(self.folder / _LOCK, deadline_seconds=_LOCK_SECONDS):
                self._remove_leftovers()
                yield
                self._remove_leftovers()
        except OSError as error:
            message = f"expected to keep a checkpoint in {self.folder}, found: {error}."
            raise OperationRefused(message, next_step="mend that; what was kept before is kept.") from None

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(f"{_TEMPORARY}*"):
            _remove(path)


def _newest_first(entries: Sequence[Checkpoint | UnusableCheckpoint]) -> tuple[Checkpoint, ...]:
    found = [each for each in entries if isinstance(each, Checkpoint)]
    return tuple(sorted(found, key=lambda each: each.earned_at, reverse=True))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
