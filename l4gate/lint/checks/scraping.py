"""
What prometheus.yml does to targets, and which jobs there may be.

A check sends targets through a job as Prometheus would: how the job is written does not matter, so that no way to write
it is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate.lint.facts import Facts
from l4gate.lint.jobs import judged_jobs, ours
from l4gate.lint.model import check
from l4gate.lint.places import Problem
from l4gate.scraping import ADDRESS, EXPORTED, METRICS_PATH, NAME, Relabelling, is_harmless

_STEPS: Final = "metric_relabel_configs"
_WRITING: Final = frozenset({"replace", "hashmod", "lowercase", "uppercase"})
_WHOLE: Final = frozenset({"(.*)", "(.+)"})


@check(
    "config/relabelling",
    title="every relabelling step is one whose effect is known",
    why="What a step does to names, realms and jobs decides what counts as a heartbeat; nobody can vouch for one that"
    " is not understood.",
    mend="Write the step with an action and a regular expression that every Prometheus from 2.42 on knows.",
)
def relabelling(facts: Facts) -> Iterator[Problem]:
    """Reads the steps of each job."""
    for each in judged_jobs(facts.repository):
        if each.odd:
            yield Problem(f"job {each.name}: {each.odd}", each.at("relabel_configs", _STEPS))


@check(
    "config/targets",
    title="every target is scraped as its list says",
    why="A target that relabelling drops has no `up`, so nothing ever says that it is down; one with another job,"
    " realm, address or path is something else under its name.",
    mend="Take the step out of relabel_configs, or the label out of the list of targets.",
)
def targets(facts: Facts) -> Iterator[Problem]:
    """Relabels each target of the contract's jobs, and looks at what Prometheus takes from it."""
    realm = facts.contract.realm
    for each, job in ours(facts):
        place = each.at("relabel_configs", "file_sd_configs", "static_configs")
        for discovered in each.discovered():
            target = job.target(discovered)
            if target is None:
                yield Problem(f"job {each.name}: the target {discovered[ADDRESS]} is dropped", place)
                continue
            wanted = {
                "job": each.name,
                realm.label: realm.default,
                ADDRESS: discovered[ADDRESS],
                "__metrics_path__": METRICS_PATH,
                "__scrape_interval__": job.reserved["__scrape_interval__"],
                "__scrape_timeout__": job.reserved["__scrape_timeout__"],
            }
            wanted |= {name: "" for name in target if name.startswith("__param_")}
            for name, value in wanted.items():
                if target.get(name, "") != value:
                    yield Problem(
                        f"job {each.name}: expected the target {discovered[ADDRESS]} with {name}"
                        f' "{value}", found "{target.get(name, "")}"',
                        place,
                    )


@check(
    "config/rewriting",
    title="no step writes the name, realm, job or instance of a sample",
    why="A beat of another realm, or another metric, would count as one of ours; a step may do so for one value alone,"
    " which no look at the samples of today shows.",
    mend="Take the step out. Allowed is what undoes the renaming of a label: a labelmap of `exported_(NAME)`.",
)
def rewriting(facts: Facts) -> Iterator[Problem]:
    """Looks at what each step of the contract's jobs writes."""
    guarded = (NAME, facts.contract.realm.label, "job", "instance")
    for each, job in ours(facts):
        for step in job.metric_relabelling:
            if _writes(step, guarded):
                what = step.target_label or f"{step.regex} -> {step.replacement}"
                yield Problem(
                    f"job {each.name}: expected no step that writes {', '.join(guarded)}, found {step.action} {what}",
                    each.at(_STEPS),
                )


def _writes(step: Relabelling, guarded: tuple[str, ...]) -> bool:
    """Whether a step may write one of these labels with anything but what was exported from it."""
    if step.action == "labelmap":
        undone = step.replacement == "$1" and step.regex in {f"{EXPORTED}({name})" for name in guarded}
        return not undone and ("$" in step.replacement or step.replacement in guarded)
    if step.action not in _WRITING or ("$" not in step.target_label and step.target_label not in guarded):
        return False
    return not (
        step.action == "replace"
        and step.source_labels == (f"{EXPORTED}{step.target_label}",)
        and step.regex in _WHOLE
        and step.replacement == "$1"
    )


@check(
    "config/foreign-job",
    title="no other job can bring series of our realm",
    why="A second gateway under another job, with our realm, is a source that the gate does not know: it may deliver"
    " beats of anybody, and nobody asks whether it is up.",
    mend="Take the realm's label from its targets and its relabelling, and honor_labels from the job; or name the"
    " job in the contract (`targets`).",
)
def foreign_job(facts: Facts) -> Iterator[Problem]:
    """Judges each job that is not of the contract."""
    names = {each.job for each in facts.contract.targets}
    for each in judged_jobs(facts.repository):
        if each.name not in names and not is_harmless(
            each.config, facts.contract, (facts.contract.realm.default,), discovered=each.discovered()
        ):
            yield Problem(
                f"job {each.name} is none of the contract's, and can bring series of {facts.contract.realm.label}="
                f'"{facts.contract.realm.default}"',
                each.at("honor_labels", "static_configs"),
            )
