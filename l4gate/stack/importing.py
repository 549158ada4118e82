"""A history of blocks, imported into VictoriaMetrics sample by sample. Times are seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from l4gate.base import StackError
from l4gate.programs import Promtool
from l4gate.prometheus_api import new_session

_IMPORT_SECONDS: Final = 60.0  # a day of samples takes 1 s
_DUMPED: Final = re.compile(r'\{__name__="([^"]+)"(?:, )?(.*)\} (\S+) (-?\d+)')


def import_history(
    write: Callable[[Path, Promtool], None], promtool: Promtool, url: str, beside: Path
) -> None:
    """
    Has `write` fill a folder with blocks, and the VictoriaMetrics at `url` import what is in them.

    Raises:
        StackError: if promtool cannot dump the blocks, or VictoriaMetrics does not take them.
    """
    with TemporaryDirectory(dir=beside) as folder:
        write(Path(folder) / "blocks", promtool)
        # promtool dumps no folder without a log, and 2.53 works beside a folder of this name.
        for needed in ("blocks/wal", "data"):
            (Path(folder) / needed).mkdir()
        dumped = promtool.run("tsdb", "dump", "blocks", folder=Path(folder))
    if dumped.returncode != 0:
        message = f"promtool could not dump the history (exit {dumped.returncode}): {dumped.stderr.strip()}"
        raise StackError(message)
    with new_session(url) as session:
        answer = session.post(
            f"{url}/api/v1/import/prometheus",
            data="".join(_exposed(dumped.stdout)).encode(),
            timeout=_IMPORT_SECONDS,
        )
    if not answer.ok:
        message = f"VictoriaMetrics did not take the history: HTTP {answer.status_code}."
        raise StackError(message, next_step="see its log.")


def _exposed(dumped: str) -> Iterator[str]:
    """Lines of `promtool tsdb dump` in the form that every version imports."""
    for line in dumped.splitlines():
        found = _DUMPED.fullmatch(line)
        if found is None:
            message = f"expected a sample of promtool, found {line!r:.160}."
            raise StackError(message)
        name, labels, value, at = found.groups()
        yield f"{name}{{{labels}}} {value} {at}\n"
