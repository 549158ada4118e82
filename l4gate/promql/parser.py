"""
PromQL as a syntax tree: parse, walk, transform, and print in one canonical form.

promql-parser parses and type-checks. Its nodes are then copied into our frozen ones (nodes.py), because its own
have no positions and cannot be made or compared.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import promql_parser as library

from l4gate.base import ExpressionError, keep_deadline
from l4gate.promql.bounds import check_depth, checked_tokens
from l4gate.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Matching,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    transform,
)
from l4gate.promql.positions import Cursor, Span, place_of, without_raw_strings
from l4gate.promql.printer import number_text, to_text

_SHOWN_CHARACTERS: Final = 400  # of an expression or a reason, in a message


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """
    The tree of a PromQL expression, as written (parentheses and order are kept).

    Raises:
        ExpressionError: if it is not PromQL or does not type-check; `offset` says where, as far as the parser tells.
    """
    keep_deadline("reading the rules' expressions")
    cursor = Cursor(text, checked_tokens(text))
    try:
        node = _convert(library.parse(without_raw_strings(text)), cursor)
    except RecursionError:
        message = "expected an expression that is not so deep."
        raise ExpressionError(message, offset=0) from None
    except (ValueError, OverflowError) as error:
        where = place_of(str(error), text)
        raise ExpressionError(_describe(text, where, str(error)), offset=where or 0) from None
    except BaseException as error:
        # What the native code did not foresee; pyo3 keeps it outside Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise ExpressionError(_describe(text, None, f"the parser fails: {error}"), offset=0) from None
    check_depth(node)
    if cursor.lost or cursor.peek() is not None:
        whole = Span(0, len(text))
        node = transform(node, lambda each: replace(each, span=whole))
    return node


def canonical(text: str) -> str:
    """
    One text for all spellings of an expression.

    Spaces, comments, needless parentheses, the spelling of numbers and durations, and the order of matchers and of
    label lists do not matter. The order of operands does.
    """
    return to_text(normalise(parse(text)))


@lru_cache(maxsize=4096)
def normalise(node: Node) -> Node:
    """The tree without parentheses, with everything that has no order sorted."""
    return transform(node, _normal)


def _normal(node: Node) -> Node:
    match node:
        case Paren():
            return node.expr
        case Negation(expr=Number(value=value)):
            return Number(-value, span=node.span)
        case Selector():
            order = sorted(set(node.matchers), key=lambda each: (each.label, each.op, each.value))
            return replace(node, matchers=tuple(order))
        case Aggregate():
            return replace(node, grouping=tuple(sorted(set(node.grouping))))
        case Binary(matching=Matching() as matching):
            labels, include = tuple(sorted(set(matching.labels))), tuple(sorted(set(matching.include)))
            plain = not matching.on and not labels and matching.group is None
            return replace(
                node, matching=None if plain else replace(matching, labels=labels, include=include)
            )
        case _:
            return node


# From the library's nodes. Children are visited in source order, so that the cursor meets their tokens.


def _convert(tree: Any, cursor: Cursor) -> Node:  # noqa: PLR0911 - one return for each kind of node
    cursor.skip("+")
    match tree:
        case library.NumberLiteral():
            signed = cursor.peek()
            cursor.skip("-", "+")
            span = cursor.take("<number>", "inf", "nan")
            return Number(tree.val, span=signed.span.to(span) if signed else span)
        case library.StringLiteral():
            return String(tree.val, span=cursor.take("<string>"))
        case library.ParenExpr():
            start = cursor.take("(")
            expr = _convert(tree.expr, cursor)
            return Paren(expr, span=start.to(cursor.take(")")))
        case library.UnaryExpr():
            start = cursor.take("-")
            expr = _convert(tree.expr, cursor)
            return Negation(expr, span=start.to(expr.span))
        case library.VectorSelector():
            return _convert_selector(tree, None, cursor)
        case library.MatrixSelector():
            return _convert_selector(tree.vector_selector, tree.range, cursor)
        case library.SubqueryExpr():
            expr = _convert(tree.expr, cursor)
            span = cursor.modifiers(expr.span.to(cursor.take("<brackets>")))
            step = None if tree.step is None else tree.step.total_seconds()
            offset = (tree.offset or timedelta()).total_seconds()
            window = tree.range or timedelta()
            return Subquery(expr, window.total_seconds(), step, offset, _at(tree.at), span=span)
        case library.Call():
            start = cursor.take(tree.func.name)
            cursor.take("(")
            args = _convert_list(tree.args, cursor)
            return Call(tree.func.name, args, span=start.to(cursor.take(")")))
        case library.AggregateExpr():
            return _convert_aggregate(tree, cursor)
        case library.BinaryExpr():
            return _convert_binary(tree, cursor)
        case _:
            message = f"cannot use {type(tree).__name__}: not every supported Prometheus knows it."
            raise ExpressionError(message, offset=0)


def _convert_list(trees: list[Any], cursor: Cursor) -> tuple[Node, ...]:
    nodes = []
    for tree in trees:
        nodes.append(_convert(tree, cursor))
        cursor.skip(",")
    return tuple(nodes)


def _convert_selector(tree: library.VectorSelector, window: timedelta | None, cursor: Cursor) -> Selector:
    name = tree.name
    span = cursor.take("<word>", "<braces>")
    token = cursor.peek()
    if token is not None and token.kind == "braces":
        span = span.to(cursor.take("<braces>"))
    if window is not None:
        span = span.to(cursor.take("<brackets>"))
    span = cursor.modifiers(span)
    if tree.matchers.or_matchers:
        message = 'cannot use "or" inside {...}: it is not PromQL of Prometheus.'
        raise ExpressionError(message, offset=span.start)
    matchers = []
    for each in tree.matchers.matchers:
        if each.name == "__name__" and each.op == library.MatchOp.Equal and name is None:
            name = each.value
        else:
            matchers.append(Matcher(each.name, _MATCH_OPS[str(each.op)], each.value))
    seconds = None if window is None else window.total_seconds()
    offset = (tree.offset or timedelta()).total_seconds()
    return Selector(name, tuple(matchers), seconds, offset, _at(tree.at), span=span)


_MATCH_OPS: Final = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


def _convert_aggregate(tree: library.AggregateExpr, cursor: Cursor) -> Aggregate:
    op = str(tree.op)
    start = cursor.take(op)
    cursor.skip_clause("by", "without")
    cursor.take("(")
    inside = _convert_list([each for each in (tree.param, tree.expr) if each is not None], cursor)
    span = cursor.skip_clause("by", "without", after=start.to(cursor.take(")")))
    grouping = tuple(tree.modifier.labels) if tree.modifier else ()
    without = tree.modifier is not None and tree.modifier.type == library.AggModifierType.Without
    return Aggregate(op, inside[-1], inside[0] if len(inside) > 1 else None, grouping, without, span=span)


def _convert_binary(tree: library.BinaryExpr, cursor: Cursor) -> Binary:
    op, modifier = str(tree.op), tree.modifier
    lhs = _convert(tree.lhs, cursor)
    op_span = cursor.take(op)
    cursor.skip("bool")
    cursor.skip_clause("on", "ignoring")
    cursor.skip_clause("group_left", "group_right")
    rhs = _convert(tree.rhs, cursor)
    matching = None
    if modifier is not None:
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            message = "cannot use fill modifiers: they are not known to all supported Prometheus versions."
            raise ExpressionError(message, offset=op_span.start)
        if modifier.matching is not None:
            on = modifier.matching.type == library.LabelModifierType.Include
            group = {"ManyToOne": "left", "OneToMany": "right"}.get(str(modifier.card).rpartition(".")[2])
            include = tuple(modifier.group_labels or ())
            matching = Matching(on, tuple(modifier.matching.labels), group, include)
    return_bool = modifier is not None and modifier.return_bool
    return Binary(op, lhs, rhs, return_bool, matching, op_span=op_span, span=lhs.span.to(rhs.span))


def _at(modifier: library.AtModifier | None) -> str | None:
    if modifier is None:
        return None
    if modifier.type == library.AtModifierType.At and modifier.at is not None:
        return number_text(modifier.at.timestamp())
    return "start()" if modifier.type == library.AtModifierType.Start else "end()"


def _describe(text: str, offset: int | None, reason: str) -> str:
    """The reason with the expression, or with the line in question and a caret below it where that is known."""
    reason = textwrap.shorten(reason, _SHOWN_CHARACTERS)
    if offset is None:
        shown = text.strip()[:_SHOWN_CHARACTERS]
        return f"expected PromQL, found a fault ({reason}):\n{textwrap.indent(shown, '    ')}"
    start = max(text.rfind("\n", 0, offset) + 1, offset - _SHOWN_CHARACTERS // 2)
    line = text[start : start + _SHOWN_CHARACTERS].split("\n", 1)[0]
    return f"expected PromQL, found a fault ({reason}):\n    {line}\n    {' ' * (offset - start)}^"
