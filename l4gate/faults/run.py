"""Faults of the run itself: a second run of the gate, started on a machine that cannot carry it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from l4gate.base import ROOT, Verdict
from l4gate.faults.model import Fault, Site
from l4gate.machine import scratch
from l4gate.verdict import Cause, Decision, Evidence, Stage, Unreachable, decide

_RUN_SECONDS: Final = 60.0
_COMMAND: Final = ("faults", "inject", "query/html", "--seconds", "1")


def _second_run(*arguments: str, config: str = "", **environment: str) -> Callable[[Site], Decision]:
    """What `l4gate` says when it is to start a sandbox under these conditions; it may leave nothing behind."""

    def ask(site: Site) -> Decision:
        with scratch("second") as place:
            given = list(arguments)
            if config:
                given += ["--config-dir", str(_configured(site, place / "config", config))]
            (place / "tmp").mkdir()
            environ = {**os.environ, "TMPDIR": str(place / "tmp"), **environment}
            done = subprocess.run(
                [sys.executable, "-m", "l4gate", *_COMMAND, *given],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_RUN_SECONDS,
                check=False,
            )
            left = [path.name for path in (place / "tmp").glob("*/*")]
        held = [line for line in done.stderr.splitlines() if line.startswith("l4gate: HOLD:")]
        told = (held or done.stderr.strip().splitlines() or ["nothing"])[-1].replace(str(place), "FOLDER")
        started = "injecting" in done.stderr
        code = (
            "not-started"
            if held and not started and done.returncode == Verdict.HOLD.exit_code
            else "ended-oddly"
        )
        if left:
            code, told = "left-behind", ", ".join(left)
        cause = Cause(
            Stage.RUN,
            code,
            f"a sandbox that starts, or exit code {Verdict.HOLD.exit_code} and nothing left behind",
            f"exit code {done.returncode}: {told}",
            f"l4gate {' '.join(_COMMAND)}",
            "do what the message says; `l4gate doctor` looks at everything that a run needs.",
        )
        nothing = Unreachable("the sandbox", told)
        return decide(
            Evidence(
                site.contract,
                site.realm,
                time.time(),
                dict.fromkeys(site.contract.decisive, nothing),
                broken=(cause,),
            )
        )

    return ask


def _configured(site: Site, folder: Path, broken_rule: str) -> Path:
    """The repository's configuration with one more rule file."""
    shutil.copytree(site.sandbox.stack.spec.source, folder)
    (folder / "rules" / "broken.rules.yml").write_text(broken_rule)
    return folder


def _cannot_start(name: str, says: str, ask: Callable[[Site], Decision]) -> Fault:
    return Fault(f"run/{name}", says, lambda _site: nullcontext(), Verdict.HOLD, "run/not-started", ask=ask)


FAULTS: Final = (
    _cannot_start(
        "engine-gone",
        "Containers are asked for, and no engine answers.",
        _second_run("--stack", "containers", DOCKER_HOST="unix:///no-such-folder/docker.sock"),
    ),
    _cannot_start(
        "program-missing",
        "The setting for Prometheus names a file that is not there.",
        _second_run("--stack", "processes", L4_PROMETHEUS="/no-such-folder/prometheus"),
    ),
    _cannot_start(
        "program-broken",
        "The setting for the Pushgateway names a program that ends at once.",
        _second_run("--stack", "processes", L4_PUSHGATEWAY="/bin/false"),
    ),
    _cannot_start(
        "rules-broken",
        "The repository has a rule file that does not parse.",
        _second_run("--stack", "processes", config="groups: [{name: x, rules: [{record: y, expr: '('}]}]\n"),
    ),
)
