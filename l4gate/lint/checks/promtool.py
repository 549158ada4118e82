"""Prometheus' own opinion of the configuration and every rule file that it loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from l4gate.base import GateError
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import CONFIG_NAME

_ARGUMENTS: Final = ("check", "config", "--lint=all", "--lint-fatal", CONFIG_NAME)
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
