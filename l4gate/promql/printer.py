"""
Printing PromQL trees.

promql-parser's own printing (0.12) is not used: `[500ms]` becomes `[0s]`, and a quote in a label value loses its
backslash, so that the text no longer parses.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

from l4gate.base import format_duration
from l4gate.promql.nodes import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Matcher,
    Negation,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    children,
)

_PRECEDENCE: Final = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(COMPARISONS, 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}


def to_text(node: Node) -> str:  # noqa: PLR0911 - one return for each kind of node
    """PromQL that parses to the same tree; parentheses are added where precedence asks for them."""
    match node:
        case Number(value=value):
            return number_text(value)
        case String(value=value):
            return json.dumps(value, ensure_ascii=False)
        case Paren(expr=expr):
            return f"({to_text(expr)})"
        case Selector():
            return _selector(node)
        case Subquery():
            plain = isinstance(node.expr, Call | Aggregate | Paren) or (
                isinstance(node.expr, Selector) and not _modifiers(node.expr)
            )
            step = "" if node.step_seconds is None else format_duration(node.step_seconds)
            inner = to_text(node.expr) if plain else f"({to_text(node.expr)})"
            return f"{inner}[{format_duration(node.range_seconds)}:{step}]{_modifiers(node)}"
        case Call():
            return f"{node.func}({', '.join(map(to_text, node.args))})"
        case Aggregate():
            clause = " without" if node.without else " by" if node.grouping else ""
            labels = f" ({', '.join(map(_label, node.grouping))}) " if clause else ""
            return f"{node.op}{clause}{labels}({', '.join(map(to_text, children(node)))})"
        case Negation(expr=expr):
            return (
                f"-({to_text(expr)})" if isinstance(expr, Number) else f"-{_operand(expr, _PRECEDENCE['^'])}"
            )
        case Binary():
            return _binary(node)
        case _:
            message = f"no text for {type(node).__name__}"
            raise TypeError(message)


def _binary(node: Binary) -> str:
    level = _PRECEDENCE[node.op]
    left, right = (level + 1, level) if node.op == "^" else (level, level + 1)  # only ^ binds to the right
    words = [_operand(node.lhs, left), node.op]
    if node.return_bool:
        words.append("bool")
    if node.matching is not None:
        matching = node.matching
        words.append(f"{'on' if matching.on else 'ignoring'} ({', '.join(map(_label, matching.labels))})")
        if matching.group is not None:
            words.append(f"group_{matching.group} ({', '.join(map(_label, matching.include))})")
    words.append(_operand(node.rhs, right))
    return " ".join(words)


def _operand(node: Node, least: int) -> str:
    """The text of an operand, in parentheses unless it binds at least as tightly as `least`."""
    level: float
    match node:
        case Binary(op=op):
            level = _PRECEDENCE[op]
        case Negation():
            level = 0  # always in parentheses: `a ^ -b ^ c` is hard to read and easy to get wrong
        case Number(value=value) if math.copysign(1, value) < 0:
            level = _PRECEDENCE["^"]  # `-1 ^ 2` is -(1 ^ 2)
        case _:
            level = math.inf
    return to_text(node) if level >= least else f"({to_text(node)})"


_PLAIN_NAME: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_PLAIN_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = SET_OPERATORS | {
    *(
        "atan2",
        "bool",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
        "inf",
        "nan",
    ),
    *(
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "count_values",
        "quantile",
    ),
    *("limitk", "limit_ratio", "start", "end"),
}


def _selector(node: Selector) -> str:
    matchers = node.matchers
    name = node.name or ""
    if name and (not _PLAIN_NAME.fullmatch(name) or name.lower() in _RESERVED):
        name, matchers = "", (Matcher("__name__", "=", name), *matchers)
    inside = ",".join(f"{_label(m.label)}{m.op}{json.dumps(m.value, ensure_ascii=False)}" for m in matchers)
    braces = f"{{{inside}}}" if inside else ""
    window = "" if node.range_seconds is None else f"[{format_duration(node.range_seconds)}]"
    return f"{name}{braces}{window}{_modifiers(node)}"


def _modifiers(node: Selector | Subquery) -> str:
    at = "" if node.at is None else f" @ {node.at}"
    sign = "-" if node.offset_seconds < 0 else ""
    offset = f" offset {sign}{format_duration(abs(node.offset_seconds))}" if node.offset_seconds else ""
    return at + offset


def _label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else json.dumps(name, ensure_ascii=False)


_EXACT_INTEGERS: Final = 1e15  # beyond this the exponent form is shorter and as exact


def number_text(value: float) -> str:
    """The shortest PromQL that parses to exactly this number."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT_INTEGERS else repr(value)
