"""
promtool unit tests in scaled time: the proof that scaling kept the meaning of the rules is that they still pass.

Scaled are intervals and evaluation times, values of series whose names say that they are times, expressions,
expected values of expressions that give times, and the bounds of histograms of times. Three things cannot be scaled
and are replaced:

- promtool has a fixed lookback of 5 minutes. A series that ends, or has a gap, vanishes after 5 minutes in the original
  test and must vanish after 5 scaled minutes here, so a `stale` marker is written there. Ranges never see it.
- promtool compares exactly, and the same sum of scaled numbers may differ in the last digit: `fuzzy_compare` is set
  (one part in a million), except for a promtool older than `FUZZY_SINCE`, which does not know it. There a factor that
  is a power of two keeps every digit.
- Annotations are texts for people with values in them. Expected ones are emptied, and the rules under test must have
  been written by `scale_rule_file(..., annotations=False)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

import yaml

from fixtures.contract import LOOKBACK_SECONDS
from l4gate import promql
from l4gate.base import Document, Edit, ExpressionError, RuleError, yamldoc
from l4gate.promql import IsTime, counts_times, names_alone, power_of_name, powers
from l4gate.rules.scaling import scale_duration_at, scale_expression_at

FUZZY_SINCE: Final = (3, 5)  # the first supported generation that knows fuzzy_compare; 2.53 refuses the key

_TOP_KEYS: Final = ("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare")
_TEST_KEYS: Final = (
    *("name", "interval", "input_series", "alert_rule_test", "promql_expr_test"),
    *("external_labels", "external_url"),
)
_ITEM: Final = re.compile(r"\{\{.*?\}\}\S*|\S+")
_NUMBER: Final = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Inf|NaN"
_VALUE: Final = re.compile(rf"([+-]?(?:{_NUMBER}))(?:([+-])({_NUMBER}))?(?:x(\d+))?")
_GAP: Final = re.compile(r"_(?:x(\d+))?")


def scale_promtool_test(
    text: str,
    factor: float,
    *,
    name: str = "test",
    fuzzy: bool = True,
    is_time: IsTime = names_alone,
) -> str:
    """
    The text of a promtool test file in scaled time; comments and layout stay.

    Args:
        text: of the test file.
        factor: how much faster time is to pass.
        name: of the file, for messages.
        fuzzy: whether the promtool that is to read it knows `fuzzy_compare` (see `FUZZY_SINCE`).
        is_time: tells the metrics that are times beside those whose names say so.

    Raises:
        RuleError: naming file, line and column, if a part of it cannot be scaled.
        UsageError: if the factor rounds a duration by more than 1 %.
    """
    document = yamldoc.read(text, name)
    top = document.mapping(document.root, _TOP_KEYS)
    edits = [_required_duration(document, document.root, top, "evaluation_interval", factor)]
    for test in document.sequence(top["tests"]) if "tests" in top else ():
        edits += _test(document, test, factor, is_time)
    head = "fuzzy_compare: true\n" if fuzzy and "fuzzy_compare" not in top else ""
    return head + yamldoc.apply(document, edits)


def _test(document: Document, node: yaml.Node, factor: float, is_time: IsTime) -> Iterator[Edit]:
    keys = document.mapping(node, _TEST_KEYS)
    yield _required_duration(document, node, keys, "interval", factor)
    interval = document.seconds(keys["interval"])
    for series in _items(document, keys, "input_series"):
        parts = document.mapping(series, ("series", "values"))
        yield from _bounds(document, parts["series"], factor, is_time)
        power = _power_of_series(document, parts["series"], is_time)
        yield _values(document, parts["values"], power, interval, factor)
    for case in _items(document, keys, "alert_rule_test"):
        parts = document.mapping(case, ("eval_time", "alertname", "exp_alerts"))
        yield scale_duration_at(document, parts["eval_time"], factor)
        for alert in _items(document, parts, "exp_alerts"):
            expected = document.mapping(alert, ("exp_labels", "exp_annotations"))
            if "exp_annotations" in expected:
                yield Edit(expected["exp_annotations"], "{}")
    for case in _items(document, keys, "promql_expr_test"):
        parts = document.mapping(case, ("expr", "eval_time", "exp_samples"))
        yield scale_duration_at(document, parts["eval_time"], factor)
        yield from scale_expression_at(document, parts["expr"], factor, None, is_time=is_time)
        power = powers(promql.parse(document.scalar(parts["expr"])), is_time=is_time).result
        for sample in _items(document, parts, "exp_samples"):
            expected = document.mapping(sample, ("labels", "value", "histogram"))
            if "labels" in expected:
                yield from _bounds(document, expected["labels"], factor, is_time)
            if "value" in expected and power:
                yield Edit(expected["value"], _scaled(document.scalar(expected["value"]), power, factor))


def _items(document: Document, keys: dict[str, yaml.Node], key: str) -> list[yaml.Node]:
    return document.sequence(keys[key]) if key in keys else []


def _required_duration(
    document: Document, node: yaml.Node, keys: dict[str, yaml.Node], key: str, factor: float
) -> Edit:
    if key not in keys:
        document.fail(node, f"expected the key {key}, found none: its default of 1m cannot be scaled.")
    return scale_duration_at(document, keys[key], factor)


def _power_of_series(document: Document, node: yaml.Node, is_time: IsTime) -> int:
    text = document.scalar(node)
    try:
        tree = promql.parse(text)
    except ExpressionError as error:
        document.fail(node, error.message)
    if not isinstance(tree, promql.Selector) or tree.name is None:
        document.fail(node, f"expected a series with a name, found {text}.")
    return power_of_name(tree.name, is_time)


def _bounds(document: Document, node: yaml.Node, factor: float, is_time: IsTime) -> Iterator[Edit]:
    """The edit that scales the label `le` of a series in a histogram of times."""
    if document.scalar(node).startswith("{"):
        return  # without a name, and `{}` is no PromQL
    try:
        tree = promql.parse(document.scalar(node))
    except ExpressionError as error:
        document.fail(node, error.message)
    if isinstance(tree, promql.Selector) and counts_times(tree.name or "", is_time):
        matchers = tuple(
            replace(each, value=_scaled(each.value, 1, factor)) if each.label == "le" else each
            for each in tree.matchers
        )
        yield Edit(node, yamldoc.quote(promql.to_text(replace(tree, matchers=matchers))))


def _values(document: Document, node: yaml.Node, power: int, interval_seconds: float, factor: float) -> Edit:
    """The values of a series scaled, with `stale` markers where the original lookback ends."""
    lookback = math.ceil(LOOKBACK_SECONDS / interval_seconds)  # samples until a series that stopped is gone
    words: list[str] = []
    gap = 0  # samples missing since the last one; -1 after a stale marker, when nothing can vanish any more
    for item in _ITEM.findall(document.scalar(node)):
        missing = _GAP.fullmatch(item)
        if missing:
            count = int(missing[1] or 1)
            if 0 <= gap < lookback <= gap + count:
                words += [*_gap(lookback - gap - 1), "stale"]
                count, gap = gap + count - lookback, -1
            elif gap >= 0:
                gap += count
            words += _gap(count)
            continue
        gap = -1 if item == "stale" else 0
        words.append(_value(document, node, item, power, factor))
    if words and gap >= 0:
        words += [*_gap(lookback - gap - 1), "stale"]
    return Edit(node, yamldoc.quote(" ".join(words)))


def _gap(count: int) -> list[str]:
    return [f"_x{count}"] if count > 0 else []


def _value(document: Document, node: yaml.Node, item: str, power: int, factor: float) -> str:
    match = _VALUE.fullmatch(item)
    if power == 0 or item == "stale":
        return item
    if match is None:
        document.fail(
            node, f"expected values such as 1, 0+60x10 or 5x3, found {item}, which cannot be scaled."
        )
    start, sign, step, times = match.groups()
    scaled = _scaled(start, power, factor)
    if step is not None:
        scaled += sign + _scaled(step, power, factor)
    return scaled + ("" if times is None else f"x{times}")


def _scaled(text: str, power: int, factor: float) -> str:
    """A number divided by factor**power, without an exponent, which promtool cannot read next to a sign."""
    if text.lstrip("+-.").lower() in ("inf", "nan"):
        return text
    try:
        value = float(text)
    except ValueError:
        message = f"expected a number, found {text}, which cannot be scaled."
        raise RuleError(message) from None
    return f"{Decimal(repr(value / factor**power)).normalize():f}"
