"""
The one normal form of rules: what lint, the gate's comparison with a server, and the evidence hash all look at.

It has what a rule means: the group with interval and limit, and in order of evaluation each rule's kind, name,
canonical expression, labels, `for` and `keep_firing_for`. It leaves out what changes no meaning: annotations, comments,
files, the order of groups, spelling.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from l4gate import promql
from l4gate.base import ExpressionError, format_duration, line_difference
from l4gate.contract import Contract
from l4gate.rules.model import Rule, RuleGroup

_WORD: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")


def rules_hash(groups: Iterable[RuleGroup]) -> str:
    """The SHA-256 of the normal form, as 64 hexadecimal digits. Equal for rules that mean the same."""
    return hashlib.sha256("\n".join(_lines(groups)).encode()).hexdigest()


def diff_rules(
    expected: Iterable[RuleGroup],
    loaded: Iterable[RuleGroup],
    *,
    only_of: Contract | None = None,
) -> str:
    """
    What differs between two sets of rules, as a unified diff of their normal forms; "" if nothing does.

    With `only_of`, loaded groups of other people are left out: groups whose name is not among the expected ones, that
    neither record nor use a metric of that contract, have no rule of an expected name, and carry no abort label.
    """
    expected = tuple(expected)
    if only_of is not None:
        names = {group.name for group in expected}
        rules = {rule.name for group in expected for rule in group.rules}
        loaded = [group for group in loaded if group.name in names or _concerns_us(group, rules, only_of)]
    return line_difference(_lines(expected), _lines(loaded), "rules")


def _lines(groups: Iterable[RuleGroup]) -> Iterator[str]:
    for block in sorted("\n".join(_group_lines(group)) for group in groups):
        yield from block.split("\n")


def _group_lines(group: RuleGroup) -> Iterator[str]:
    interval = (
        "evaluation_interval" if group.interval_seconds is None else format_duration(group.interval_seconds)
    )
    yield f"group {_name(group.name)}, every {interval}" + (f", limit {group.limit}" if group.limit else "")
    for rule in group.rules:
        yield f"  {rule.kind} {_name(rule.name)}"
        yield f"    expr: {_expression(rule.expr)}"
        if rule.for_seconds:
            yield f"    for: {format_duration(rule.for_seconds)}"
        if rule.keep_firing_for_seconds:
            yield f"    keep_firing_for: {format_duration(rule.keep_firing_for_seconds)}"
        if rule.labels:
            pairs = (f"{_name(name)}={json.dumps(value)}" for name, value in sorted(rule.labels.items()))
            yield f"    labels: {', '.join(pairs)}"


@lru_cache(maxsize=4096)  # the gate asks a server again and again, and gets the same expressions
def _expression(text: str) -> str:
    """The canonical text; what our parser does not know stays as it is, and so differs from everything we have."""
    try:
        return promql.canonical(text)
    except ExpressionError:
        return f"(not understood) {json.dumps(text)}"


def _name(text: str) -> str:
    return text if text.isprintable() and " " not in text and "," not in text else json.dumps(text)


def _concerns_us(group: RuleGroup, rules: set[str], contract: Contract) -> bool:
    return any(
        contract.is_ours(rule.name)
        or rule.name in rules
        or contract.abort.label.name in rule.labels
        or _uses_our_metrics(rule, contract)
        for rule in group.rules
    )


def _uses_our_metrics(rule: Rule, contract: Contract) -> bool:
    try:
        found = list(promql.selectors(rule.tree))
    except ExpressionError:
        # What is too much for us, or of a later version: its words tell, unless they may be spelt otherwise.
        spelt_out = "__name__" not in rule.expr and "\\" not in rule.expr
        return not spelt_out or any(map(contract.is_ours, _WORD.findall(rule.expr)))
    return any(
        contract.is_ours(each.name or "") or any(matcher.label == "__name__" for matcher in each.matchers)
        for each in found
    )
