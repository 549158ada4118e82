"""Rules as a server's `/api/v1/rules` gives them, checked: whoever answers there may be anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from l4gate.base import LONGEST_SECONDS, ApiBadAnswer
from l4gate.rules.model import Rule, RuleGroup


def groups_from_api(data: Mapping[str, Any]) -> tuple[RuleGroup, ...]:
    """
    The groups in the `data` of an answer of GET /api/v1/rules (Prometheus 2.42 to 3.5).

    Raises:
        ApiBadAnswer: if it is not of that shape.
    """
    try:
        return tuple(_api_group(group) for group in data["groups"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        message = f"expected rule groups as /api/v1/rules gives them, found another shape ({error!r:.120})."
        raise ApiBadAnswer(message) from None


def _api_group(group: Mapping[str, Any]) -> RuleGroup:
    file, limit = _api_text(group["file"]), group.get("limit") or 0
    rules = tuple(_api_rule(rule, file) for rule in group["rules"])
    interval = _api_seconds(group["interval"])
    if type(limit) is not int:
        raise TypeError(type(limit))
    return RuleGroup(_api_text(group["name"]), interval, rules, file=file, limit=limit)


_API_KINDS: Final[Mapping[str, Literal["record", "alert"]]] = {"recording": "record", "alerting": "alert"}


def _api_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value))
    return value


def _api_seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < LONGEST_SECONDS:
        raise ValueError(seconds)
    return seconds


def _api_texts(value: Any) -> dict[str, str]:
    return {name: _api_text(text) for name, text in value.items()} if value else {}


def _api_rule(rule: Mapping[str, Any], file: str) -> Rule:
    return Rule(
        kind=_API_KINDS[rule["type"]],
        name=_api_text(rule["name"]),
        expr=_api_text(rule["query"]),
        labels=_api_texts(rule.get("labels")),
        for_seconds=_api_seconds(rule.get("duration") or 0),
        keep_firing_for_seconds=_api_seconds(rule.get("keepFiringFor") or 0),
        annotations=_api_texts(rule.get("annotations")),
        file=file,
    )
