"""
The nodes of a PromQL syntax tree, and the two ways to go through it: walk and transform.

Durations are seconds; spans are character offsets in the parsed text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from l4gate.promql.positions import NOWHERE, Span

COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, slots=True)
class Node:
    """An expression. Two nodes are equal when they mean the same text, wherever they stand."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number literal; a duration literal such as `5m` is its seconds."""

    value: float


@dataclass(frozen=True, slots=True)
class String(Node):
    """A string literal, decoded."""

    value: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """`label op "value"`, op being one of = != =~ !~."""

    label: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector(Node):
    """An instant vector selector, or a range vector selector when `range_seconds` is set. `name` is never a matcher."""

    name: str | None
    matchers: tuple[Matcher, ...] = ()
    range_seconds: float | None = None
    offset_seconds: float = 0.0
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """`expr[range:step]`; without a step the evaluation interval of the server counts."""

    expr: Node
    range_seconds: float
    step_seconds: float | None = None
    offset_seconds: float = 0.0
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call."""

    func: str
    args: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`op by (grouping) (param, expr)`; `without` says that the grouping is a `without` clause."""

    op: str
    expr: Node
    param: Node | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """Unary minus."""

    expr: Node


@dataclass(frozen=True, slots=True)
class Matching:
    """`on`/`ignoring (labels)`, with `group` "left" or "right" and the labels it includes, or None."""

    on: bool
    labels: tuple[str, ...] = ()
    group: str | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`lhs op [bool] [matching] rhs`; `op_span` is where the operator stands."""

    op: str
    lhs: Node
    rhs: Node
    return_bool: bool = False
    matching: Matching | None = None
    op_span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Paren(Node):
    """Parentheses as written. `normalise` drops them; printing adds those that are needed."""

    expr: Node


def children(node: Node) -> tuple[Node, ...]:
    """The direct sub-expressions, in source order."""
    match node:
        case Binary():
            return (node.lhs, node.rhs)
        case Call():
            return node.args
        case Aggregate():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case Subquery() | Negation() | Paren():
            return (node.expr,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first, in source order."""
    yield node
    for child in children(node):
        yield from walk(child)


def transform(node: Node, change: Callable[[Node], Node]) -> Node:
    """A new tree in which every node was replaced by `change(node)`, children first."""
    match node:
        case Binary():
            node = replace(node, lhs=transform(node.lhs, change), rhs=transform(node.rhs, change))
        case Call():
            node = replace(node, args=tuple(transform(arg, change) for arg in node.args))
        case Aggregate():
            param = None if node.param is None else transform(node.param, change)
            node = replace(node, param=param, expr=transform(node.expr, change))
        case Subquery() | Negation() | Paren():
            node = replace(node, expr=transform(node.expr, change))
    return change(node)


def strip_parens(node: Node) -> Node:
    """The node inside any number of parentheses."""
    while isinstance(node, Paren):
        node = node.expr
    return node


def selectors(node: Node) -> Iterator[Selector]:
    """Every vector selector in the tree, in source order."""
    return (each for each in walk(node) if isinstance(each, Selector))
