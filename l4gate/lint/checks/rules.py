"""The shape of rule files: readable, one place for each name, no rule that feeds itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from l4gate import promql
from l4gate.base import format_duration
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import RULES_FOLDER, Judged

_LEVEL_NAME: Final = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)?")
RULES_SUFFIX: Final = ".rules.yml"


@check(
    "rules/parse",
    title="every rule file can be read",
    why="A file that does not parse stops the reload, and a key that Prometheus does not know is a setting"
    " without effect.",
    mend="Correct the file at the given place.",
)
def parse(facts: Facts) -> Iterator[Problem]:
    """Reports what the strict reader refused: YAML, unknown or repeated keys, PromQL."""
    folder = f"{facts.repository.folder.name}/{RULES_FOLDER}/"
    yield from (problem for problem in facts.repository.unreadable if problem.place.file.startswith(folder))


@check(
    "rules/interval",
    title="every group states the rule interval",
    why="Windows, `for` and the gate's idea of a stale sample all count on the interval; the global default"
    " may change.",
    mend="Write the contract's rule interval (`pace`) as `interval` of the group.",
)
def interval(facts: Facts) -> Iterator[Problem]:
    """Compares each group's own interval with the contract's."""
    expected = facts.contract.pace.rules
    for group in facts.repository.groups:
        if group.interval_seconds != expected:
            found = "none" if group.interval_seconds is None else format_duration(group.interval_seconds)
            yield Problem(
                f"group {group.name}: expected interval {format_duration(expected)}, found {found}",
                Place(group.file, group.line),
            )


@check(
    "rules/group",
    title="one group per file, named after it",
    why="Rules of one group are evaluated in order and at one time; split over groups they read each other's"
    " old values.",
    mend="Put the file's rules into one group with the name of the file.",
)
def group(facts: Facts) -> Iterator[Problem]:
    """Compares group names with the file's."""
    by_file: dict[str, list[str]] = {}
    for each in facts.repository.groups:
        by_file.setdefault(each.file, []).append(each.name)
    for file, names in by_file.items():
        area = file.rpartition("/")[2].removesuffix(RULES_SUFFIX)
        if names != [area]:
            yield Problem(f"expected one group called {area!r}, found {', '.join(names)}", Place(file))


@check(
    "rules/name",
    title="recorded names are the contract's or of the form level:metric:operation",
    why="A plain name that the contract does not know is an old or mistyped one: nobody reads it, and nobody"
    " would miss it.",
    mend="Use a name of the contract, or `level:metric_unit:operation_window` for a step on the way.",
)
def name(facts: Facts) -> Iterator[Problem]:
    """Checks every recorded name."""
    for each in facts.repository.recording:
        found = each.rule.name
        if found not in facts.contract.recorded and not _LEVEL_NAME.fullmatch(found):
            yield Problem(
                f"{found} is neither in the contract nor of the form level:metric:operation",
                each.at_key("record"),
            )


@check(
    "rules/duplicate",
    title="no metric is recorded twice",
    why="Two rules that record the same series overwrite each other in an order that nobody promises.",
    mend="Delete one of the two, or give them different static labels.",
)
def duplicate(facts: Facts) -> Iterator[Problem]:
    """Looks across all files: promtool sees duplicates only within one."""
    seen: dict[tuple[str, frozenset[tuple[str, str]]], Judged] = {}
    for each in facts.repository.recording:
        key = (each.rule.name, frozenset(each.rule.labels.items()))
        first = seen.setdefault(key, each)
        if first is not each:
            yield Problem(
                f"{each.rule.name} is recorded here and at {first.rule.file}:{first.rule.line}",
                each.at_key("record"),
            )


@check(
    "rules/circle",
    title="no rule reads what it records",
    why="A rule that reads itself, directly or through others, keeps its last value alive after its source"
    " has died.",
    mend="Compute the value from the inputs alone.",
)
def circle(facts: Facts) -> Iterator[Problem]:
    """Follows every recorded name through the rules that read it."""
    reads = {
        metric: {selector.name for tree in trees for selector in promql.selectors(tree)}
        for metric, trees in facts.trees.items()
    }
    for each in facts.repository.recording:
        way = _way_back(each.rule.name, reads)
        if way:
            yield Problem(f"{each.rule.name} feeds itself: {' <- '.join(way)}", each.at())


def _way_back(start: str, reads: dict[str, set[str | None]]) -> list[str]:
    """The shortest chain of names from a metric back to itself; empty if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for source in sorted(found for found in reads.get(way[-1], ()) if found):
            if source == start:
                return [*way, start]
            if source in reads and source not in seen:
                seen.add(source)
                ways.append([*way, source])
    return []
