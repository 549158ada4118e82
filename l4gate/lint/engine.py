"""Makes all checks over a repository and gives the findings in the order of the files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from l4gate.base import GateError, UsageError, defect
from l4gate.contract import Contract, load_contract
from l4gate.lint.checks import (
    alerting,
    alerts,
    config,
    constants,
    contract,
    coverage,
    labels,
    realm,
    references,
    rules,
    samples,
    scraping,
    settings,
    values,
    windows,
)
from l4gate.lint.checks import (
    promtool as promtool_area,
)
from l4gate.lint.facts import Facts
from l4gate.lint.model import Check, Finding, Waived, finding
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import CONFIG_NAME, Repository
from l4gate.lint.waivers import EXPIRED, INVALID, UNUSED, apply_waivers
from l4gate.programs import Promtool
from l4gate.rules import is_rule_file
from l4gate.scraping import hider

_AREAS: Final = (
    promtool_area,
    config,
    settings,
    scraping,
    samples,
    rules,
    realm,
    references,
    contract,
    coverage,
    constants,
    values,
    labels,
    windows,
    alerts,
    alerting,
)
CHECKS: Final = {each.id: each for area in _AREAS for each in vars(area).values() if isinstance(each, Check)}
CATALOGUE: Final = {**CHECKS, **{each.id: each for each in (INVALID, EXPIRED, UNUSED)}}


@dataclass(frozen=True)
class Report:
    """
    What one run of the lint found, and what it looked at.

    `not_made`: those of `checks` that say nothing while a rule file cannot be read.
    `waived`: what exceptions hide; it is shown, and decides nothing.
    """

    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    files: int
    rules: int
    not_made: tuple[str, ...] = ()
    waived: tuple[Waived, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether there is nothing to mend and every check was made."""
        return not self.findings and not self.not_made


def lint(
    folder: Path,
    *,
    promtool: Promtool | None,
    why_no_promtool: str = "",
    only: Collection[str] = (),
    today: date | None = None,
    contract: Contract | None = None,
) -> Report:
    """
    Checks the prometheus folder.

    Args:
        folder: has prometheus.yml, rules/ and targets/.
        promtool: the promtool to ask; without one that check is reported as not made.
        why_no_promtool: what the report then gives as the reason.
        only: ids (`realm/label`) or areas (`realm`) to check; empty for all.
        today: the day that exceptions end on; the present day by default.
        contract: what the folder is held to, if that does not lie in it: a live folder has none.

    Raises:
        UsageError: if there is no configuration in the folder, or no check of such a name.
    """
    if not (folder / CONFIG_NAME).is_file():
        message = f"expected a folder with {CONFIG_NAME}, found none in {folder}."
        raise UsageError(message, next_step="name the folder, or call this from the repository's root.")
    chosen = _chosen(only)
    repository = Repository.read(folder)
    facts = Facts(repository, contract or load_contract(folder), promtool, why_no_promtool)
    not_made = tuple(each.id for each in chosen if each.needs_all_rules and not repository.complete)
    # Of the rules nothing is secret, and all that is found there may be shown.
    hide = hider(*(text for name, text in repository.texts.items() if not is_rule_file(_below(name))))
    found = [
        finding(
            check,
            hide(problem.what),
            problem.place,
            hide(_line(repository, problem.place.file, problem.place.line)),
            not_run=problem.not_run,
        )
        for check in chosen
        if check.id not in not_made
        for problem in _problems(check, facts)
    ]
    remaining, waived = apply_waivers(
        repository,
        dict.fromkeys(found),
        today or datetime.now(tz=UTC).date(),
        known=CHECKS,
        only=bool(only) or not repository.complete,
    )
    ordered = sorted(remaining, key=lambda each: (each.place, each.id, each.what))
    return Report(
        tuple(ordered),
        tuple(each.id for each in chosen),
        len(repository.texts),
        len(repository.rules),
        not_made,
        tuple(sorted(waived, key=lambda each: (each.finding.place, each.finding.id, each.finding.what))),
    )


def _problems(check: Check, facts: Facts) -> list[Problem]:
    """
    What a check finds. Whatever it meets, the others are made: what it cannot bear is a check that was not made.

    Files may be written by anybody, so a defect of a check must not hide what the rest would have found.
    """
    try:
        return list(check.run(facts))
    except RecursionError:
        what = "rules read each other over more levels than can be followed"
    except GateError:
        raise
    except Exception as error:  # noqa: BLE001 - named in the finding, which keeps the result from being clean
        what = f"{defect(error)}, a defect of this check"
    return [
        Problem(
            f"this check could not be made: {what:.300}", Place(facts.repository.config_name), not_run=True
        )
    ]


def _chosen(only: Collection[str]) -> list[Check]:
    unknown = [name for name in only if not any(name in (id_, id_.partition("/")[0]) for id_ in CHECKS)]
    if unknown:
        areas = ", ".join(dict.fromkeys(id_.partition("/")[0] for id_ in CHECKS))
        message = f"expected a check or one of the areas {areas}, found {', '.join(unknown)}."
        raise UsageError(message, next_step="see docs/lint.md for all checks.")
    return [each for id_, each in CHECKS.items() if not only or id_ in only or id_.partition("/")[0] in only]


def _below(name: str) -> str:
    """The path of a file in its folder."""
    return name.partition("/")[2]


def _line(repository: Repository, file: str, line: int) -> str:
    lines = repository.lines(file)
    return lines[line - 1] if 0 < line <= len(lines) else ""
