"""Prometheus' own opinion of the configuration and every rule file that it loads."""

from __future__ import annotations

import glob
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from l4gate.base import CONFIG_BYTES, GateError
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import CONFIG_NAME, Repository, entry, items, plain

_ARGUMENTS: Final = ("check", "config", "--lint=all", "--lint-fatal", CONFIG_NAME)
_MOST_FILES: Final = 100_000  # that a pattern may match
_PLACE: Final = re.compile(r"(?P<file>[\w./-]+\.ya?ml): (?:(?P<line>\d+):(?P<column>\d+): )?(?P<what>.+)")


@check(
    "promtool/check",
    title="promtool accepts the configuration and every rule file",
    why="Prometheus refuses the whole reload when one file is wrong, and goes on with the old rules.",
    mend="Correct what promtool names; `promtool check config --lint=all --lint-fatal prometheus.yml` says"
    " it again.",
)
def promtool_check(facts: Facts) -> Iterator[Problem]:
    """Runs promtool once over everything; without a promtool the check has not been made, and says so."""
    repository = facts.repository
    if facts.promtool is None:
        yield Problem(
            f"promtool could not be asked: {facts.why_no_promtool}",
            Place(repository.config_name),
            not_run=True,
        )
        return
    special = next(_special_files(repository), None)
    if special:
        most = f"{CONFIG_BYTES >> 20} MiB"
        what = (
            f"promtool was not asked: it would read {special}, which is no file, or one of more than {most}"
        )
        yield Problem(what, Place(repository.config_name), not_run=True)
        return
    try:
        result = facts.promtool.run(*_ARGUMENTS, folder=repository.folder)
    except GateError as error:
        yield Problem(f"promtool could not be asked: {error}", Place(repository.config_name), not_run=True)
        return
    if result.returncode == 0:
        return
    said = [line.strip() for line in f"{result.stdout}\n{result.stderr}".splitlines() if line.strip()]
    wrong = said[said.index("FAILED:") + 1 :] if "FAILED:" in said else said
    named = [found for found in map(_PLACE.search, wrong) if found]
    for found in named:
        file = f"{repository.folder.name}/{found['file'].removeprefix('./')}"
        yield Problem(
            f"promtool {facts.promtool.version}: {found['what']}",
            Place(file, int(found["line"] or 0), int(found["column"] or 0)),
        )
    if not named:
        # What is wrong goes to stderr without the file; on stdout its block is the one that does not end in SUCCESS.
        blocks = result.stdout.split("Checking ")[1:]
        failed = [block.split()[0] for block in blocks if "SUCCESS" not in block]
        file = f"{repository.folder.name}/{failed[0] if failed else CONFIG_NAME}"
        text = " ".join(wrong) or f"exit code {result.returncode} without a word"
        yield Problem(f"promtool {facts.promtool.version}: {text}", Place(file))


def _special_files(repository: Repository) -> Iterator[Path]:
    """Devices, FIFOs, sockets and huge files that the configuration makes promtool read: it would do so for ever."""
    sources = [entry(job, "file_sd_configs") for job in items(entry(repository.config, "scrape_configs"))]
    lists = [entry(source, "files") for found in sources for source in items(found)]
    patterns = [
        plain(node) for found in (entry(repository.config, "rule_files"), *lists) for node in items(found)
    ]
    for pattern in patterns:
        try:
            found = islice(glob.iglob(pattern, root_dir=repository.folder), _MOST_FILES)  # noqa: PTH207 - absolute as well
            yield from (path for path in map(repository.folder.joinpath, found) if _is_special(path))
        except (ValueError, OSError):  # a pattern that nobody can look for, so promtool reads nothing by it
            continue


def _is_special(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    is_file = stat.S_ISREG(status.st_mode)
    return status.st_size > CONFIG_BYTES if is_file else not stat.S_ISDIR(status.st_mode)
