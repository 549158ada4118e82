"""
Starting a program that wants files of its package at a fixed place, where these are not.

Debian's Alertmanager reads its templates from /usr/share and does not start without them, whether a receiver uses one
or not. Out of the cache it gets them in a mount namespace of its own: it sees them there, and nobody else does.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from l4gate.base import ProgramMissing
from l4gate.programs.program import Program

TEMPLATES: Final = Path("/usr/share/prometheus/alertmanager")
TEMPLATE_NAMES: Final = ("default.tmpl", "email.tmpl")
# Each step replaces the one before, so that the process that is started is the program in the end. It reads nothing
# else in /usr/share.
_PLACE: Final = (
    f'mount -t tmpfs tmpfs {TEMPLATES.parents[1]} && mkdir -p {TEMPLATES} && cp "$1"/*.tmpl {TEMPLATES} '
    '&& shift && exec "$@"'
)


def command_of(program: Program) -> list[str]:
    """
    The words that start a program.

    Raises:
        ProgramMissing: if it would not find what it needs, and this machine has no way to give that to it.
    """
    folder = program.path.parent
    if TEMPLATES.is_dir() or not all((folder / name).is_file() for name in TEMPLATE_NAMES):
        return [str(program.path)]
    unshare = shutil.which("unshare")
    if unshare is None:
        message = (
            f"{program.name} of {program.source} needs its templates in {TEMPLATES}, and there is no unshare."
        )
        raise ProgramMissing(message, next_step="install prometheus-alertmanager, or name a program.")
    place = ["--user", "--map-root-user", "--mount", "sh", "-c", _PLACE, "sh", str(folder)]
    return [unshare, *place, str(program.path)]
