"""A program of the Prometheus family: its names, the generation that it was released with, the version it reports."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Generation:
    """A set of programs that were released together, and the Debian suite that has them."""

    suite: str
    pushgateway: str
    node_exporter: str
    alertmanager: str


RELEASES: Final = {
    "2.42": Generation("bookworm", "1.5", "1.5", "0.25"),
    "2.53": Generation("trixie", "1.11", "1.9", "0.28"),
    "3.5": Generation("sid", "1.11", "1.11", "0.33"),
}
# Our name for a program, and the names it has on PATH and in packages.
FILE_NAMES: Final = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "pushgateway": ("pushgateway", "prometheus-pushgateway"),
    "node_exporter": ("node_exporter", "prometheus-node-exporter"),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
}
_VERSION_TIMEOUT_SECONDS: Final = 10.0  # takes 50 ms; a program that hangs here is not one of ours


@dataclass(frozen=True)
class Program:
    """
    One program that can be run: our name, file, version as it reports it, and where it is from.

    Attributes:
        wanted: the generation that was asked for, when this program is not of it, else empty.
        why: why that generation could not be had, where anybody knows.
    """

    name: str
    path: Path
    version: str
    source: str
    wanted: str = ""
    why: str = ""

    @property
    def origin(self) -> str:
        """Where it is from, and that it is not what was wanted, for the evidence."""
        return f"{self.source}, nearest to the wanted {self.wanted}" if self.wanted else self.source


def release_of(version: str) -> tuple[int, int]:
    """Major and minor of a version, such as (3, 5) of 3.5.3+ds1. Raises ValueError if it does not begin with them."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def is_of(program: Program, generation: str) -> bool:
    """Whether it was released with a generation of `settings.GENERATIONS`; the others count for themselves."""
    release = RELEASES[generation]
    releases = {
        "pushgateway": release.pushgateway,
        "node_exporter": release.node_exporter,
        "alertmanager": release.alertmanager,
        "amtool": release.alertmanager,
    }
    prefix = releases.get(program.name, generation)
    return program.version == prefix or program.version.startswith(prefix + ".")


def version_of(path: Path) -> str | None:
    """What `--version` says, or None if this is not a program of the Prometheus family that runs here."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"version (\d+\.\d+\.\d+[^ ]*)", answer.stdout + answer.stderr)
    return found[1] if found and answer.returncode == 0 else None
