"""
promtool's unit tests of the rules: read strictly, and run group by group.

promtool passes when a rule file is missing, when `tests:` is empty, and when a misspelt name is expected to give
nothing. So a test file is checked here before promtool sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from l4gate import promql
from l4gate.base import Document, ExpressionError, RuleError, yamldoc
from l4gate.machine import scratch
from l4gate.programs import Promtool, PromtoolResult
from l4gate.rules import RULES_FOLDER

TEST_FILES: Final = "*_test.yml"
LONG: Final = ("_windows_test", "_histories_test")  # how the names of those about days end: up to 27 s each
SITUATIONS: Final = ("fresh", "stale", "absent", "duplicated", "skewed", "restarted", "foreign", "boundary")

_TOP_KEYS: Final = ("rule_files", "evaluation_interval", "tests")
_GROUP_KEYS: Final = ("name", "interval", "input_series", "promql_expr_test", "alert_rule_test")
_SAMPLE_KEYS: Final = ("labels", "value")
_PASSED: Final = "SUCCESS"


@dataclass(frozen=True)
class Case:
    """
    One expectation: what is looked at, and whether nothing is expected.

    `rules` are the names that it uses, `unnamed` the label sets that it expects without one of them.
    """

    text: str
    rules: frozenset[str]
    expects_nothing: bool
    line: int
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class TestGroup:
    """One item of `tests:`. Its name is `SITUATION[, SITUATION]: sentence`; without situations it is another one."""

    __test__ = False  # for pytest, which would take it for a test class

    name: str
    situations: tuple[str, ...]
    cases: tuple[Case, ...]
    line: int


@dataclass(frozen=True)
class TestFile:
    """A promtool test file. `rule_files` are relative to the configuration folder, such as `rules/abort.rules.yml`."""

    __test__ = False

    path: Path
    rule_files: tuple[str, ...]
    interval_seconds: float
    groups: tuple[TestGroup, ...]
    document: Document = field(compare=False, repr=False)


@lru_cache(maxsize=64)
def load_test_file(path: Path) -> TestFile:
    """
    Reads a test file.

    Raises:
        RuleError: naming file, line and column, if it has an unknown key, no tests, a test without an expectation, two
            tests of one name, or a rule file that is not below a folder of rules.
    """
    document = yamldoc.read(path.read_text(encoding="utf-8"), str(path))
    top = document.mapping(document.root, _TOP_KEYS)
    for key in _TOP_KEYS:
        if key not in top:
            document.fail(document.root, f"expected the key {key}, found none.")
    rule_files = [_rule_file(document, node) for node in document.sequence(top["rule_files"])]
    groups = [_group(document, node) for node in document.sequence(top["tests"])]
    for key, found in (("rule_files", rule_files), ("tests", groups)):
        if not found:
            document.fail(top[key], "expected at least one, found none: promtool would pass.")
    names = [group.name for group in groups]
    for group in groups:
        if names.count(group.name) > 1:
            document.fail(top["tests"], f"expected each test name once, found {group.name!r} again.")
    return TestFile(
        path, tuple(rule_files), document.seconds(top["evaluation_interval"]), tuple(groups), document
    )


def load_test_files(folder: Path) -> tuple[TestFile, ...]:
    """Every test file in a folder, sorted. Raises like `load_test_file`."""
    return tuple(load_test_file(path) for path in sorted(folder.glob(TEST_FILES)))


def _rule_file(document: Document, node: yaml.Node) -> str:
    parts = Path(document.scalar(node)).parts
    if RULES_FOLDER not in parts[:-1] or any(char in "*?[" for char in document.scalar(node)):
        document.fail(node, f"expected one rule file below {RULES_FOLDER}/, found {document.scalar(node)!r}.")
    return str(
        Path(*parts[parts.index(RULES_FOLDER) :])
    )  # of the folder that a run judges, which may be another


def _group(document: Document, node: yaml.Node) -> TestGroup:
    keys = document.mapping(node, _GROUP_KEYS)
    line = node.start_mark.line + 1
    name = document.scalar(keys["name"]) if "name" in keys else f"line {line}"
    listed, colon, sentence = name.partition(":")
    situations = tuple(part.strip() for part in listed.split(","))
    if not colon or not sentence.strip() or not set(situations) <= set(SITUATIONS):
        situations = ()
    cases = [
        *(_expr_case(document, item) for item in _items(document, keys, "promql_expr_test")),
        *(_alert_case(document, item) for item in _items(document, keys, "alert_rule_test")),
    ]
    if not cases:
        document.fail(node, "expected a test that expects something, found none: promtool would pass.")
    return TestGroup(name, situations, tuple(cases), line)


def _expr_case(document: Document, node: yaml.Node) -> Case:
    keys = document.mapping(node, ("expr", "eval_time", "exp_samples"))
    text = document.scalar(keys["expr"])
    try:
        names = frozenset(each.name or "" for each in promql.selectors(promql.parse(text)))
    except ExpressionError as error:
        document.fail(keys["expr"], error.message)
    samples = _items(document, keys, "exp_samples")
    labels = [document.scalar(document.mapping(each, _SAMPLE_KEYS)["labels"]) for each in samples]
    unnamed = [each for each in labels if not each.startswith(tuple(f"{name}{{" for name in names))]
    return Case(text, names, not samples, node.start_mark.line + 1, tuple(unnamed))


def _alert_case(document: Document, node: yaml.Node) -> Case:
    keys = document.mapping(node, ("alertname", "eval_time", "exp_alerts"))
    text = document.scalar(keys["alertname"])
    return Case(text, frozenset({text}), not _items(document, keys, "exp_alerts"), node.start_mark.line + 1)


def _items(document: Document, keys: Mapping[str, yaml.Node], key: str) -> list[yaml.Node]:
    return document.sequence(keys[key]) if key in keys else []


@dataclass(frozen=True)
class Outcome:
    """How one test group ended: promtool's own words when it failed, else empty."""

    passed: bool
    output: str = ""


def passes(file: TestFile, config_dir: Path, promtool: Promtool) -> bool:
    """Whether promtool is content with a whole test file. Raises like `run_test_file`."""
    return _passed(_run_together(file, config_dir, promtool))


def run_test_file(file: TestFile, config_dir: Path, promtool: Promtool) -> tuple[Outcome, ...]:
    """
    Runs a test file against the rules in a configuration folder; one outcome for each of its groups, in order.

    The groups run together. Only when promtool is not content does each run alone, to tell which ones fail; when none
    does so alone, all have failed.

    Raises:
        RuleError: if a rule file is missing.
    """
    together = _run_together(file, config_dir, promtool)
    if _passed(together):
        return (Outcome(True),) * len(file.groups)
    alone = [_run_alone(file, index, config_dir, promtool) for index in range(len(file.groups))]
    if all(map(_passed, alone)):
        return (Outcome(False, _output(together)),) * len(file.groups)
    return tuple(Outcome(_passed(result), "" if _passed(result) else _output(result)) for result in alone)


def _run_together(file: TestFile, config_dir: Path, promtool: Promtool) -> PromtoolResult:
    for name in file.rule_files:
        if not (config_dir / name).is_file():
            message = (
                f"{file.path}: expected the rule file {config_dir / name}, found none: promtool would pass."
            )
            raise RuleError(message)
    document = file.document
    nodes = document.sequence(document.mapping(document.root)["rule_files"])
    paths = _rule_paths(file, config_dir)
    edits = [yamldoc.Edit(node, json.dumps(path)) for node, path in zip(nodes, paths, strict=True)]
    return _run(file.path.name, yamldoc.apply(document, edits), promtool)


def _run_alone(file: TestFile, index: int, config_dir: Path, promtool: Promtool) -> PromtoolResult:
    # All scalars as text: PyYAML would take the series 0x20 for the number 32. Only `value` has to be a number again.
    document: dict[str, Any] = yaml.load(file.document.text, Loader=yaml.BaseLoader)  # noqa: S506 - makes only text
    test = document["tests"][index]
    for case in test.get("promql_expr_test", ()):
        for sample in case["exp_samples"]:
            sample["value"] = float(sample["value"].replace(".inf", "inf"))
    document |= {"rule_files": _rule_paths(file, config_dir), "tests": [test]}
    return _run(file.path.name, yaml.safe_dump(document, sort_keys=False, width=10_000), promtool)


def _rule_paths(file: TestFile, config_dir: Path) -> list[str]:
    return [str((config_dir / name).resolve()) for name in file.rule_files]


def _run(name: str, text: str, promtool: Promtool) -> PromtoolResult:
    with scratch("tests") as folder:
        (folder / name).write_text(text, encoding="utf-8")
        return promtool.run("test", "rules", name, folder=folder)


def _passed(result: PromtoolResult) -> bool:
    return result.returncode == 0 and _PASSED in result.stdout


def _output(result: PromtoolResult) -> str:
    lines: Sequence[str] = (result.stdout + result.stderr).splitlines()
    return "\n".join(line for line in lines if line.strip())
