"""
YAML files read strictly, with the place of everything.

Unknown and repeated keys fail, and every error names file:line:column. Lines and columns count from 1, character
offsets from 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NoReturn

import yaml
from yaml.constructor import SafeConstructor

from l4gate.base.duration import parse_duration
from l4gate.base.errors import RuleError, UsageError
from l4gate.base.yaml_bounds import MOST_VALUES, check_text, check_tree
from l4gate.base.yaml_marks import content_start, marks

# libyaml where PyYAML was built with it, as its wheels are: ten times quicker, and it bounds nesting by itself.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL: Final = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Document:
    """The text of one YAML file and its root node. `name` is how errors call the file."""

    name: str
    text: str
    root: yaml.Node

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line begins in the text."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def marks(self, node: yaml.Node) -> tuple[tuple[int, int], ...]:
        """Line and column in the file of each character of a scalar's value, and of its end."""
        return marks(self.text, self.line_starts, node)

    def fail(self, node: yaml.Node, message: str, *, next_step: str = "") -> NoReturn:
        """
        Says what is wrong at a node.

        Raises:
            RuleError: always.
        """
        raise RuleError(f"{self.where(node)}: {message}", next_step=next_step)

    def where(self, node: yaml.Node) -> str:
        """`file:line:column` of a node."""
        return f"{self.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def mapping(self, node: yaml.Node, keys: Collection[str] | None = None) -> dict[str, yaml.Node]:
        """
        The values of a mapping by key; `keys` are the keys that are known here, None allows any.

        Raises:
            RuleError: if it is no mapping, or a key is unknown or stands twice.
        """
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"expected a mapping, found {_kind(node)}.")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.scalar(key)
            if name in found:
                self.fail(key, f"expected each key once, found {name!r} a second time.")
            if keys is not None and name not in keys:
                self.fail(key, f"expected one of the keys {', '.join(keys)}, found {name!r}.")
            found[name] = value
        return found

    def sequence(self, node: yaml.Node) -> list[yaml.Node]:
        """
        The items of a list.

        Raises:
            RuleError: if it is no list.
        """
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"expected a list, found {_kind(node)}.")
        return list(node.value)

    def scalar(self, node: yaml.Node) -> str:
        """
        The text of a scalar, numbers and booleans as they are spelt.

        Raises:
            RuleError: if it is no scalar, or nothing.
        """
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL:
            self.fail(node, f"expected a text, found {_kind(node)}.")
        return str(node.value)

    def strings(self, node: yaml.Node) -> dict[str, str]:
        """
        A mapping of text to text, such as labels.

        Raises:
            RuleError: if it is anything else.
        """
        return {key: self.scalar(value) for key, value in self.mapping(node).items()}

    def seconds(self, node: yaml.Node) -> float:
        """
        The seconds of a Prometheus duration.

        Raises:
            RuleError: if it is none.
        """
        try:
            return parse_duration(self.scalar(node))
        except UsageError as error:
            self.fail(node, error.message)

    def walk(self) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
        """Every value in the document with the keys that lead to it; list items have the key of their list."""
        yield from _walk(self.root, ())


def read(text: str, name: str, *, most_values: int = MOST_VALUES) -> Document:
    """
    Reads the text of one YAML file.

    Raises:
        RuleError: if it is not YAML, is empty, holds more than one document or more than `most_values` values, those
            behind aliases counted at each of their places, or is nested too deep.
    """
    check_text(text, name, most_values)
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
        message = f"{where}: expected one YAML document, found: {problem}."
        raise RuleError(message) from None
    if root is None:
        message = f"{name}:1:1: expected a YAML document, found an empty file."
        raise RuleError(message)
    check_tree(root, name, most_values)
    return Document(name, text, root)


def plain(text: str, name: str, *, most_values: int = MOST_VALUES) -> Any:
    """
    What the text of one YAML file means: dicts, lists, texts, numbers, booleans, dates and None; None if it is empty.

    Raises:
        RuleError: as `read`, and for values that cannot be, such as the 99th day of a month.
    """
    if not text.strip():
        return None
    return meaning(read(text, name, most_values=most_values).root, name)


def meaning(node: yaml.Node, name: str) -> Any:
    """
    What a node means, aliases and merged keys included; see `plain`.

    Raises:
        RuleError: for values that cannot be.
    """
    try:
        return SafeConstructor().construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, LookupError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None) or node.start_mark
        problem = getattr(error, "problem", None) or error
        message = f"{name}:{mark.line + 1}:{mark.column + 1}: expected YAML values, found: {problem!s:.200}."
        raise RuleError(message) from None


@dataclass(frozen=True)
class Edit:
    """Replace what stands at `node` by the text `value`."""

    node: yaml.Node
    value: str


def apply(document: Document, edits: Iterable[Edit]) -> str:
    """
    The text of the document with these nodes replaced and everything else, comments too, left as it is.

    Raises:
        RuleError: if a node that is used in several places (an alias) would have to become two different texts.
    """
    values: dict[int, Edit] = {}
    for edit in edits:
        if values.setdefault(id(edit.node), edit).value != edit.value:
            document.fail(edit.node, "expected values of its own in each place, found an alias between them.")
    text = document.text
    for edit in sorted(values.values(), key=lambda each: each.node.start_mark.index, reverse=True):
        start, end = content_start(text, edit.node), edit.node.end_mark.index
        old = text[start:end]
        space = old[len(old.rstrip()) :]  # the end of a block is where the next key begins
        text = text[:start] + edit.value + space + text[end:]
    return text


def quote(text: str) -> str:
    """A double-quoted YAML scalar of that text."""
    return json.dumps(text, ensure_ascii=False)


def _walk(node: yaml.Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
    yield path, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, path)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "nothing" if node.tag == _NULL else f"{node.value!r}"
