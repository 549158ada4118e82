"""
What a check is and what it finds.

A check is a generator over the facts that yields `Problem`s; its id, reason and remedy are written once, beside it, and
reach the terminal, JSON, annotations and docs/lint.md from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from l4gate.lint.facts import Facts
from l4gate.lint.places import Place, Problem

Run = Callable[[Facts], Iterator[Problem]]


def _nothing(_: Facts) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class Check:
    """
    One check, named `area/name`.

    `needs_all_rules`: the check draws conclusions from what is *not* in the rules, so it says nothing while a rule file
    cannot be read (which is a finding of its own).
    """

    id: str
    title: str
    why: str
    mend: str
    run: Run = _nothing
    needs_all_rules: bool = False

    @property
    def link(self) -> str:
        """The section of the manual, by the anchor that renderers of Markdown give it."""
        return f"docs/lint.md#{self.id.replace('/', '')}"


@dataclass(frozen=True)
class Finding:
    """One problem with everything a reader needs: id, place, what, why, how to mend it, and where it is explained."""

    id: str
    kind: Literal["finding", "not-run"]
    what: str
    why: str
    mend: str
    link: str
    place: Place
    source_line: str = ""


@dataclass(frozen=True)
class Waived:
    """A finding that an exception hides: it is shown, and decides nothing."""

    finding: Finding
    reason: str
    owner: str
    until: date


def check(
    id_: str, *, title: str, why: str, mend: str, needs_all_rules: bool = False
) -> Callable[[Run], Check]:
    """Makes a generator of problems the check `id_`."""
    return lambda run: Check(id_, title, why, mend, run, needs_all_rules)


def finding(
    check_: Check, what: str, place: Place, source_line: str = "", *, not_run: bool = False
) -> Finding:
    """The finding of a check."""
    kind: Literal["finding", "not-run"] = "not-run" if not_run else "finding"
    return Finding(check_.id, kind, what, check_.why, check_.mend, check_.link, place, source_line)
