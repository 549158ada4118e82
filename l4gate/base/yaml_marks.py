"""Where the characters of a scalar's value stand in the text of its YAML file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import yaml

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+)*")
_BLOCKS: Final = ("|", ">")
_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}  # how many hexadecimal digits follow in a double-quoted scalar


def marks(text: str, line_starts: Sequence[int], node: yaml.Node) -> tuple[tuple[int, int], ...]:
    """
    Line and column in the file of each character of a scalar's value, and of its end.

    Works for all five styles: YAML changes white space (folding, indentation) and, in quotes, escapes; all other
    characters stand in the file in the order of the value.
    """
    at, end = content_start(text, node), node.end_mark.index
    style = _style(node)
    if style in _BLOCKS:
        at = text.index("\n", at) + 1
    elif style:
        at += 1
    found: list[int] = []
    for char in node.value:
        if char.isspace() and style != '"':
            found.append(-1)
            continue
        while at < end and text[at] != char and (text[at].isspace() or text.startswith("\\\n", at)):
            at += 1 if text[at].isspace() else 2
        found.append(at)
        at += _width(text, at, style)
    found.append(at)
    for index in range(len(found) - 1, -1, -1):  # white space stands just before what follows it
        if found[index] < 0:
            found[index] = max(found[index + 1] - 1, node.start_mark.index)
    return tuple(
        (line := bisect_right(line_starts, index), index - line_starts[line - 1] + 1) for index in found
    )


def content_start(text: str, node: yaml.Node) -> int:
    """Where the content of a node begins, after its anchor and tag."""
    match = _PROPERTIES.match(text, node.start_mark.index)
    return match.end() if match else node.start_mark.index


def _style(node: yaml.Node) -> str:
    return (node.style or "") if isinstance(node, yaml.ScalarNode) else ""


def _width(text: str, at: int, style: str) -> int:
    """How many characters of the file make the one character of the value that starts at `at`."""
    if style == "'" and text[at : at + 2] == "''":
        return 2
    if style == '"' and text[at : at + 1] == "\\":
        return 2 + _ESCAPES.get(text[at + 1 : at + 2], 0)
    return 1
