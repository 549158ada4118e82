"""Whether what is judged by is fit to judge by: asked before a server is, as a verdict is worth what its rules are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from l4gate.base import UsageError
from l4gate.contract import CONTRACT_NAME, Contract
from l4gate.lint.checks import alerting
from l4gate.lint.checks.promtool import promtool_check
from l4gate.lint.engine import lint
from l4gate.lint.model import Check, Finding
from l4gate.lint.waivers import UNUSED

# promtool takes longer than all others together, and the server has already read what it would read. An exception that
# nothing needs is for whoever keeps the rules; without promtool nobody knows what it was for. On who is told no verdict
# depends.
_LEFT_OUT: Final = frozenset(
    {promtool_check.id, UNUSED.id, *(each.id for each in vars(alerting).values() if isinstance(each, Check))}
)


def ensure_sound(folder: Path, contract: Contract) -> None:
    """
    Makes every check of a config folder that needs no promtool.

    Args:
        folder: has prometheus.yml, rules/ and targets/.
        contract: what it is held to if it has none of its own.

    Raises:
        UsageError: with the first finding, if there is one.
    """
    held_to = None if (folder / CONTRACT_NAME).exists() else contract
    report = lint(folder, promtool=None, why_no_promtool="it is not needed here", contract=held_to)
    found = [each for each in report.findings if each.id not in _LEFT_OUT]
    if found or report.not_made:
        raise UsageError(_said(folder, found, report.not_made), next_step=f"run l4gate lint {folder}.")


def _said(folder: Path, found: list[Finding], not_made: tuple[str, ...]) -> str:
    if not found:
        return f"expected rules in {folder} that can be checked, found none of {', '.join(not_made)} made."
    first, others = found[0], len(found) - 1
    place = f"{folder.parent / first.place.file}:{first.place.line}"
    more = f", and {others} other finding{'s' * (others != 1)}" if others else ""
    return f"expected sound rules to judge by, found {place}: {first.what} ({first.id}){more}."
