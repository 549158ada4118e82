"""
Rule groups of a server's page in Prometheus' own form, whoever evaluates them.

Thanos and Mimir say of each group what Prometheus has no word for; both are known by that, whatever the URL is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from l4gate.prometheus_api.dialects import DIALECTS, MIMIR, THANOS, Dialect
from l4gate.prometheus_api.naming import hold_groups_to_name
from l4gate.prometheus_api.numbers import rfc3339

_WHOLE: Final = (
    "ABORT"  # what Thanos says of a group that fails where a store does not answer; so is its default
)
_HALF: Final = (
    0.5  # of an interval: an evaluation is far shorter, and the one before began a whole interval earlier
)


def translated(groups: list[dict[str, Any]], spoken: Dialect, engine: str, url: str) -> list[dict[str, Any]]:
    """
    The groups, with Prometheus' names and in the order of evaluation.

    `spoken` is the dialect of the page; `engine` the one that was named, or "".

    Raises:
        ApiBadAnswer: if they are not those of the engine that was named.
    """
    named = DIALECTS.get(engine)
    if named is not None:
        hold_groups_to_name(named, groups, url)
    return [_group(each, spoken) for each in groups]


def _group(said: Mapping[str, Any], spoken: Dialect) -> dict[str, Any]:
    found, rules = dict(said), said.get("rules")
    if not isinstance(rules, list) or not isinstance(found.get("name"), str):
        return found
    found["rules"] = [spoken.rule(each) if isinstance(each, dict) else each for each in rules]
    if THANOS.mark in said:
        found["rules"] = _as_evaluated(found["rules"], said.get("interval"))
        if said[THANOS.mark] != _WHOLE:
            # It takes what the stores that are there have. The repository's groups do not, so this is another group.
            found["name"] += f" ({THANOS.mark}: {said[THANOS.mark]})"
    if said.get(MIMIR.mark):
        # It is evaluated over the series of other tenants, which is no group of the repository's either.
        found["name"] += f" ({MIMIR.mark}: {said[MIMIR.mark]})"
    return found


def _as_evaluated(rules: list[Any], interval: Any) -> list[Any]:
    """
    The rules in the order in which they were evaluated, which is that of their file.

    Thanos sorts a group's rules by kind and name (pkg/rules/rules.go, dedupRules), but each has the time at which its
    own evaluation began, one after the other (prometheus/prometheus, rules/group.go, Eval). What has no such time
    leaves the page as it is, which then differs. While a group is evaluated, its later rules have the time before.
    """
    try:
        times = [rfc3339(each["lastEvaluation"]) for each in rules]
        late = max(times, default=0.0) - float(interval) * _HALF
    except (KeyError, TypeError, ValueError):
        return rules
    order = sorted(range(len(rules)), key=lambda at: (times[at] < late, times[at]))
    return [rules[at] for at in order]
