"""Everything that a rule reads exists."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Final

from l4gate import promql
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import entry, items, plain

_MOST_NAMES_TO_COMPARE: Final = (
    300  # each comparison takes some 5 us, and each unknown name compares them all
)
OF_PROMETHEUS: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


@check(
    "reference/unknown-metric",
    title="every metric that is read is recorded here or a declared input",
    why="A name that nobody writes gives no result and no error: the rule is silent for ever.",
    mend="Correct the name; a new input is declared in contract.yml (`inputs`).",
    needs_all_rules=True,
)
def unknown_metric(facts: Facts) -> Iterator[Problem]:
    """Looks every selector's name up."""
    known = {*facts.trees, *facts.contract.inputs}
    for each in facts.rules:
        for selector in promql.selectors(each.tree):
            name = selector.name
            if not name:
                yield Problem(f"{each.rule.name}: a selector without a metric name", each.at(selector))
            elif name not in facts.trees and not facts.input_type(name) and name not in OF_PROMETHEUS:
                yield Problem(
                    f"{each.rule.name} reads {name}, which nobody writes{nearest(name, known)}",
                    each.at(selector),
                )


@check(
    "reference/unknown-job",
    title="every job that is asked for exists",
    why="A matcher for a job that is not configured never matches.",
    mend="Use a job_name of prometheus.yml, or the job that the heartbeat or the service pushes under.",
)
def unknown_job(facts: Facts) -> Iterator[Problem]:
    """Compares equality matchers on `job` with the configuration."""
    if facts.repository.config is None:
        return
    jobs = {plain(entry(job, "job_name")) for job in items(entry(facts.repository.config, "scrape_configs"))}
    jobs |= {facts.contract.heartbeat.job, facts.contract.simulation.job}
    for each in facts.rules:
        for selector in promql.selectors(each.tree):
            for matcher in selector.matchers:
                if matcher.label == "job" and matcher.op in ("=", "!=") and matcher.value not in jobs:
                    hint = nearest(matcher.value, jobs)
                    yield Problem(
                        f"{each.rule.name} asks for the job {matcher.value!r}, which is unknown{hint}",
                        each.at(selector),
                    )


@check(
    "reference/contract-metrics",
    title="every metric of the contract is recorded, by one rule",
    why="The gate judges these names; one that is not recorded, or recorded under an old or mistyped name,"
    " is HOLD at best.",
    mend="Record the metric under exactly this name, once.",
    needs_all_rules=True,
)
def contract_metrics(facts: Facts) -> Iterator[Problem]:
    """Counts the rules behind each name of the contract."""
    for name in facts.contract.recorded:
        rules = facts.repository.recorded.get(name, [])
        if not rules:
            others = [each for each in facts.trees if each not in facts.contract.recorded]
            yield Problem(
                f"{name} is not recorded{nearest(name, others)}",
                Place(f"{facts.repository.folder.name}/rules"),
            )
        for again in rules[1:]:
            yield Problem(f"{name} is recorded by {len(rules)} rules", again.at_key("record"))


def nearest(name: str, known: Collection[str]) -> str:
    """A hint at the most similar known name, or nothing."""
    if len(known) > _MOST_NAMES_TO_COMPARE:
        return ""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    return f"; is {found[0]} meant?" if found else ""
