"""The rule files of a fleet: made anew from the parsed rules, so comments and layout stay with the repository's."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from l4gate.base import format_duration
from l4gate.contract import Contract
from l4gate.rules.fleet import ROSTER_FILE, Fleet
from l4gate.rules.model import (
    DEFAULT_EVALUATION_INTERVAL_SECONDS,
    RULES_FOLDER,
    RuleGroup,
    all_rules,
    load_rules,
)
from l4gate.rules.scaling import scale_duration, scale_rule_file


def fleet_files(
    source: Path, contract: Contract, *, factor: float, realms: tuple[str, ...]
) -> dict[Path, str]:
    """The text of every rule file of a run with many realms, by its path below the destination."""
    given = load_rules(source)
    recorded = frozenset(rule.name for rule in all_rules(given) if rule.kind == "record")
    fleet = Fleet(contract, recorded, realms[0])
    # Nothing in a roster is a time, and of ten thousand realms it is long.
    pace = scale_duration(given[0].interval_seconds or DEFAULT_EVALUATION_INTERVAL_SECONDS, factor)
    written = {Path(RULES_FOLDER, ROSTER_FILE): as_yaml([fleet.roster(realms, pace)])}
    files: dict[Path, list[RuleGroup]] = {}
    for group in fleet.groups(given):
        files.setdefault(Path(group.file).relative_to(source), []).append(group)
    for path, groups in files.items():
        text = as_yaml(groups)
        if factor != 1:
            text = scale_rule_file(text, factor, name=str(path), is_time=contract.in_seconds)
        written[path] = text
    return written


def as_yaml(groups: Iterable[RuleGroup]) -> str:
    """The text of a rule file with these groups."""
    return yaml.safe_dump(
        {"groups": [_written(group) for group in groups]}, sort_keys=False, width=sys.maxsize
    )


def _written(group: RuleGroup) -> dict[str, object]:
    made: dict[str, object] = {"name": group.name}
    if group.interval_seconds is not None:
        made["interval"] = format_duration(group.interval_seconds)
    if group.limit:
        made["limit"] = group.limit
    made["rules"] = [
        {
            key: value
            for key, value in (
                (rule.kind, rule.name),
                ("expr", rule.expr),
                ("for", format_duration(rule.for_seconds) if rule.for_seconds else None),
                (
                    "keep_firing_for",
                    format_duration(rule.keep_firing_for_seconds) if rule.keep_firing_for_seconds else None,
                ),
                ("labels", dict(rule.labels)),
                ("annotations", dict(rule.annotations)),
            )
            if value
        }
        for rule in group.rules
    ]
    return made
