"""Faults around the writer: what cron and its host do to the script, its files, its tools and its runs."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from l4gate.base import Verdict, wait_until
from l4gate.faults.model import Action, Fault, Site
from l4gate.faults.tools import (
    elsewhere,
    heart_set,
    sourced,
)
from l4gate.faults.transport import PUSH_IS_REQUIRED

_SECONDS: Final = 10.0
# All that the script runs beside bash itself; what a fault leaves out is not there.
_TOOLS: Final = ("base64", "chmod", "curl", "date", "dd", "flock", "mkdir", "mv", "rm", "stat")
_ONE_PATH: Final = ("writer/one-path-failed", "scrape/paths-disagree")


@contextmanager
def _killed_in_mid_write(site: Site) -> Iterator[None]:
    heart = site.sandbox.heart
    script = site.sandbox.stack.run_dir / "kill.bash"
    script.write_text("mv() { kill -9 $$; }\n")
    result = heart.beat(BASH_ENV=str(script))
    script.unlink()
    if result.returncode != -signal.SIGKILL:
        message = f"the script was not killed: it ended with {result.returncode}"
        raise RuntimeError(message)
    yield
    folder = site.sandbox.stack.textfile_dir
    wait_until(
        lambda: not list(folder.glob(".*.tmp")),
        deadline_seconds=_SECONDS,
        interval_seconds=0.02,
        what="the next run to clean up after the killed one",
    )


@contextmanager
def _overlapping(site: Site) -> Iterator[None]:
    heart = site.sandbox.heart
    with ExitStack() as ends:
        environment = {"PATH": os.defpath, **heart._settings, **heart.overrides}  # noqa: SLF001 - as `Heart.beat`
        runs = [
            ends.enter_context(
                subprocess.Popen(
                    [str(heart.script)], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            )
            for _ in range(20)
        ]
        for run in runs:
            run.wait(_SECONDS)
    failed = sum(run.returncode != 0 for run in runs)
    if failed:
        message = f"{failed} of 20 runs failed"
        raise RuntimeError(message)
    yield


def _state(change: Callable[[Path], object]) -> Action:
    @contextmanager
    def action(site: Site) -> Iterator[None]:
        change(site.sandbox.stack.run_dir / "heartbeat" / "sequence")
        yield

    return action


def _with_tools(*left_out: str) -> Action:
    @contextmanager
    def action(site: Site) -> Iterator[None]:
        tools = site.sandbox.stack.run_dir / "tools"
        tools.mkdir()
        for name in _TOOLS:
            if name not in left_out:
                (tools / name).symlink_to(shutil.which(name) or "/bin/false")
        with heart_set(site, PATH=str(tools)):
            yield
        shutil.rmtree(tools)

    return action


@contextmanager
def _lock_held(site: Site) -> Iterator[None]:
    with (site.sandbox.stack.run_dir / "heartbeat" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with heart_set(site, DURI_LOCK_SECONDS="0.1"):
            yield


@contextmanager
def _not_there(site: Site) -> Iterator[None]:
    heart = site.sandbox.heart
    script, heart.script = heart.script, elsewhere(site)
    yield
    heart.script = script


@contextmanager
def _hangs(site: Site) -> Iterator[None]:
    flag = site.sandbox.stack.run_dir / "hanging"
    flag.touch()
    code = f"while [[ -e {flag} ]]; do read -rt 0.1 <> <(:) || :; done\n"
    try:
        with sourced(site, code):
            yield
    finally:
        flag.unlink()


def _cannot_mount() -> str:
    return "" if os.geteuid() == 0 and shutil.which("mount") else "mounting a small tmpfs takes root"


@contextmanager
def _disk_full(site: Site) -> Iterator[None]:
    folder = site.sandbox.stack.run_dir / "full"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        folder.rmdir()
        raise RuntimeError(done.stderr.strip())
    try:
        (folder / "filler").write_bytes(b"x" * 4096)
        with heart_set(site, DURI_TEXTFILE_DIR=str(folder)):
            yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)
        folder.rmdir()


FAULTS: Final = (
    Fault(
        "writer/killed-in-mid-write",
        "A run is killed between writing its file and renaming it.",
        _killed_in_mid_write,
        Verdict.GO,
    ),
    Fault("writer/overlapping-runs", "cron starts twenty runs at once.", _overlapping, Verdict.GO),
    Fault(
        "writer/sequence-lost",
        "The file with the sequence is lost.",
        _state(lambda path: path.unlink(missing_ok=True)),
        Verdict.GO,
    ),
    Fault(
        "writer/sequence-torn",
        "The file with the sequence holds half a number and a NUL.",
        _state(lambda path: path.write_bytes(b"12\0")),
        Verdict.GO,
    ),
    Fault(
        "writer/textfile-folder-missing",
        "The folder for textfiles is not there; the push still delivers.",
        lambda site: heart_set(site, DURI_TEXTFILE_DIR=str(elsewhere(site))),
        Verdict.GO,
        warnings=_ONE_PATH,
    ),
    Fault(
        "writer/disk-full",
        "The disk of the textfiles is full; the push still delivers.",
        _disk_full,
        Verdict.GO,
        warnings=_ONE_PATH,
        needs=_cannot_mount,
    ),
    Fault(
        "writer/no-curl",
        "There is no curl in cron's PATH; the textfile still delivers, but the push is required.",
        _with_tools("curl"),
        Verdict.HOLD,
        "transport/push-failed",
        reason=PUSH_IS_REQUIRED,
    ),
    Fault(
        "writer/bare-path",
        "cron's PATH has none of the programs that the script needs.",
        _with_tools(*_TOOLS),
        Verdict.HOLD,
        "writer/stale",
    ),
    Fault(
        "writer/state-folder-unusable",
        "The folder for the sequence cannot be made.",
        lambda site: heart_set(site, DURI_STATE_DIR="/proc/no-such-folder"),
        Verdict.HOLD,
        "writer/stale",
    ),
    Fault(
        "writer/lock-held", "A run that never ends holds the lock.", _lock_held, Verdict.HOLD, "writer/stale"
    ),
    Fault(
        "writer/script-missing",
        "cron calls a script that is not there.",
        _not_there,
        Verdict.HOLD,
        "writer/stale",
    ),
    Fault(
        "writer/hangs", "The script hangs before it has done anything.", _hangs, Verdict.HOLD, "writer/stale"
    ),
    Fault(
        "writer/file-descriptors",
        "The script may open no further file.",
        lambda site: sourced(site, "ulimit -n 3\n"),
        Verdict.HOLD,
        "writer/stale",
    ),
)
