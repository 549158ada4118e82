"""Ranges, and the functions that go with counters or with gauges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from l4gate import promql
from l4gate.base import format_duration, parse_duration
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Problem
from l4gate.lint.repository import Judged

_INTERVALS_IN_A_RANGE: Final = (
    4  # two samples remain when one scrape is lost and the range's edges fall badly
)
_COUNTER_NAME: Final = re.compile(r".*_(total|count|sum|bucket)")
_COUNTER_FUNCTIONS: Final = frozenset({"rate", "irate", "increase", "resets"})
_GAUGE_FUNCTIONS: Final = frozenset(
    {
        "changes",
        "delta",
        "idelta",
        "deriv",
        "predict_linear",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
    }
    | {"sum_over_time", "quantile_over_time", "stddev_over_time", "stdvar_over_time"}
)
_NAMED_WINDOW: Final = re.compile(r"_(\d+(?:ms|[smhdwy]))$")
_PRESENCE_ONLY: Final = frozenset({"absent", "timestamp", "count", "group"})


@check(
    "window/too-short",
    title="a range holds enough samples",
    why="With fewer, one late scrape leaves a window with no sample to compare, and the result comes and goes.",
    mend=f"Use a range of at least {_INTERVALS_IN_A_RANGE} scrape intervals, or rule intervals for recorded"
    f" metrics.",
)
def too_short(facts: Facts) -> Iterator[Problem]:
    """Compares each range with the interval at which its metric gets samples."""
    pace = facts.contract.pace
    for each in facts.rules:
        for node in _ranges(each.tree):
            if isinstance(node, promql.Subquery):
                step = node.step_seconds or pace.rules
            else:
                step = pace.rules if node.name in facts.trees else pace.scrape
            least, found = _INTERVALS_IN_A_RANGE * step, node.range_seconds or 0.0
            if found < least:
                yield Problem(
                    f"{each.rule.name}: expected a range of at least {format_duration(least)},"
                    f" found {format_duration(found)}",
                    each.at(node),
                )


@check(
    "window/function",
    title="rate and increase on counters, changes and averages on gauges",
    why="increase() of a gauge takes every fall for a reset and extrapolates; changes() of a counter counts"
    " scrapes, and the"
    " average of a counter means nothing.",
    mend="Use changes() for the heartbeat's sequence, increase() or rate() for counters (_total, _count,"
    " _sum, _bucket).",
)
def function(facts: Facts) -> Iterator[Problem]:
    """Compares each function over a range with the type of its metric."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            if not isinstance(node, promql.Call):
                continue
            for selector in (
                arg for arg in node.args if isinstance(arg, promql.Selector) and arg.range_seconds
            ):
                counter = _is_counter(facts, selector.name or "")
                if node.func in _COUNTER_FUNCTIONS and not counter:
                    yield Problem(
                        f"{each.rule.name}: {node.func}() of {selector.name}, which is no counter",
                        each.at(node),
                    )
                if node.func in _GAUGE_FUNCTIONS and counter:
                    yield Problem(
                        f"{each.rule.name}: {node.func}() of the counter {selector.name}", each.at(node)
                    )


def _is_counter(facts: Facts, name: str) -> bool:
    if name in facts.trees:
        return False  # a recorded rate or sum has no resets to correct for
    return facts.input_type(name) == "counter" or (
        not facts.input_type(name) and bool(_COUNTER_NAME.fullmatch(name))
    )


@check(
    "window/raw-counter",
    title="a counter is not used without rate or increase",
    why="A counter's value says how long its process has lived: a restart makes it 0, and a ratio of two"
    " such values never"
    " forgets.",
    mend="Put increase() or rate() over a window around it.",
)
def raw_counter(facts: Facts) -> Iterator[Problem]:
    """Finds counters that are read at one instant for their value."""
    for each in facts.rules:
        for selector in _instant(each.tree):
            if _is_counter(facts, selector.name or ""):
                yield Problem(
                    f"{each.rule.name} uses the counter {selector.name} as it is", each.at(selector)
                )


def _instant(node: promql.Node) -> Iterator[promql.Selector]:
    """The instant selectors whose value is used."""
    if isinstance(node, promql.Selector) and node.range_seconds is None:
        yield node
    if getattr(node, "func", getattr(node, "op", "")) in _PRESENCE_ONLY:
        return
    for child in promql.children(node):
        if not (isinstance(node, promql.Binary) and node.op in ("and", "unless") and child is node.rhs):
            yield from _instant(child)


@check(
    "window/offset",
    title="rules read the present",
    why="With `offset` or `@` a rule answers for a time that has passed: what died since then still looks alive.",
    mend="Take `offset` or `@` out; an average over a range looks back as well.",
)
def offset(facts: Facts) -> Iterator[Problem]:
    """Finds selectors and subqueries that look at another time."""
    for each in facts.rules:
        for node in promql.walk(each.tree):
            if isinstance(node, promql.Selector | promql.Subquery) and (node.offset_seconds or node.at):
                yield Problem(f"{each.rule.name} reads another time than the present", each.at(node))


@check(
    "window/name",
    title="the window in a name is the window in the expression",
    why="`..._6m` over 60 minutes is believed to be 6 minutes by everyone who reads it.",
    mend="Correct the range or the name.",
    needs_all_rules=True,
)
def name(facts: Facts) -> Iterator[Problem]:
    """Compares the duration that ends a recorded name with the ranges, limits and `window` labels behind it."""
    for each in facts.repository.recording:
        found = _NAMED_WINDOW.search(each.rule.name)
        if not found:
            continue
        wanted = parse_duration(found[1])
        wrong = [node for node in _ranges(each.tree) if node.range_seconds != wanted]
        for node in wrong:
            seen = format_duration(node.range_seconds or 0.0)
            yield Problem(f"{each.rule.name}: expected the range {found[1]}, found {seen}", each.at(node))
        if not wrong and not _stands_for(facts, each, wanted, found[1]):
            yield Problem(f"{each.rule.name}: nothing in the expression is {found[1]}", each.at())


def _ranges(node: promql.Node) -> list[promql.Selector | promql.Subquery]:
    return [
        each
        for each in promql.walk(node)
        if isinstance(each, promql.Selector | promql.Subquery) and each.range_seconds is not None
    ]


def _stands_for(facts: Facts, judged: Judged, seconds: float, text: str) -> bool:
    return any(
        getattr(node, "range_seconds", None) == seconds
        or (isinstance(node, promql.Number) and abs(node.value) == seconds)
        or (isinstance(node, promql.Selector) and any(matcher.value == text for matcher in node.matchers))
        for tree in (judged.tree, facts.expanded(judged.tree))
        for node in promql.walk(tree)
    )
