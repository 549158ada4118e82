"""Which routes of alertmanager.yml take an alert, as the Alertmanager would choose them: read from the file alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from l4gate.lint.repository import entry, items, pairs, plain

# One matcher of a text such as `{l4="abort", alertname=~"L4.*"}`.
_MATCHER: Final = re.compile(
    r'\s*(?P<name>[A-Za-z_]\w*)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s",{}]*)\s*(?:,|$)'
)


class Unreadable(Exception):
    """A matcher that cannot be followed, and what it says."""


@dataclass(frozen=True)
class Chosen:
    """A route that takes an alert, and its receiver: its own, or that of the nearest route above that has one."""

    route: yaml.Node
    receiver: str


def chosen(route: yaml.Node, labels: Mapping[str, str], above: str = "") -> list[Chosen]:
    """
    The routes that take an alert with these labels, from `route` downwards; none if that one does not match.

    Raises:
        Unreadable: for a matcher that cannot be followed.
    """
    if not matches(route, "match", labels):
        return []
    receiver = plain(entry(route, "receiver")) or above
    found: list[Chosen] = []
    for child in items(entry(route, "routes")):
        below = chosen(child, labels, receiver)
        found += below
        if below and plain(entry(child, "continue")) != "true":
            break
    return found or [Chosen(route, receiver)]


def matches(node: yaml.Node, prefix: str, labels: Mapping[str, str]) -> bool:
    """
    Whether all matchers of a route (`match`) or of one side of an inhibition (`target_match`) hold; true without any.

    Raises:
        Unreadable: for a matcher that cannot be followed.
    """
    return all(_holds(*each, labels) for each in _matchers(node, prefix))


def _holds(name: str, operator: str, value: str, labels: Mapping[str, str]) -> bool:
    found = labels.get(name, "")  # the Alertmanager takes a label that is not there for an empty one
    if operator.endswith("~"):
        try:
            equal = re.fullmatch(value, found) is not None
        except re.error as error:
            raise Unreadable(f"{value!r}: {error}") from None
    else:
        equal = found == value
    return equal is not operator.startswith("!")


def _matchers(node: yaml.Node, prefix: str) -> Iterator[tuple[str, str, str]]:
    for key, operator in ((prefix, "="), (f"{prefix}_re", "=~")):
        for name, value in pairs(entry(node, key)):
            yield str(name.value), operator, plain(value)
    for each in items(entry(node, f"{prefix}ers")):
        text = plain(each).strip().removeprefix("{").removesuffix("}")
        at = 0
        while at < len(text):
            found = _MATCHER.match(text, at)
            if found is None:
                raise Unreadable(f"the matcher {plain(each)!r}")
            quoted = str(found["value"])
            if quoted.startswith('"'):
                quoted = re.sub(r"\\(.)", r"\1", quoted[1:-1])
            yield str(found["name"]), str(found["operator"]), quoted
            at = found.end()
