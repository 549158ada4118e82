"""
Rules, read strictly from files.

Durations are seconds, lines and columns count from 1. What two rules are compared by is in normal_form.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path, PurePath
from typing import Final, Literal

import yaml

from l4gate import promql
from l4gate.base import ExpressionError, RuleError, read_config, yamldoc

CONFIG_FILE: Final = "prometheus.yml"
RULES_FOLDER: Final = "rules"
RULE_FILES: Final = "*.rules.yml"
DEFAULT_EVALUATION_INTERVAL_SECONDS: Final = 60.0  # Prometheus' own default of global.evaluation_interval

_LIMIT: Final = re.compile(r"[0-9]{1,18}")
_GROUP_KEYS: Final = ("name", "interval", "limit", "rules")
_RECORD_KEYS: Final = ("record", "expr", "labels")
_ALERT_KEYS: Final = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations")


@dataclass(frozen=True)
class Rule:
    """
    One recording or alerting rule. Positions are 0 and empty when it comes from the API.

    `lines` has the line of each key, labels and annotations as `labels.NAME`; `expr_marks` gives line and column of
    each character of the expression, so that a finding can point into a block scalar.
    """

    kind: Literal["record", "alert"]
    name: str
    expr: str
    labels: Mapping[str, str]
    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    annotations: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    expr_marks: Callable[[], tuple[tuple[int, int], ...]] = field(default=tuple, compare=False, repr=False)

    @cached_property
    def tree(self) -> promql.Node:
        """
        The expression as a syntax tree; its spans go into `position`.

        Raises:
            ExpressionError: if it is not PromQL; never for a rule that was loaded from a file.
        """
        return promql.parse(self.expr)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column in the file of a character of the expression; (0, 0) for a rule from the API."""
        marks = self.expr_marks()
        return marks[min(offset, len(marks) - 1)] if marks else (0, 0)


@dataclass(frozen=True)
class RuleGroup:
    """Rules that are evaluated together, in order. No interval means the global evaluation interval."""

    name: str
    interval_seconds: float | None
    rules: tuple[Rule, ...]
    file: str = ""
    limit: int = 0
    line: int = 0


def load_rules(folder: Path) -> tuple[RuleGroup, ...]:
    """
    Every `*.rules.yml` below `folder`/rules, sorted by path, with all intervals settled as in `rules_in`.

    Raises:
        RuleError: naming file, line and column; also when there is no rule file at all.
    """
    files = {}
    config = folder / CONFIG_FILE
    for path in (*([config] if config.exists() else []), *(folder / RULES_FOLDER).rglob(RULE_FILES)):
        try:
            files[path.relative_to(folder).as_posix()] = read_config(path)
        except OSError as error:
            raise _unreadable(str(path), error) from None
    return rules_in(files, folder=folder)


def rules_in(
    files: Mapping[str, bytes], *, folder: Path | None = None, names: Iterable[str] | None = None
) -> tuple[RuleGroup, ...]:
    """
    The rules of a configuration that is at hand: its files by their path in the folder.

    A group without an interval gets the one in prometheus.yml, else Prometheus' default. `folder` is where the files
    are said to be, in messages and in `Rule.file`; `names` are those with rules, where others than ours may be.

    Raises:
        RuleError: naming file, line and column; also when there is no rule file at all.
    """
    root = PurePath(folder or "")
    paths = sorted(map(PurePath, filter(is_rule_file, files) if names is None else names))
    if not paths:
        message = f"expected rule files {RULE_FILES} below {root / RULES_FOLDER}, found none."
        raise RuleError(message)

    def text(path: PurePath) -> str:
        try:
            return files[path.as_posix()].decode()
        except UnicodeDecodeError as error:
            raise _unreadable(str(root / path), error) from None

    interval = DEFAULT_EVALUATION_INTERVAL_SECONDS
    if CONFIG_FILE in files:
        interval = _evaluation_interval(text(PurePath(CONFIG_FILE)), str(root / CONFIG_FILE))
    groups = (group for path in paths for group in parse_rule_text(text(path), str(root / path)))
    return tuple(
        replace(group, interval_seconds=interval) if group.interval_seconds is None else group
        for group in groups
    )


def is_rule_file(name: str) -> bool:
    """Whether the file of this path in a configuration's folder is one of its rule files."""
    path = PurePath(name)
    return path.parts[0] == RULES_FOLDER and path.match(RULE_FILES)


def load_rule_file(path: Path) -> tuple[RuleGroup, ...]:
    """
    The groups of one rule file, as written.

    Raises:
        RuleError: naming file, line and column, if the file cannot be read, is not YAML, has a key that not every
            supported Prometheus knows, a key or group twice, no groups, or an expression that is not PromQL.
    """
    try:
        text = read_config(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(path), error) from None
    return parse_rule_text(text, str(path))


def parse_rule_text(text: str, name: str) -> tuple[RuleGroup, ...]:
    """The groups in the text of a rule file called `name`. Raises like `load_rule_file`."""
    document = yamldoc.read(text, name)
    top = document.mapping(document.root, ("groups",))
    if "groups" not in top:
        document.fail(document.root, "expected the key groups, found none.")
    groups: dict[str, RuleGroup] = {}
    for node in document.sequence(top["groups"]):
        group = _group(document, node)
        if group.name in groups:
            document.fail(node, f"expected each group name once, found {group.name!r} a second time.")
        groups[group.name] = group
    if not groups:
        document.fail(top["groups"], "expected at least one group, found none.")
    return tuple(groups.values())


def _group(document: yamldoc.Document, node: yaml.Node) -> RuleGroup:
    keys = document.mapping(node, _GROUP_KEYS)
    for required in ("name", "rules"):
        if required not in keys:
            document.fail(
                node, f"expected a group with the key {required}, found {', '.join(keys) or 'none'}."
            )
    interval = document.seconds(keys["interval"]) if "interval" in keys else None
    limit = document.scalar(keys["limit"]) if "limit" in keys else "0"
    if not _LIMIT.fullmatch(limit):
        document.fail(keys["limit"], f"expected a whole number, found {limit!r}.")
    rules = tuple(_rule(document, item) for item in document.sequence(keys["rules"]))
    if not rules:
        document.fail(keys["rules"], "expected at least one rule, found none.")
    name, line = document.scalar(keys["name"]), node.start_mark.line + 1
    return RuleGroup(name, interval, rules, file=document.name, limit=int(limit), line=line)


def _rule(document: yamldoc.Document, node: yaml.Node) -> Rule:
    found = document.mapping(node)
    kinds = [kind for kind in ("record", "alert") if kind in found]
    if len(kinds) != 1:
        document.fail(
            node, f"expected a rule with either record or alert, found {' and '.join(kinds) or 'none'}."
        )
    is_record = kinds == ["record"]
    keys = document.mapping(node, _RECORD_KEYS if is_record else _ALERT_KEYS)
    if "expr" not in keys:
        document.fail(node, f"expected a rule with the key expr, found {', '.join(keys)}.")
    expr, expr_node = document.scalar(keys["expr"]), keys["expr"]
    try:
        promql.parse(expr)
    except ExpressionError as error:
        where = document.where(expr_node)
        if len(expr) <= promql.MOST_CHARACTERS:
            line, column = document.marks(expr_node)[error.offset]
            where = f"{document.name}:{line}:{column}"
        raise RuleError(f"{where}: {error.message}", next_step=error.next_step) from None
    lines = {key: value.start_mark.line + 1 for key, value in keys.items()}
    for key in ("labels", "annotations"):
        nested = document.mapping(keys[key]) if key in keys else {}
        lines |= {f"{key}.{name}": value.start_mark.line + 1 for name, value in nested.items()}
    rule = Rule(
        kind="record" if is_record else "alert",
        name=document.scalar(keys[kinds[0]]),
        expr=expr,
        labels=document.strings(keys["labels"]) if "labels" in keys else {},
        for_seconds=document.seconds(keys["for"]) if "for" in keys else 0.0,
        keep_firing_for_seconds=document.seconds(keys["keep_firing_for"])
        if "keep_firing_for" in keys
        else 0.0,
        annotations=document.strings(keys["annotations"]) if "annotations" in keys else {},
        file=document.name,
        line=node.start_mark.line + 1,
        lines=lines,
        expr_marks=cache(
            lambda: document.marks(expr_node)
        ),  # takes longer than all the rest, for findings alone
    )
    _ = rule.tree  # kept with the rule: the parser remembers some thousand expressions only
    return rule


def _evaluation_interval(text: str, name: str) -> float:
    """global.evaluation_interval of a prometheus.yml, or Prometheus' default."""
    document = yamldoc.read(text, name)
    found = [node for path, node in document.walk() if path == ("global", "evaluation_interval")]
    return document.seconds(found[0]) if found else DEFAULT_EVALUATION_INTERVAL_SECONDS


def _unreadable(name: str, error: Exception) -> RuleError:
    return RuleError(f"{name}: expected a readable rule file, found: {error}.")


def all_rules(groups: Iterable[RuleGroup]) -> tuple[Rule, ...]:
    """The rules of all groups, in order."""
    return tuple(rule for group in groups for rule in group.rules)
