"""How much a YAML text may hold: anybody may have written it, and a few bytes can stand for a billion values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from l4gate.base.errors import RuleError

MOST_VALUES: Final = 300_000  # 20,000 rules; that many take 1.5 s and 100 MB
# What can begin a value bounds the number of values; each takes some 350 bytes and 5 us.
_BEGINNINGS: Final = ("\n", "\r", ",", ": ", "- ", "? ", "[", "{")
_DEEPEST: Final = 100  # a configuration has 12
_LONGEST_NUMBER: Final = 400  # a float that is spelt out has 309 digits


def check_text(text: str, name: str, most_values: int) -> None:
    """
    Looks at a text before anything is made of it.

    Raises:
        RuleError: if it can hold more values.
    """
    if sum(map(text.count, _BEGINNINGS)) >= most_values:
        raise _too_much(name, most_values)


def check_tree(root: yaml.Node, name: str, most_values: int) -> None:
    """
    Looks at what was read, each alias counted as all that is behind it.

    Raises:
        RuleError: for more values, for an alias to what it is part of, and for too deep nesting.
    """
    if _count(root, name) > most_values:
        raise _too_much(name, most_values)


def _count(root: yaml.Node, name: str) -> int:
    counts: dict[int, int] = {}
    open_: dict[int, yaml.Node] = {}
    waiting = [root]
    while waiting:
        node = waiting[-1]
        key = id(node)
        if key in counts:
            waiting.pop()
        elif key in open_:
            counts[key] = 1 + sum(counts[id(part)] for part in _parts(node))
            del open_[key]
            waiting.pop()
        else:
            open_[key] = node
            _check_number(node, name)
            parts = [part for part in _parts(node) if id(part) not in counts]
            where = f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
            if any(id(part) in open_ for part in parts):
                message = f"{where}: expected values that end, found one that holds itself."
                raise RuleError(message)
            if len(open_) > _DEEPEST:
                message = f"{where}: expected at most {_DEEPEST} levels of nesting, found more."
                raise RuleError(message)
            waiting += parts
    return counts[id(root)]


def _check_number(node: yaml.Node, name: str) -> None:
    """Python reads `1:1:1` and its like in quadratic time; what YAML takes for a number or a date is short."""
    if node.tag.endswith((":int", ":float", ":timestamp")) and len(node.value) > _LONGEST_NUMBER:
        where = f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        message = f"{where}: expected a number of at most {_LONGEST_NUMBER} characters, found a longer one."
        raise RuleError(message)


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (part for pair in node.value for part in pair)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _too_much(name: str, most_values: int) -> RuleError:
    return RuleError(f"{name}: expected YAML of at most {most_values} values, found more.")
