"""
Which rule is tested in which situation: a table made from promtool's test files, and what is missing in it.

A test covers the rules that its expectations name, in the situations that its own name begins with. What is not
covered needs a reason in tests/promql/coverage.yml. `python -m tests.support.rule_coverage` prints the table, which
stands in no document: a new rule needs a rule, its tests and nothing else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate import promql
from l4gate.base import format_duration, parse_duration, yamldoc
from l4gate.lint.checks.references import OF_PROMETHEUS
from l4gate.rules import Rule, RuleGroup, all_rules, load_rules
from l4gate.settings import repository_config_dir
from tests.support.promtool_tests import SITUATIONS, TestFile, load_test_files

TESTS_FOLDER: Final = Path("tests", "promql")
COVERAGE_FILE: Final = "coverage.yml"

Cell = tuple[str, str]  # rule, situation


@dataclass(frozen=True)
class Reasons:
    """Why cells of the table are empty, and why a test file has another evaluation interval than its rules."""

    cells: Mapping[Cell, str]
    intervals: Mapping[str, str]


def load_reasons(path: Path) -> Reasons:
    """
    Reads coverage.yml.

    Raises:
        RuleError: naming file, line and column, if it has an unknown key or situation, or gives a second reason.
    """
    document = yamldoc.read(path.read_text(encoding="utf-8"), str(path))
    top = document.mapping(document.root, ("intervals", "not_tested"))
    cells: dict[Cell, str] = {}
    for node in document.sequence(top["not_tested"]):
        keys = document.mapping(node, ("reason", "situations", "rules"))
        reason = document.scalar(keys["reason"])
        for situation in map(document.scalar, document.sequence(keys["situations"])):
            if situation not in SITUATIONS:
                document.fail(node, f"expected one of {', '.join(SITUATIONS)}, found {situation!r}.")
            for rule in map(document.scalar, document.sequence(keys["rules"])):
                if (rule, situation) in cells:
                    document.fail(node, f"expected one reason, found a second for {rule}, {situation}.")
                cells[rule, situation] = reason
    return Reasons(cells, document.strings(top["intervals"]))


def covered_cells(files: Sequence[TestFile]) -> frozenset[Cell]:
    """The cells that have a test."""
    return frozenset(
        (rule, situation)
        for file in files
        for group in file.groups
        for case in group.cases
        for rule in case.rules
        for situation in group.situations
    )


def problems(
    groups: Sequence[RuleGroup], files: Sequence[TestFile], reasons: Reasons | None
) -> Iterator[str]:
    """
    What promtool would not notice about its tests, one sentence each.

    Rules without tests, names of no rule, and "nothing" without a control. With reasons also labels without a name,
    situations without test or reason, reasons without need, and intervals that are not the group's.
    """
    rules = {rule.name: group for group in groups for rule in group.rules}
    tested = {name for file in files for group in file.groups for case in group.cases for name in case.rules}
    for name in rules:
        if name not in tested:
            yield f"{name}: expected a test, found none."
    if reasons is not None:
        yield from _problems_of_situations([name for name in rules if name in tested], files, reasons)
        for name in sorted({rule for rule, _ in reasons.cells} - rules.keys()):
            yield f"{COVERAGE_FILE}: expected names of rules, found {name}."
    for file in files:
        yield from _problems_of_file(file, groups, rules)
        if reasons is not None:
            yield from _problems_of_intervals(file, _tested_by(file, groups), reasons)


def _problems_of_situations(
    names: Collection[str], files: Sequence[TestFile], reasons: Reasons
) -> Iterator[str]:
    for file in files:
        for group in file.groups:
            if not group.situations:
                yield (
                    f"{file.path.name}:{group.line}: expected a name 'SITUATION: sentence' "
                    f"({', '.join(SITUATIONS)}), found {group.name!r}."
                )
            for case in group.cases:
                for labels in case.unnamed:
                    where = f"{file.path.name}:{case.line}"
                    yield f"{where}: expected the labels with the metric name, found {labels!r}."
    covered = covered_cells(files)
    for name in names:
        for situation in SITUATIONS:
            if (name, situation) in covered and (name, situation) in reasons.cells:
                yield f"{name}, {situation}: there is a test; remove it from {COVERAGE_FILE}."
            elif not {(name, situation)} & (covered | reasons.cells.keys()):
                yield f"{name}, {situation}: expected a test or a reason in {COVERAGE_FILE}, found neither."


def _tested_by(file: TestFile, groups: Sequence[RuleGroup]) -> list[RuleGroup]:
    return [group for group in groups if any(Path(group.file).match(name) for name in file.rule_files)]


def _problems_of_intervals(file: TestFile, tested: Sequence[RuleGroup], reasons: Reasons) -> Iterator[str]:
    other = [group.name for group in tested if group.interval_seconds != file.interval_seconds]
    where = file.path.name
    if bool(other) != (where in reasons.intervals):
        yield (
            f"{where}: expected the evaluation interval of its groups, or a reason in {COVERAGE_FILE} (and only then); "
            f"found {file.interval_seconds:g} s, which is not that of: {', '.join(other) or 'none'}."
        )


def _problems_of_file(
    file: TestFile, groups: Sequence[RuleGroup], rules: Mapping[str, RuleGroup]
) -> Iterator[str]:
    where = file.path.name
    known = {rule.name for group in _tested_by(file, groups) for rule in group.rules}
    for group in file.groups:
        present = {case.text for case in group.cases if not case.expects_nothing}
        for case in group.cases:
            for name in sorted(case.rules - known - OF_PROMETHEUS):
                hint = "is a rule of another file" if name in rules else "is no rule"
                yield f"{where}:{case.line}: {name} {hint}; an expectation about it proves nothing."
            if case.expects_nothing and case.text not in present:
                yield (
                    f"{where}:{case.line}: expects nothing of {case.text}; expected the same test to show that it can "
                    "have a result."
                )


@dataclass(frozen=True)
class NamedWindow:
    """A window in a rule's name or in a label that it sets, and the ranges that are looked at, as durations."""

    rule: str
    named: str
    looked_at: str


def named_windows(groups: Sequence[RuleGroup]) -> Iterator[NamedWindow]:
    """Every window that a rule's name ends in, or that a branch of it is labelled with."""
    for rule in all_rules(groups):
        named = re.search(r"_(\d+[smhd])$", rule.name)
        if rule.kind == "record" and named and (ranges := _ranges(rule.tree)):
            yield NamedWindow(rule.name, format_duration(parse_duration(named[1])), ranges)
        for call in promql.walk(rule.tree):
            if isinstance(call, promql.Call) and call.func == "label_replace":
                label, window = call.args[1], call.args[2]
                if label == promql.String("window") and isinstance(window, promql.String):
                    yield NamedWindow(rule.name, window.value, _ranges(call.args[0]))


def _ranges(tree: promql.Node) -> str:
    found = {each.range_seconds for each in promql.selectors(tree) if each.range_seconds is not None}
    return ", ".join(format_duration(seconds) for seconds in sorted(found))


def table(groups: Sequence[RuleGroup], files: Sequence[TestFile], reasons: Reasons) -> str:
    """The table in Markdown, one part for each rule file, with the reasons below as notes."""
    covered = covered_cells(files)
    notes: dict[str, int] = {}
    lines = []
    for group in groups:
        lines += [
            f"### {group.name}",
            "",
            f"| rule | {' | '.join(SITUATIONS)} |",
            "|---" * (len(SITUATIONS) + 1) + "|",
        ]
        lines += [_row(rule, covered, reasons, notes) for rule in group.rules]
        lines.append("")
    lines += [f"{number}. {reason}" for reason, number in notes.items()]
    return "\n".join(lines) + "\n"


def _row(rule: Rule, covered: frozenset[Cell], reasons: Reasons, notes: dict[str, int]) -> str:
    cells = []
    for situation in SITUATIONS:
        reason = reasons.cells.get((rule.name, situation))
        if (rule.name, situation) in covered:
            cells.append("yes")
        else:
            cells.append(f"({notes.setdefault(reason, len(notes) + 1)})" if reason else "**MISSING**")
    return f"| `{rule.name}` | {' | '.join(cells)} |"


def main() -> int:
    """Prints the table. 1 if something is missing in it."""
    groups, files = load_rules(repository_config_dir()), load_test_files(TESTS_FOLDER)
    reasons = load_reasons(TESTS_FOLDER / COVERAGE_FILE)
    sys.stdout.write(table(groups, files, reasons))
    found = list(problems(groups, files, reasons))
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
