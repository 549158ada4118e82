"""PromQL as a syntax tree: parse, walk, transform, print in one canonical form."""

from l4gate.promql.bounds import MOST_CHARACTERS
from l4gate.promql.nodes import (
    COMPARISONS,
    SET_OPERATORS,
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
    children,
    selectors,
    strip_parens,
    transform,
    walk,
)
from l4gate.promql.parser import canonical, normalise, parse
from l4gate.promql.pinning import TICK_SECONDS, is_scalar, pinned
from l4gate.promql.positions import Span
from l4gate.promql.printer import to_text
from l4gate.promql.timed_names import IsTime, counts_times, names_alone, power_of_name
from l4gate.promql.units import powers

__all__ = [
    "COMPARISONS",
    "MOST_CHARACTERS",
    "SET_OPERATORS",
    "TICK_SECONDS",
    "Aggregate",
    "Binary",
    "Call",
    "IsTime",
    "Matcher",
    "Matching",
    "Negation",
    "Node",
    "Number",
    "Paren",
    "Selector",
    "Span",
    "String",
    "Subquery",
    "canonical",
    "children",
    "counts_times",
    "is_scalar",
    "names_alone",
    "normalise",
    "parse",
    "pinned",
    "power_of_name",
    "powers",
    "selectors",
    "strip_parens",
    "to_text",
    "transform",
    "walk",
]
