"""Which code and which checkout this is, as a verdict names them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_NOT_CODE: Final = frozenset({"_files", "__pycache__"})
_GIT_SECONDS: Final = 10.0  # takes some 10 ms; a checkout on a slow network share takes longer


@cache
def sources_hash() -> str:
    """SHA-256 over all that l4gate's own package is made of: a version says what it should be, this what it is."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        inside = path.relative_to(_PACKAGE)
        if _NOT_CODE.isdisjoint(inside.parts) and path.is_file():
            content = path.read_bytes()
            digest.update(f"{inside.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def commit_of(folder: Path) -> str:
    """The commit of the checkout that a folder is in, marked if files in it are changed; else why there is none."""
    git = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    # A hook of git sets GIT_DIR and the like, which would answer for the hook's checkout in place of the folder's.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            git, capture_output=True, text=True, check=False, timeout=_GIT_SECONDS, env=environment
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return "unknown (git did not answer)"
    return done.stdout.strip() or "unknown (no git checkout)"
