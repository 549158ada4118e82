"""Puts the reports into their folder, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from l4gate.base import shown
from l4gate.report.as_json import render_json
from l4gate.report.html import render_html
from l4gate.report.junit import render_junit
from l4gate.report.model import RunReport

STEM: Final = "l4-verdict"
_RENDERERS: Final = {".xml": render_junit, ".json": render_json, ".html": render_html}


def write_atomically(path: Path, text: str) -> None:
    """Writes a file, as it may be shown, so that a reader sees the old one or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(shown(text))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget_reports(folder: Path) -> None:
    """
    Removes the reports of older runs; where a folder lets nobody remove them, they are emptied.

    Raises:
        OSError: if a report can be neither removed nor emptied.
    """
    for suffix in _RENDERERS:
        path = folder / f"{STEM}{suffix}"
        try:
            path.unlink(missing_ok=True)
        except OSError:
            os.truncate(path, 0)


def write_reports(report: RunReport, folder: Path) -> tuple[Path, ...]:
    """Writes JUnit, JSON and HTML; returns their paths."""
    written = []
    for suffix, render in _RENDERERS.items():
        path = folder / f"{STEM}{suffix}"
        write_atomically(path, render(report))
        written.append(path)
    return tuple(written)
