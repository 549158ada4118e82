"""
Time scaled by one factor: every duration of the system is divided by it, and the shape of every curve stays.

Scaling works on parsed PromQL and YAML, never on text. In an expression these are times: ranges, subqueries (range and
step), offsets, and the number literals that promql/units.py finds to be seconds; `@` is a point in time and stays. In
files: group intervals, `for`, `keep_firing_for`, and the intervals and time-outs of prometheus.yml. Texts for people
(annotations) and thresholds stay as they are. Durations are seconds.

Prometheus knows nothing finer than a millisecond: a factor that rounds any duration by more than 1 % is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import yaml

from l4gate import promql
from l4gate.base import (
    Document,
    Edit,
    ExpressionError,
    RuleError,
    UsageError,
    format_duration,
    parse_duration,
    yamldoc,
)
from l4gate.promql import IsTime, names_alone, power_of_name, powers

_HALF_MILLISECOND: Final = 0.0005
_DIGITS_BACK: Final = 12  # significant: 720 / 300 / (1 / 300) is 719.9999999999999
MAX_ROUNDING: Final = 0.01  # of a duration; more would change what the rules mean
_CONFIG_DURATIONS: Final = frozenset(
    {"scrape_interval", "scrape_timeout", "evaluation_interval", "refresh_interval", "rule_query_offset"}
)
_NOTIFYING: Final = "alerting"  # how long an Alertmanager may take to answer is no time of the rules
_REQUIRED_GLOBALS: Final = ("scrape_interval", "evaluation_interval")  # their defaults would not be scaled


def scale_duration(seconds: float, factor: float) -> float:
    """
    A duration divided by the factor, in whole milliseconds.

    A factor below 1 leads back to production, where durations are whole seconds: what was rounded is mended there.

    Raises:
        UsageError: if that rounds it by more than 1 %.
    """
    exact = seconds / factor
    if factor < 1 and abs(exact - round(exact)) <= _HALF_MILLISECOND / factor:
        return float(round(exact))
    scaled = round(exact, 3)
    if abs(scaled - exact) > MAX_ROUNDING * abs(exact):
        message = (
            f"cannot scale {format_duration(abs(seconds))} by {factor:g}: {exact * 1000:g} ms is rounded to "
            f"{scaled * 1000:g} ms, and Prometheus knows nothing finer."
        )
        raise UsageError(message, next_step="use a smaller factor.")
    return scaled


def scale_expr(expr: str, factor: float, *, result: int | None = None, is_time: IsTime = names_alone) -> str:
    """
    The expression in scaled time. `result` is the power of seconds of its value, if known; `is_time` as in `powers`.

    Raises:
        ExpressionError: if it is not PromQL, or it cannot be told which of its numbers are times.
        UsageError: if the factor rounds a duration by more than 1 %.
    """
    return promql.to_text(scale_tree(promql.parse(expr), factor, result=result, is_time=is_time))


def scale_tree(
    tree: promql.Node, factor: float, *, result: int | None = None, is_time: IsTime = names_alone
) -> promql.Node:
    """The tree in scaled time. Raises like `scale_expr`."""
    literals = powers(tree, result=result, is_time=is_time).literals

    def change(node: promql.Node) -> promql.Node:
        match node:
            case promql.Number(value=value):
                return replace(node, value=_scaled(value, factor, literals.get(node.span, 0)))
            case promql.Selector(range_seconds=window, offset_seconds=offset):
                scaled = None if window is None else scale_duration(window, factor)
                return replace(node, range_seconds=scaled, offset_seconds=scale_duration(offset, factor))
            case promql.Subquery(range_seconds=window, step_seconds=step, offset_seconds=offset):
                return replace(
                    node,
                    range_seconds=scale_duration(window, factor),
                    step_seconds=None if step is None else scale_duration(step, factor),
                    offset_seconds=scale_duration(offset, factor),
                )
            case _:
                return node

    return promql.transform(tree, change)


def _scaled(value: float, factor: float, power: int) -> float:
    """A number of seconds to some power, divided. On the way back to production, what floats have lost is mended."""
    exact = value / factor**power
    return float(f"{exact:.{_DIGITS_BACK}g}") if power and factor < 1 else exact


def scale_rule_file(
    text: str,
    factor: float,
    *,
    name: str = "rules",
    annotations: bool = True,
    is_time: IsTime = names_alone,
) -> str:
    """
    The text of a rule file in scaled time; comments and layout stay. `annotations=False` leaves them out.

    `is_time` tells the metrics that are times beside those whose names say so: `Contract.in_seconds`.

    Raises:
        RuleError: naming file, line and column, if the file or an expression in it cannot be scaled.
        UsageError: if the factor rounds a duration by more than 1 %.
    """
    document = yamldoc.read(text, name)
    edits = []
    for group in _items(document, document.root, "groups"):
        edits += _durations(document, group, factor, {"interval", "query_offset"})
        for rule in _items(document, group, "rules"):
            keys = document.mapping(rule)
            edits += _durations(document, rule, factor, {"for", "keep_firing_for"})
            if "expr" in keys:
                recorded = (
                    power_of_name(document.scalar(keys["record"]), is_time) if "record" in keys else None
                )
                edits += scale_expression_at(document, keys["expr"], factor, recorded, is_time=is_time)
            if "annotations" in keys and not annotations:
                edits.append(Edit(keys["annotations"], "{}"))
    return yamldoc.apply(document, edits)


def scale_config(text: str, factor: float, *, name: str = "prometheus.yml") -> str:
    """
    The text of a prometheus.yml in scaled time; comments and layout stay.

    Raises:
        RuleError: naming file, line and column, if a duration is not known here, or if global.scrape_interval or
            global.evaluation_interval is left to its default.
        UsageError: if the factor rounds a duration by more than 1 %.
    """
    document = yamldoc.read(text, name)
    settings = document.mapping(document.root).get("global")
    present = {} if settings is None else document.mapping(settings)
    for required in _REQUIRED_GLOBALS:
        if required not in present:
            document.fail(
                document.root, f"expected global.{required}, found none: its default cannot be scaled."
            )
    edits = []
    for path, node in document.walk():
        if not isinstance(node, yaml.ScalarNode) or not path or path[0] == _NOTIFYING:
            continue
        if path[-1] in _CONFIG_DURATIONS:
            edits.append(scale_duration_at(document, node, factor))
        elif _looks_like_duration(node):
            document.fail(node, f"expected a known duration, found {'.'.join(path)}: {node.value}.")
    return yamldoc.apply(document, edits)


def _items(document: Document, node: yaml.Node, key: str) -> list[yaml.Node]:
    found = document.mapping(node).get(key)
    return [] if found is None else document.sequence(found)


def _durations(document: Document, node: yaml.Node, factor: float, keys: set[str]) -> list[Edit]:
    return [
        scale_duration_at(document, value, factor)
        for key, value in document.mapping(node).items()
        if key in keys
    ]


def scale_duration_at(document: Document, node: yaml.Node, factor: float) -> Edit:
    """The edit that scales a duration in a file. Raises like `scale_rule_file`."""
    seconds = document.seconds(node)
    try:
        return Edit(node, format_duration(scale_duration(seconds, factor)))
    except UsageError as error:
        message = f"{document.where(node)}: {error.message}"
        raise UsageError(message, next_step=error.next_step) from None


def _looks_like_duration(node: yaml.ScalarNode) -> bool:
    text = str(node.value)
    try:
        return not text.isdecimal() and parse_duration(text) >= 0
    except UsageError:
        return False


def scale_expression_at(
    document: Document,
    node: yaml.Node,
    factor: float,
    result: int | None,
    *,
    is_time: IsTime = names_alone,
) -> list[Edit]:
    """
    The edit that scales an expression in a file; none where there is no time in it, so that it stays readable.

    Raises like `scale_rule_file`.
    """
    text = document.scalar(node)
    try:
        tree = promql.parse(text)
        scaled = scale_tree(tree, factor, result=result, is_time=is_time)
    except ExpressionError as error:
        line, column = document.marks(node)[error.offset]
        message = f"{document.name}:{line}:{column}: {error.message}"
        raise RuleError(message, next_step=error.next_step) from None
    except UsageError as error:
        message = f"{document.where(node)}: {error.message}"
        raise UsageError(message, next_step=error.next_step) from None
    return [] if scaled == tree else [Edit(node, yamldoc.quote(promql.to_text(scaled)))]
