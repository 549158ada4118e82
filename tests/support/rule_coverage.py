"""
Which rule is tested in which situation: a table made from promtool's test files, and what is missing in it.

A test covers the rules that its expectations name, in the situations that its own name begins with. What is not
covered needs a reason in tests/promql/coverage.yml. `python -m tests.support.rule_coverage` prints the table; with
--write it goes into docs/rules.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import yamldoc
from l4gate.rules import Rule, RuleGroup, load_rules
from l4gate.settings import repository_config_dir
from tests.support.promtool_tests import SITUATIONS, TestFile, load_test_files

TESTS_FOLDER: Final = Path("tests", "promql")
COVERAGE_FILE: Final = "coverage.yml"
MANUAL: Final = Path("docs", "rules.md")
BEGIN: Final = "<!-- made by python -m tests.support.rule_coverage --write; do not edit -->"
END: Final = "<!-- end -->"

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


def problems(groups: Sequence[RuleGroup], files: Sequence[TestFile], reasons: Reasons) -> Iterator[str]:
    """
    What promtool would not notice about its tests, one sentence each.

    Rules without tests, situations without test or reason, reasons without need, names of no rule, intervals that are
    not the group's, and "nothing" without a control.
    """
    rules = {rule.name: group for group in groups for rule in group.rules}
    covered = covered_cells(files)
    for name in rules:
        if not any(rule == name for rule, _ in covered):
            yield f"{name}: expected a test, found none."
            continue
        for situation in SITUATIONS:
            if (name, situation) in covered and (name, situation) in reasons.cells:
                yield f"{name}, {situation}: there is a test; remove it from {COVERAGE_FILE}."
            elif not {(name, situation)} & (covered | reasons.cells.keys()):
                yield f"{name}, {situation}: expected a test or a reason in {COVERAGE_FILE}, found neither."
    for name in sorted({rule for rule, _ in reasons.cells} - rules.keys()):
        yield f"{COVERAGE_FILE}: expected names of rules, found {name}."
    for file in files:
        yield from _problems_of_file(file, groups, rules, reasons)


def _problems_of_file(
    file: TestFile, groups: Sequence[RuleGroup], rules: Mapping[str, RuleGroup], reasons: Reasons
) -> Iterator[str]:
    tested = [group for group in groups if any(Path(group.file).match(name) for name in file.rule_files)]
    other = [group.name for group in tested if group.interval_seconds != file.interval_seconds]
    where = file.path.name
    if bool(other) != (where in reasons.intervals):
        yield (
            f"{where}: expected the evaluation interval of its groups, or a reason in {COVERAGE_FILE} (and only then); "
            f"found {file.interval_seconds:g} s, which is not that of: {', '.join(other) or 'none'}."
        )
    known = {rule.name for group in tested for rule in group.rules}
    for group in file.groups:
        present = {case.text for case in group.cases if not case.expects_nothing}
        for case in group.cases:
            for name in sorted(case.rules - known):
                hint = "is a rule of another file" if name in rules else "is no rule"
                yield f"{where}:{case.line}: {name} {hint}; an expectation about it proves nothing."
            if case.expects_nothing and case.text not in present:
                yield (
                    f"{where}:{case.line}: expects nothing of {case.text}; expected the same test to show that it can "
                    "have a result."
                )


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


def with_table(manual: str, content: str) -> str:
    """The text of the manual with the table replaced."""
    head, tail = manual.partition(BEGIN)[0], manual.partition(END)[2]
    return f"{head}{BEGIN}\n\n{content}\n{END}{tail}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table, or writes it into the manual. 1 if something is missing in it."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.rule_coverage", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into {MANUAL}")
    options = parser.parse_args(arguments)
    groups, files = load_rules(repository_config_dir()), load_test_files(TESTS_FOLDER)
    reasons = load_reasons(TESTS_FOLDER / COVERAGE_FILE)
    content = table(groups, files, reasons)
    if options.write:
        MANUAL.write_text(with_table(MANUAL.read_text(encoding="utf-8"), content), encoding="utf-8")
    else:
        sys.stdout.write(content)
    found = list(problems(groups, files, reasons))
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
