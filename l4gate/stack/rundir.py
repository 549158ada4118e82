"""The folder of one run: everything that a run writes is in it, and goes with it."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.machine import RUN_FOLDERS, all_owned, make_owned, remove_owned

_ABOUT: Final = "run.json"
_KEPT: Final = "kept"


@dataclass(frozen=True)
class RunDir:
    """The layout of a run's folder."""

    root: Path

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.root.name.removeprefix(f"{RUN_FOLDERS}-")

    @property
    def config(self) -> Path:
        """The live configuration."""
        return self.root / "config"

    @property
    def data(self) -> Path:
        """The TSDB."""
        return self.root / "data"

    @property
    def pushgateway(self) -> Path:
        """The Pushgateway's persistence file."""
        return self.root / "pushgateway"

    @property
    def alertmanager(self) -> Path:
        """The Alertmanager's silences and what it has sent."""
        return self.root / "alertmanager"

    @property
    def textfile(self) -> Path:
        """The .prom files."""
        return self.root / "textfile"

    @property
    def held_rules(self) -> Path:
        """Where the rules wait until the targets have been scraped."""
        return self.root / "held-rules"

    @property
    def logs(self) -> Path:
        """One log per service."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """One file per process of this run: its PID and start time."""
        return self.root / "pids"

    @property
    def is_kept(self) -> bool:
        """Whether somebody wanted the stack to outlive its run."""
        return os.path.lexists(self.root / _KEPT)  # False for what is no path at all

    @property
    def kind(self) -> str:
        """The kind of stack, or empty if the run died before it was written down."""
        try:
            return str(json.loads((self.root / _ABOUT).read_text())["kind"])
        except (OSError, ValueError, LookupError, TypeError):
            return ""

    @property
    def age_seconds(self) -> float:
        """Since the run began; 0 if it has gone meanwhile."""
        try:
            return time.time() - self.pids.stat().st_ctime
        except OSError:
            return 0.0

    def keep(self) -> None:
        """Marks the run as to be left alone."""
        (self.root / _KEPT).touch()

    def give_to(self, owner: int | None) -> None:
        """Lets another user read the configuration and write the data; nothing to do for None, who is ourselves."""
        if owner is None:
            return
        for folder in (self.data, self.pushgateway, self.alertmanager):
            for path in (folder, *folder.rglob("*")):
                with suppress(FileNotFoundError):  # a service that runs may have put away a file of its own
                    os.chown(path, owner, owner, follow_symlinks=False)
        for path in (self.config, *self.config.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))

    def remove(self) -> None:
        """Removes the folder, and the one around it if it was the last; one that has gone already is fine."""
        remove_owned(self.root)


def new_run_dir(run_id: str, kind: str) -> RunDir:
    """
    Makes the folder of a run with its parts.

    Raises:
        StackError: if the folder around it is not this user's own.
    """
    # Nobody gets there through the folder around it, but a container's user may.
    run_dir = RunDir(make_owned(RUN_FOLDERS, run_id, mode=0o755))
    (run_dir.root / _ABOUT).write_text(json.dumps({"kind": kind}))
    for part in (
        run_dir.config,
        run_dir.data,
        run_dir.pushgateway,
        run_dir.alertmanager,
        run_dir.textfile,
        run_dir.logs,
        run_dir.pids,
    ):
        part.mkdir(mode=0o755)
    return run_dir


def all_run_dirs() -> list[RunDir]:
    """The folders of all runs of this user, dead and alive."""
    return [RunDir(each.root) for each in all_owned() if each.purpose == RUN_FOLDERS]
