"""PromQL trees: one text for one meaning, the place of every part, errors that point."""

from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given

from l4gate.base import ExpressionError
from l4gate.promql import (
    Node,
    Number,
    canonical,
    normalise,
    parse,
    selectors,
    to_text,
    transform,
    walk,
)
from tests.unit.promql_expressions import EXPRESSIONS

SAME = [
    ("a+b", " ( a )\n + b # why"),
    ("rate(x[1h])", "rate(x[60m])"),
    ('x{a="1",b="2"}', "x{b='2', a=`1`}"),
    ("sum by (a, b) (x)", "sum(x) by (b, a)"),
    ("a / on (x, y) group_left (p, q) b", "a / on (y, x) group_left (q, p) b"),
    ("a / b", "a / ignoring () b"),
    ("sum(x)", "sum by () (x)"),
    ('{__name__="x"}', "x"),
    ("x > 1000", "x > 1e3"),
    ("x > 300", "x > 5m"),
    ("-1 * x", "-(1) * x"),
]
DIFFERENT = [
    ("a - b", "b - a"),
    ("a - (b - c)", "a - b - c"),
    ("(a ^ b) ^ c", "a ^ b ^ c"),
    ("(-1) ^ 2", "-1 ^ 2"),
    ("x > 1", "x > bool 1"),
    ("a or vector(0)", "a or on () vector(0)"),
    ("sum without () (x)", "sum(x)"),
    ("max_over_time(x[1h:])", "max_over_time(x[1h])"),
    ("x offset 5m", "x offset -5m"),
    ("x @ start()", "x @ end()"),
    ("max_over_time(x[500ms])", "max_over_time(x[501ms])"),
    ('x{a="\\\\d"}', 'x{a="d"}'),
]
ERRORS = [
    ("a\n+ foo(b)", 4, "unknown function with name 'foo'"),
    ("a\n  ) + b", 4, "unexpected right parenthesis ')'"),
    ("rate(x[5x])", 7, "bad number or duration syntax: 5x"),
    ("a + sum(rate(x))", 8, "expected type matrix in call to function 'rate', got vector"),
    ("a{b=1}", 4, "unexpected character inside braces: '1'"),
    ("a + $b", 4, "unexpected character: '$'"),
    ("a{b=~'(c'}", 6, "illegal regex for (c"),
]
PLACELESS = [
    ("a +", "invalid promql query"),
    ("a\n  b", "invalid promql query"),
    ("sum(a", "unclosed left parenthesis"),
    ("sum(a))", "unexpected right parenthesis ')'"),
    ("rate(x[5m]) + rate(y)", "expected type matrix in call to function 'rate', got vector"),
    ("", "no expression found in input"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spelling_does_not_matter(one: str, other: str) -> None:
    """Two spellings of one expression must have one canonical text."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_meaning_matters(one: str, other: str) -> None:
    """Two expressions that mean different things must have different canonical texts."""
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(("text", "offset", "reason"), ERRORS)
def test_error_points_at_the_fault(text: str, offset: int, reason: str) -> None:
    """What is not PromQL must be refused with the reason, the line, and a caret at the fault."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)

    start = text.rfind("\n", 0, offset) + 1
    line = text[start:].split("\n", maxsplit=1)[0]
    assert caught.value.offset == offset
    assert (
        caught.value.message
        == f"expected PromQL, found a fault ({reason}):\n    {line}\n    {' ' * (offset - start)}^"
    )


@pytest.mark.parametrize(("text", "reason"), PLACELESS)
def test_error_without_a_place_points_nowhere(text: str, reason: str) -> None:
    """Where the place is not told, or told by a word that stands twice, no caret must point anywhere."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)

    shown = "".join(f"\n    {line}" for line in text.splitlines()) or "\n"
    assert caught.value.offset == 0
    assert caught.value.message == f"expected PromQL, found a fault ({reason}):{shown}"


@pytest.mark.parametrize("text", ['x{a="1" or b="2"}'])
def test_foreign_dialects_are_refused(text: str) -> None:
    """What only other servers understand must be refused."""
    with pytest.raises(ExpressionError, match="cannot use"):
        parse(text)


def parses(text: str) -> bool:
    try:
        promql_parser.parse(text.replace("`", "'"))
    except ValueError:
        return False
    return True


@given(EXPRESSIONS.filter(parses))
def test_printing_keeps_the_meaning(text: str) -> None:
    """What is printed must parse to the same expression, and canonical text must be its own canonical text."""
    tree = parse(text)

    assert to_text(normalise(parse(to_text(tree)))) == canonical(text)
    assert canonical(canonical(text)) == canonical(text)


@given(EXPRESSIONS.filter(parses))
def test_spans_cut_out_the_parts(text: str) -> None:
    """The text under each node's span must be that node."""
    for node in walk(parse(text)):
        part = text[node.span.start : node.span.end]
        if not part.startswith(("[", "'", '"')):
            assert canonical(part) == to_text(normalise(node))


def test_transform_replaces_without_touching_the_original() -> None:
    """Transforming must give a new tree and leave the old one as it was."""

    def double(node: Node) -> Node:
        return Number(node.value * 2) if isinstance(node, Number) else node

    tree = parse("clamp_max(x, 3) > 4")

    assert to_text(transform(tree, double)) == "clamp_max(x, 6) > 8"
    assert to_text(tree) == "clamp_max(x, 3) > 4"


def test_selectors_come_in_source_order() -> None:
    """Every selector must be found, in the order in which a reader meets them."""
    tree = parse("sum by (j) (rate(a[5m])) / on (j) group_left () max_over_time((b - c)[1h:1m])")

    assert [each.name for each in selectors(tree)] == ["a", "b", "c"]
