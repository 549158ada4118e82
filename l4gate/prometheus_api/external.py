"""
Labels that an engine adds to all that comes from one Prometheus: external labels, in Prometheus' words.

Thanos has them on every series, rule and target; what is written to Mimir, on every series. The contract knows none of
them, so those that are named are taken off here, before anything else sees them. Each is named with its value: what
has another value comes from somewhere else and keeps it, and is held against the contract with it.

What would be the same as another one without its labels keeps them as well: two are never merged into one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from l4gate.base import UsageError
from l4gate.prometheus_api.answers import SampleSeries
from l4gate.settings import Settings

External = frozenset[tuple[str, str]]
NONE: Final[External] = frozenset()
_BY_EVERYBODY: Final = frozenset(("__name__", "job", "instance", "alertname", "alertstate"))


def external_of(settings: Settings) -> External:
    """
    The labels that the settings name, with their values.

    Raises:
        UsageError: for one by which series are told apart: without it, anybody's would be anybody else's.
    """
    found = frozenset(
        (name, value) for name, _, value in (each.partition("=") for each in settings.external_labels)
    )
    contract = settings.contract if found else None
    ours = {contract.realm.label, contract.abort.label.name} if contract else set()
    for name, _ in sorted(found):
        if name in _BY_EVERYBODY | ours:
            message = f"external label {name}: series are told apart by it, so it cannot be one that an engine adds."
            raise UsageError(
                message, next_step="name the labels under external_labels of the Prometheus, or its --label."
            )
    return found


def bare_series(series: tuple[SampleSeries, ...], external: External) -> tuple[SampleSeries, ...]:
    """Series without these labels."""
    if not external:
        return series
    bare = _bare([each.labels for each in series], external)
    return tuple(replace(each, labels=labels) for each, labels in zip(series, bare, strict=True))


def bare_targets(targets: list[dict[str, Any]], external: External) -> list[dict[str, Any]]:
    """Targets of a server's page without these labels."""
    if not external:
        return targets
    bare = _bare([_mapping(each.get("labels")) for each in targets], external)
    return [{**each, "labels": labels} for each, labels in zip(targets, bare, strict=True)]


def bare_groups(groups: list[dict[str, Any]], external: External) -> list[dict[str, Any]]:
    """Rule groups of a server's page without these labels; rules that become the same stay two."""
    if not external:
        return groups
    return [
        {**each, "rules": [_bare_rule(rule, external) for rule in each["rules"]]}
        if isinstance(each.get("rules"), list)
        else each
        for each in groups
    ]


def _bare_rule(rule: Any, external: External) -> Any:
    if not isinstance(rule, dict):
        return rule
    found = {**rule, "labels": _without(_mapping(rule.get("labels")), external)}
    if isinstance(rule.get("alerts"), list):
        found["alerts"] = [
            {**each, "labels": _without(_mapping(each.get("labels")), external)}
            if isinstance(each, dict)
            else each
            for each in rule["alerts"]
        ]
    return found


def _bare(all_labels: list[Mapping[str, Any]], external: External) -> list[Mapping[str, Any]]:
    bare = [_without(each, external) for each in all_labels]
    keys = [frozenset((name, str(value)) for name, value in each.items()) for each in bare]
    times = Counter(keys)
    return [
        short if times[key] == 1 else whole for short, whole, key in zip(bare, all_labels, keys, strict=True)
    ]


def _without(labels: Mapping[str, Any], external: External) -> dict[str, Any]:
    return {
        name: value
        for name, value in labels.items()
        if not isinstance(value, str) or (name, value) not in external
    }


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
