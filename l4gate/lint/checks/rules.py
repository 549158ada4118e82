"""The shape of rule files: readable, one place for each name, no rule that feeds itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from l4gate import promql
from l4gate.base import format_duration
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import RULES_FOLDER, Judged

_MOST_IN_A_SHOWN_CIRCLE: Final = 20
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
    circles = _circles(reads)
    for each in facts.repository.recording:
        circle = circles.get(each.rule.name)
        if circle:
            way = _way_back(each.rule.name, reads, circle)
            yield Problem(f"{each.rule.name} feeds itself: {way}", each.at())


def _circles(reads: dict[str, set[str | None]]) -> dict[str, frozenset[str]]:
    """The names that feed themselves, each with all those that it feeds and is fed by; in linear time (Kosaraju)."""
    sources = {
        name: [found for found in sorted(filter(None, read)) if found in reads]
        for name, read in reads.items()
    }
    readers: dict[str, list[str]] = {name: [] for name in reads}
    for name, found in sources.items():
        for source in found:
            readers[source].append(name)
    circles: dict[str, frozenset[str]] = {}
    seen: set[str] = set()
    for start in reversed(_finished(reads, sources)):
        if start not in seen:
            members = frozenset(_finished([start], readers, seen))
            if len(members) > 1 or start in sources[start]:
                circles.update(dict.fromkeys(members, members))
    return circles


def _finished(starts: Iterable[str], edges: dict[str, list[str]], seen: set[str] | None = None) -> list[str]:
    """What can be reached from these names and was not `seen`, each behind everything that it leads to."""
    seen = set() if seen is None else seen
    order: list[str] = []
    for start in starts:
        waiting = [(start, iter(edges[start]))] if start not in seen else []
        seen.add(start)
        while waiting:
            following = waiting[-1][1]
            nearest = next((each for each in following if each not in seen), None)
            if nearest is None:
                order.append(waiting.pop()[0])
            else:
                seen.add(nearest)
                waiting.append((nearest, iter(edges[nearest])))
    return order


def _way_back(start: str, reads: dict[str, set[str | None]], circle: frozenset[str]) -> str:
    """The shortest chain of names from a metric back to itself; for a wide circle how many are in it."""
    if len(circle) > _MOST_IN_A_SHOWN_CIRCLE:
        return f"over a circle of {len(circle)} rules"
    ways, seen = [[start]], {start}
    for way in ways:
        for source in sorted(found for found in reads[way[-1]] if found in circle):
            if source == start:
                return " <- ".join([*way, start])
            if source not in seen:
                seen.add(source)
                ways.append([*way, source])
    raise AssertionError  # what is in a circle leads back to itself
