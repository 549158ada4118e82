"""The files that a prometheus.yml names: patterns as Go matches them, relative to its folder or not."""

from __future__ import annotations

import os
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath


def texts(value: object) -> list[str]:
    """The texts of a list in prometheus.yml; none of anything else."""
    return [str(each) for each in value] if isinstance(value, list) else []


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern of prometheus.yml, as Go matches it, is for a file of this path in the folder."""
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(os.path.normpath(pattern)).parts
    if pattern.startswith("/"):  # the server's own name of the folder stands before it
        wanted = wanted[-len(parts) :]
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, each.replace("[^", "[!")) for part, each in zip(parts, wanted, strict=True)
    )


def is_below(name: str, live: Path, folders: Collection[str]) -> bool:
    """Whether what prometheus.yml in `live` names stands in one of these folders beside it."""
    path = PurePosixPath(os.path.normpath(name))
    for root in (live.absolute(), live.resolve()):
        if path.is_relative_to(root):
            path = path.relative_to(root)
    return len(path.parts) > 1 and path.parts[0] in folders
