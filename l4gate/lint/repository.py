"""
What is linted: the prometheus folder, read once, with the place of everything in it.

Nothing here raises for a bad file: what cannot be read is kept as a problem, and the checks judge the rest.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml

from l4gate import promql
from l4gate.base import RuleError, read_config, yamldoc
from l4gate.lint.places import Place, Problem
from l4gate.rules import ALERTING_FILE, Rule, RuleGroup, parse_rule_text

CONFIG_NAME: Final = "prometheus.yml"
RULES_FOLDER: Final = "rules"
TARGETS_FOLDER: Final = "targets"
_YAML_SUFFIXES: Final = (".yml", ".yaml", ".json")  # JSON is YAML; Prometheus reads target lists in both


@dataclass(frozen=True)
class Judged:
    """A rule with its group, its tree without parentheses, and the lines it stands on."""

    rule: Rule
    group: RuleGroup
    tree: promql.Node
    lines: range

    @property
    def is_recording(self) -> bool:
        """Whether it records a metric; else it is an alert."""
        return self.rule.kind == "record"

    def at(self, node: promql.Node | None = None) -> Place:
        """Where a part of the expression stands (for an operation, its operator), or the whole expression."""
        node = self.tree if node is None else node
        span = node.op_span if isinstance(node, promql.Binary) else node.span
        line, column = self.rule.position(span.start)
        last_line, last_column = self.rule.position(max(span.start, span.end - 1))
        return Place(self.rule.file, line, column, last_column - column + 1 if last_line == line else 1)

    def at_key(self, *keys: str) -> Place:
        """The line of the first of these keys that the rule has (`labels.NAME` for a label), else where it begins."""
        line = next((self.rule.lines[key] for key in keys if key in self.rule.lines), self.rule.line)
        return Place(self.rule.file, line)


@dataclass
class Repository:
    """
    The folder with prometheus.yml, rules/, targets/ and perhaps alertmanager.yml.

    Files are named from the folder's own name on.
    """

    folder: Path
    texts: dict[str, str] = field(default_factory=dict)
    unreadable: list[Problem] = field(default_factory=list)
    groups: list[RuleGroup] = field(default_factory=list)
    rules: list[Judged] = field(default_factory=list)
    config: yaml.Node | None = None
    alerting: yaml.Node | None = None
    targets: dict[str, yaml.Node] = field(default_factory=dict)
    _lines: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Repository:
        """Reads the configuration and everything in rules/ and targets/ that Prometheus could be told to load."""
        repository = cls(folder)
        document = repository._document(folder / CONFIG_NAME)
        repository.config = document.root if document else None
        if (folder / ALERTING_FILE).exists():
            document = repository._document(folder / ALERTING_FILE)
            repository.alerting = document.root if document else None
        for path in repository.files(TARGETS_FOLDER):
            if path.suffix in _YAML_SUFFIXES and (document := repository._document(path)):
                repository.targets[document.name] = document.root
        for path in repository.files(RULES_FOLDER):
            if path.suffix in _YAML_SUFFIXES:
                repository._read_rules(path)
        return repository

    @cached_property
    def complete(self) -> bool:
        """Whether every rule file could be read to its end."""
        rules = f"{self.folder.name}/{RULES_FOLDER}/"
        return not any(problem.place.file.startswith(rules) for problem in self.unreadable)

    @cached_property
    def recording(self) -> list[Judged]:
        """The recording rules, in order."""
        return [each for each in self.rules if each.is_recording]

    @cached_property
    def alerts(self) -> list[Judged]:
        """The alerting rules, in order."""
        return [each for each in self.rules if not each.is_recording]

    @cached_property
    def recorded(self) -> Mapping[str, list[Judged]]:
        """Recording rules by the name they record."""
        found: dict[str, list[Judged]] = {}
        for each in self.recording:
            found.setdefault(each.rule.name, []).append(each)
        return found

    def files(self, subfolder: str) -> list[Path]:
        """Everything below a subfolder that is no folder, sorted; what is no regular file as well."""
        return sorted(path for path in (self.folder / subfolder).rglob("*") if not path.is_dir())

    def lines(self, file: str) -> list[str]:
        """The lines of a file that was read; none for another."""
        if file not in self._lines:
            self._lines[file] = self.texts.get(file, "").splitlines()
        return self._lines[file]

    def name(self, path: Path) -> str:
        """A file as findings name it."""
        return f"{self.folder.name}/{path.relative_to(self.folder).as_posix()}"

    @property
    def config_name(self) -> str:
        """The configuration as findings name it."""
        return f"{self.folder.name}/{CONFIG_NAME}"

    @property
    def alerting_name(self) -> str:
        """The Alertmanager's configuration as findings name it."""
        return f"{self.folder.name}/{ALERTING_FILE}"

    def at_node(self, file: str, node: yaml.Node | None) -> Place:
        """Where a YAML node stands; the file as a whole for None."""
        if node is None:
            return Place(file)
        start, end = node.start_mark, node.end_mark
        return Place(
            file, start.line + 1, start.column + 1, end.column - start.column if end.line == start.line else 1
        )

    def _text(self, path: Path) -> str | None:
        """The text of a file, kept for showing lines of it."""
        name = self.name(path)
        try:
            self.texts[name] = read_config(path).decode().replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as error:
            self.unreadable.append(Problem(f"expected a readable file, found: {error}", Place(name)))
        return self.texts.get(name)

    def _document(self, path: Path) -> yamldoc.Document | None:
        text = self._text(path)
        try:
            return None if text is None else yamldoc.read(text, self.name(path))
        except RuleError as error:
            self.unreadable.append(_problem(error, self.name(path)))
        return None

    def _read_rules(self, path: Path) -> None:
        text = self._text(path)
        if text is None:
            return
        try:
            groups = parse_rule_text(text, self.name(path))
        except RuleError as error:
            self.unreadable.append(_problem(error, self.name(path)))
            return
        starts = sorted(
            {rule.line for group in groups for rule in group.rules} | {group.line for group in groups}
        )
        starts.append(len(self.lines(self.name(path))) + 1)
        self.groups.extend(groups)
        for group in groups:
            for rule in group.rules:
                end = starts[min(bisect_right(starts, rule.line), len(starts) - 1)]
                tree = promql.normalise(rule.tree)
                self.rules.append(Judged(rule, group, tree, range(rule.line, max(end, rule.line + 1))))


def _problem(error: RuleError, file: str) -> Problem:
    """The problem in an error that begins with `file:line:column: `."""
    found = re.match(rf"{re.escape(file)}:(\d+):(\d+): (.*)", error.message, re.DOTALL)
    if found is None:
        return Problem(error.message, Place(file))
    return Problem(found[3].split("\n", 1)[0].rstrip(":"), Place(file, int(found[1]), int(found[2])))


def pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values of a mapping; nothing for any other node."""
    if isinstance(node, yaml.MappingNode):
        yield from node.value


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """The items of a list; nothing for any other node."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def entry(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """The value below these keys, or None."""
    for key in keys:
        node = next((value for name, value in pairs(node) if name.value == key), None)
    return node


def plain(node: yaml.Node | None) -> str:
    """The text of a scalar; empty for any other node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
