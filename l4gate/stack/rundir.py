"""The folder of one run: everything that a run writes is in it, and goes with it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.errors import StackError

_PREFIX: Final = "run-"
_ABOUT: Final = "run.json"
_KEPT: Final = "kept"


@dataclass(frozen=True)
class RunDir:
    """The layout of a run's folder."""

    root: Path

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.root.name.removeprefix(_PREFIX)

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
        return (self.root / _KEPT).exists()

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

    def remove(self) -> None:
        """Removes the folder, and the one around it if it was the last; one that has gone already is fine."""
        shutil.rmtree(self.root, ignore_errors=True)
        with suppress(OSError):
            self.root.parent.rmdir()


def base_dir() -> Path:
    """Where the folders of this user's runs are. It may not be there."""
    return Path(tempfile.gettempdir()) / f"l4gate-{os.getuid()}"


def _make(root: Path) -> None:
    """Makes the folder of a run in one that is for nobody else to write to."""
    base = root.parent
    base.mkdir(mode=0o700, exist_ok=True)
    status = base.lstat()
    if status.st_uid != os.getuid() or not base.is_dir() or base.is_symlink():
        message = f"expected {base} to be a folder of this user, found somebody else's."
        raise StackError(message, next_step="remove it, or set TMPDIR to a folder of your own.")
    root.mkdir(mode=0o755)  # nobody gets here through the folder around it, but a container's user may


def new_run_dir(run_id: str, kind: str) -> RunDir:
    """Makes the folder of a run with its parts."""
    run_dir = RunDir(base_dir() / f"{_PREFIX}{run_id}")
    try:
        _make(run_dir.root)
    except FileNotFoundError:  # another run, the last one until now, has just removed the folder around it
        _make(run_dir.root)
    (run_dir.root / _ABOUT).write_text(json.dumps({"kind": kind}))
    for part in (
        run_dir.config,
        run_dir.data,
        run_dir.pushgateway,
        run_dir.textfile,
        run_dir.logs,
        run_dir.pids,
    ):
        part.mkdir(mode=0o755)
    return run_dir


def all_run_dirs() -> list[RunDir]:
    """The folders of all runs of this user, dead and alive."""
    return [RunDir(path) for path in sorted(base_dir().glob(f"{_PREFIX}*"))]
