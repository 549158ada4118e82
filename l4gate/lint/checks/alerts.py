"""An alert says something to the person it wakes, and only when there is something to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from l4gate.lint.facts import Facts
from l4gate.lint.flow import can_be_empty
from l4gate.lint.model import check
from l4gate.lint.places import Problem
from l4gate.lint.repository import Judged

SEVERITIES: Final = ("critical", "warning", "info")
_ANNOTATIONS: Final = (("summary",), ("description",), ("next_step", "runbook_url", "runbook"))
_LABEL_IN_TEMPLATE: Final = re.compile(r"(?:\$labels|\.Labels)\.(\w+)")


@check(
    "alert/name-unique",
    title="every alert has a name of its own",
    why="Two alerts of one name cannot be told apart by the gate, by silences or by people.",
    mend="Rename one of the two.",
)
def name_unique(facts: Facts) -> Iterator[Problem]:
    """Looks across all files."""
    seen: dict[str, Judged] = {}
    for each in facts.repository.alerts:
        first = seen.setdefault(each.rule.name, each)
        if first is not each:
            yield Problem(
                f"the alert {each.rule.name} stands here and at {first.rule.file}:{first.rule.line}",
                each.at_key("alert"),
            )


@check(
    "alert/labels",
    title="every alert has a severity",
    why="Routing goes by severity; an alert without one reaches nobody, or everybody.",
    mend=f"Add the label `severity`, one of {', '.join(SEVERITIES)}.",
)
def labels(facts: Facts) -> Iterator[Problem]:
    """Checks the label and its value."""
    for each in facts.repository.alerts:
        found = each.rule.labels.get("severity")
        if found not in SEVERITIES:
            yield Problem(
                f"{each.rule.name}: expected a severity of {', '.join(SEVERITIES)}, found {found or 'none'}",
                each.at_key("labels.severity", "labels", "alert"),
            )


@check(
    "alert/annotations",
    title="every alert says what happened and what to do",
    why="Nobody may be woken without being told cause, value and next step.",
    mend="Add `summary`, `description`, and `next_step` or `runbook_url`, each with a text.",
)
def texts(facts: Facts) -> Iterator[Problem]:
    """Checks that each annotation is there and not empty."""
    for each in facts.repository.alerts:
        for names in _ANNOTATIONS:
            if not any(each.rule.annotations.get(name, "").strip() for name in names):
                yield Problem(
                    f"{each.rule.name} has no {' or '.join(names)}", each.at_key("annotations", "alert")
                )


@check(
    "alert/template",
    title="templates use labels that the alert has",
    why="A label that is not there is shown as an empty word, in the middle of the night.",
    mend="Keep the label in the expression's aggregation, or take it out of the text.",
)
def template(facts: Facts) -> Iterator[Problem]:
    """Compares `$labels.NAME` in annotations and labels with what the expression's result can have."""
    for each in facts.repository.alerts:
        there = facts.labels_of_rule(each)
        found = {f"annotations.{key}": text for key, text in each.rule.annotations.items()}
        found |= {f"labels.{key}": text for key, text in each.rule.labels.items()}
        for key, text in found.items():
            for name in dict.fromkeys(_LABEL_IN_TEMPLATE.findall(text)):
                if there.lacks(name):
                    yield Problem(
                        f"{each.rule.name}: {key} uses the label {name}, which is not there", each.at_key(key)
                    )


@check(
    "alert/always-fires",
    title="an alert's expression is empty when all is well",
    why="An alert fires for every series of its result, whatever the value: 0, or a comparison with bool,"
    " fires as well.",
    mend="Compare with a limit, without `bool`.",
)
def always_fires(facts: Facts) -> Iterator[Problem]:
    """Finds expressions that have a result whenever their inputs are there; the watchdog alone is to be like that."""
    for each in facts.repository.alerts:
        if each.rule.name != facts.contract.watchdog and not can_be_empty(each.tree):
            yield Problem(f"{each.rule.name} fires whenever its metrics are there", each.at())
