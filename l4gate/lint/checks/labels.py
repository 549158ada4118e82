"""The labels of results: the right ones, and the same ones where two sides meet."""

from __future__ import annotations

from collections.abc import Iterator

from l4gate import promql
from l4gate.lint.facts import Facts
from l4gate.lint.labels import Labels, is_scalar
from l4gate.lint.model import check
from l4gate.lint.places import Problem


@check(
    "label/identity",
    title="a metric of the contract is one series per realm",
    why="A label too many makes two series as soon as there are two sources, and the gate cannot tell which"
    " one to believe.",
    mend="Aggregate by the realm label; record details beside it under another name.",
    needs_all_rules=True,
)
def identity(facts: Facts) -> Iterator[Problem]:
    """Works out which labels the result can have, the rule's own included."""
    for each, _ in facts.contract_rules():
        found, expected = facts.labels_of_rule(each), facts.contract.series_labels(each.rule.name)
        if not found.exact:
            yield Problem(f"{each.rule.name} keeps every label that its source has", each.at())
        elif found.names != expected:
            yield Problem(
                f"{each.rule.name}: expected the labels {_list(expected)}, found {_list(found.names)}",
                each.at(),
            )


@check(
    "label/or-sides",
    title="both sides of an or have the same labels",
    why="`or` replaces series by series: with other labels on the right, both sides stay, and the fallback"
    " stands beside the"
    " value.",
    mend="Write `or on () vector(0)` for a fallback; else give both sides the same labels.",
)
def or_sides(facts: Facts) -> Iterator[Problem]:
    """Compares the labels that an `or` matches on."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            if not isinstance(node, promql.Binary) or node.op != "or":
                continue
            lhs, rhs = _matched(facts.labels(node.lhs), node), _matched(facts.labels(node.rhs), node)
            if (rhs.exact and lhs.names - rhs.names) or (lhs.exact and rhs.names - lhs.names):
                yield Problem(
                    f"{each.rule.name}: `or` between {_describe(lhs)} and {_describe(rhs)}", each.at(node)
                )


@check(
    "label/never-matches",
    title="two sides of an operation can match",
    why="Series with different labels never meet: the result is empty for ever, without an error.",
    mend="Name the labels to match with `on (...)`, or aggregate both sides alike.",
)
def never_matches(facts: Facts) -> Iterator[Problem]:
    """Compares the labels that an operation between two vectors matches on."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            if (
                not isinstance(node, promql.Binary)
                or node.op == "or"
                or is_scalar(node.lhs)
                or is_scalar(node.rhs)
            ):
                continue
            lhs, rhs = _matched(facts.labels(node.lhs), node), _matched(facts.labels(node.rhs), node)
            if lhs.exact and rhs.exact and lhs.names != rhs.names:
                yield Problem(
                    f"{each.rule.name}: `{node.op}` between {_describe(lhs)} and {_describe(rhs)}",
                    each.at(node),
                )


@check(
    "label/lost",
    title="no label is asked for that is not there any more",
    why="An aggregation drops every label that it does not name; a matcher or grouping on a dropped label"
    " finds nothing, or"
    " puts everything into one group.",
    mend="Keep the label in the aggregation before, or do not ask for it.",
)
def lost(facts: Facts) -> Iterator[Problem]:
    """Looks at matchers on recorded metrics, and at the labels of `by` and `on`."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            for name in _asked_in_vain(facts, node):
                yield Problem(
                    f"{each.rule.name} asks for the label {name}, which is not there", each.at(node)
                )


def _asked_in_vain(facts: Facts, node: promql.Node) -> list[str]:
    match node:
        case promql.Selector(matchers=matchers) if node.name in facts.trees:
            there = facts.labels(node)
            return [
                each.label
                for each in matchers
                if each.value and each.op in ("=", "=~") and there.lacks(each.label)
            ]
        case promql.Aggregate(without=False, grouping=grouping):
            there = facts.labels(node.expr)
            return [name for name in grouping if there.lacks(name)]
        case promql.Binary(matching=promql.Matching(on=True, labels=names)) if not is_scalar(node.lhs):
            sides = facts.labels(node.lhs), facts.labels(node.rhs)
            return [name for name in names if all(side.lacks(name) for side in sides)]
    return []


def _matched(labels: Labels, node: promql.Binary) -> Labels:
    """The part of the labels that an operation matches on."""
    if node.matching is None:
        return labels
    if node.matching.on:
        return Labels(labels.names & set(node.matching.labels), labels.exact)
    return labels.without(*node.matching.labels)


def _describe(labels: Labels) -> str:
    return f"{'' if labels.exact else 'at least '}{_list(labels.names)}"


def _list(names: frozenset[str]) -> str:
    return f"({', '.join(sorted(names))})"
