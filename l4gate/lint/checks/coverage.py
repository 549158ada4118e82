"""How much of a window was seen: numbers of samples, held to the contract's pace and to what must be covered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from l4gate import promql
from l4gate.base import format_duration
from l4gate.contract import Covered
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Problem

_HALF: Final = 0.5
_MIRRORED: Final = {"<=": ">=", "<": ">"}
_ROUNDING: Final = 1e-9


@check(
    "coverage/samples",
    title="a number of samples is one that its window holds",
    why="A sum over another number of evaluations than the window's is a wrong mean, and a window that needs more"
    " samples than it holds never has a value; one that needs few of them is judged by what was not seen.",
    mend="Divide sum_over_time() by all evaluations of the window (window / rule interval), and ask count_over_time()"
    " for half of its samples at least, or for what the contract says (`covered`).",
    needs_all_rules=True,
)
def samples(facts: Facts) -> Iterator[Problem]:
    """Reads the numbers beside sum_over_time() and count_over_time() of one series."""
    for each in facts.rules:
        recorded = facts.contract.recorded.get(each.rule.name)
        covered = recorded.covered if recorded and each.is_recording else None
        for node in promql.walk(each.tree):
            match _turned(node):
                case promql.Binary(
                    op="/", lhs=promql.Call(func="sum_over_time") as call, rhs=promql.Number(value=found)
                ):
                    held, wanted = _held(facts, call), "all"
                    fits = held is None or abs(found - held) < _ROUNDING
                case promql.Binary(
                    op=">=" | ">",
                    lhs=promql.Call(func="count_over_time") as call,
                    rhs=promql.Number(value=found),
                ):
                    held, wanted = _held(facts, call), "half at least"
                    least = _least(facts, call, covered)
                    fits = held is None or (held * _HALF if least is None else least) <= found <= held
                case _:
                    continue
            if not fits:
                yield Problem(
                    f"{each.rule.name}: expected {wanted} of the {held:g} samples of the window, found {found:g}",
                    each.at(node),
                )


def _turned(node: promql.Node) -> promql.Node:
    """A comparison with the number on the right side; any other node as it is."""
    if isinstance(node, promql.Binary) and node.op in _MIRRORED and isinstance(node.lhs, promql.Number):
        return replace(node, op=_MIRRORED[node.op], lhs=node.rhs, rhs=node.lhs)
    return node


def _selector(call: promql.Call) -> promql.Selector | None:
    found = call.args[0]
    return found if isinstance(found, promql.Selector) and found.range_seconds else None


def _held(facts: Facts, call: promql.Call) -> float | None:
    """How many samples the window of a call holds; None if it is no plain range."""
    selector = _selector(call)
    if selector is None:
        return None
    pace = facts.contract.pace
    return (selector.range_seconds or 0.0) / (pace.rules if selector.name in facts.trees else pace.scrape)


def _least(facts: Facts, call: promql.Call, covered: Covered | None) -> float | None:
    selector = _selector(call)
    if covered is None or selector is None:
        return None
    same = (selector.name, selector.range_seconds) == (covered.metric, covered.window)
    return covered.least / facts.contract.pace.rules if same else None


@check(
    "coverage/contract",
    title="a metric that needs a covered window is missing without it",
    why="A share of 30 days that is made of two samples is no share of 30 days, and a limit that it keeps proves"
    " nothing.",
    mend="Add `and count_over_time(METRIC{...}[WINDOW]) >= NUMBER` with those of the contract (`covered`; the number"
    " is `least` in rule intervals).",
    needs_all_rules=True,
)
def contract(facts: Facts) -> Iterator[Problem]:
    """Looks for the guard around the whole expression, or around a part of it that has to be there."""
    for each, recorded in facts.contract_rules():
        covered = recorded.covered
        if covered is None:
            continue
        number = covered.least / facts.contract.pace.rules
        guards = {_guard(node) for node in _always_needed(facts.expanded(each.tree))}
        if (covered.metric, covered.window, number) not in guards:
            yield Problem(
                f"{each.rule.name}: expected `and count_over_time({covered.metric}[{format_duration(covered.window)}])"
                f" >= {number:g}`, found no such condition",
                each.at(),
            )


def _always_needed(node: promql.Node) -> Iterator[promql.Node]:
    """What must have a result for the expression to have one, as far as `and` and arithmetic say so."""
    match promql.strip_parens(node):
        case promql.Binary(op="and", lhs=lhs, rhs=rhs):
            yield promql.strip_parens(rhs)
            yield from _always_needed(lhs)
        case promql.Binary(op="+" | "-" | "*" | "/", lhs=lhs, rhs=rhs):
            yield from _always_needed(lhs)
            yield from _always_needed(rhs)
        case promql.Call(func="clamp_min" | "clamp_max", args=(inner, *_)):
            yield from _always_needed(inner)


def _guard(node: promql.Node) -> tuple[str | None, float | None, float] | None:
    match _turned(node):
        case promql.Binary(
            op=">=",
            lhs=promql.Call(func="count_over_time", args=(promql.Selector() as selector,)),
            rhs=promql.Number(value=number),
        ):
            return selector.name, selector.range_seconds, number
    return None
