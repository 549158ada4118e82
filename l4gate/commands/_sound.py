"""
What every verb that gives a verdict does first: lint what it is going to judge by.

That takes 0.1 s, so a clean result is kept for the day as an empty file in the cache folder. Its name is a hash of all
that the result depends on: every file of the config folder, the contract, l4gate's own sources, the day (exceptions
end). A folder in which somebody else could have made such a file is not believed, and what is not clean is never kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from l4gate.base import deadline
from l4gate.contract import contract_hash
from l4gate.machine import danger_in, is_ours, make_own, sources_hash
from l4gate.settings import Settings

_FOLDER: Final = "sound"
_MOST_FILES: Final = (
    1000  # beyond that nobody has named a config folder, and to lint is no slower than to hash
)
_MOST_BYTES: Final = 1 << 24


def ensure_sound_settings(settings: Settings) -> None:
    """
    Lints the config folder of these settings, unless it was clean today and nothing has changed since.

    Raises:
        UsageError: with the first finding, if there is one.
        ApiUnreachable: if it is not over within the deadline of the settings.
    """
    key = _key(settings)
    folder = settings.cache_dir.absolute() / _FOLDER
    if key and _is_known(folder, key):
        return
    from l4gate.lint import ensure_sound  # 0.04 s, which a known folder need not wait

    with deadline(time.monotonic() + settings.deadline):  # a folder may be as hostile as a server
        ensure_sound(settings.config_dir, settings.contract)
    if key and key == _key(settings):  # nobody has changed a file meanwhile
        _keep(folder, key)


def _key(settings: Settings) -> str:
    """The day and a hash of everything that the lint depends on; empty for a folder that cannot be read whole."""
    folder = settings.config_dir.absolute()
    digest = hashlib.sha256()
    parts = (sys.version, sources_hash(), contract_hash(settings.contract), str(folder))
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    try:
        # From each folder in it on, because rglob does not go into one that is a link, and the lint does.
        below = [path for each in folder.iterdir() for path in (each, *each.rglob("*"))]
        paths = sorted(path for path in below if path.is_file())
        if len(paths) > _MOST_FILES or sum(path.stat().st_size for path in paths) > _MOST_BYTES:
            return ""
        for path in paths:
            name, content = os.fsencode(path.relative_to(folder)), path.read_bytes()
            digest.update(b"%d:%d:" % (len(name), len(content)) + name + content)
    except OSError:
        return ""
    return f"{_today()}-{digest.hexdigest()}"


def _today() -> str:
    return datetime.now(tz=UTC).date().isoformat()


def _is_known(folder: Path, key: str) -> bool:
    try:
        return _is_ours_alone(folder) and _is_own(folder / key)
    except OSError:
        return False


def _keep(folder: Path, key: str) -> None:
    """Keeps a result; those of other days go. Without a folder to keep it in, the next command lints again."""
    with contextlib.suppress(OSError):
        make_own(folder)
        if not _is_ours_alone(folder):
            return
        for path in folder.iterdir():
            if not path.name.startswith(_today()):
                path.unlink(missing_ok=True)
        os.close(os.open(folder / key, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))


def _is_ours_alone(folder: Path) -> bool:
    return not folder.is_symlink() and not danger_in(folder)


def _is_own(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and is_ours(status)
