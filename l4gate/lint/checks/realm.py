"""One realm's numbers never mix with another's."""

from __future__ import annotations

from collections.abc import Iterator

from l4gate import promql
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Problem


@check(
    "realm/label",
    title="every rule sets the realm label",
    why="The gate asks for one realm; a series without the label, or with another one, is never found, and"
    " an aggregation"
    " drops the label silently.",
    mend="Add the contract's realm label (`realm`) to the `labels` of the rule.",
)
def realm_label(facts: Facts) -> Iterator[Problem]:
    """Looks at the labels of recording rules and alerts alike."""
    realm = facts.contract.realm
    for each in facts.rules:
        found = each.rule.labels.get(realm.label)
        if found != realm.default:
            seen = "no such label" if found is None else repr(found)
            yield Problem(
                f"{each.rule.name}: expected the label {realm.label}: {realm.default}, found {seen}",
                each.at_key(f"labels.{realm.label}", "labels", "record", "alert"),
            )


@check(
    "realm/selector",
    title="every selector filters by the realm",
    why="Without the filter a beat of staging keeps production alive, and two realms make two series where"
    " one is expected.",
    mend="Add a matcher that demands the contract's realm (`realm`) to the selector.",
)
def realm_selector(facts: Facts) -> Iterator[Problem]:
    """Accepts only an equality with the realm: a pattern can match more than one."""
    realm = facts.contract.realm
    for each in facts.rules:
        for selector in promql.selectors(each.tree):
            found = [matcher for matcher in selector.matchers if matcher.label == realm.label]
            if any(matcher.op == "=" and matcher.value == realm.default for matcher in found):
                continue
            seen = (
                ", ".join(f'{matcher.label}{matcher.op}"{matcher.value}"' for matcher in found) or "no filter"
            )
            yield Problem(
                f'{each.rule.name}: expected {selector.name or "a selector"}{{{realm.label}="{realm.default}"}},'
                f" found {seen}",
                each.at(selector),
            )
