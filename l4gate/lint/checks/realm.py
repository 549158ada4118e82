"""One realm's numbers never mix with another's."""

from __future__ import annotations

from collections.abc import Iterator

from l4gate import promql
from l4gate.contract import DEFAULT_REALM, REALM_LABEL
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Problem


@check(
    "realm/label",
    title="every rule sets the realm label",
    why="The gate asks for one realm; a series without the label, or with another one, is never found, and"
    " an aggregation"
    " drops the label silently.",
    mend=f"Add `labels: {{{REALM_LABEL}: {DEFAULT_REALM}}}` to the rule.",
)
def realm_label(facts: Facts) -> Iterator[Problem]:
    """Looks at the labels of recording rules and alerts alike."""
    for each in facts.rules:
        found = each.rule.labels.get(REALM_LABEL)
        if found != DEFAULT_REALM:
            seen = "no such label" if found is None else repr(found)
            yield Problem(
                f"{each.rule.name}: expected the label {REALM_LABEL}: {DEFAULT_REALM}, found {seen}",
                each.at_key(f"labels.{REALM_LABEL}", "labels", "record", "alert"),
            )


@check(
    "realm/selector",
    title="every selector filters by the realm",
    why="Without the filter a beat of staging keeps production alive, and two realms make two series where"
    " one is expected.",
    mend=f'Add `{REALM_LABEL}="{DEFAULT_REALM}"` to the selector.',
)
def realm_selector(facts: Facts) -> Iterator[Problem]:
    """Accepts only an equality with the realm: a pattern can match more than one."""
    for each in facts.rules:
        for selector in promql.selectors(each.tree):
            found = [matcher for matcher in selector.matchers if matcher.label == REALM_LABEL]
            if any(matcher.op == "=" and matcher.value == DEFAULT_REALM for matcher in found):
                continue
            seen = (
                ", ".join(f'{matcher.label}{matcher.op}"{matcher.value}"' for matcher in found) or "no filter"
            )
            yield Problem(
                f'{each.rule.name}: expected {selector.name or "a selector"}{{{REALM_LABEL}="{DEFAULT_REALM}"}},'
                f" found {seen}",
                each.at(selector),
            )
