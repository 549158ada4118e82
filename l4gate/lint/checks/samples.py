"""
What prometheus.yml does to samples: each check scrapes some, as Prometheus would.

How a job is written does not matter, so that no way to write it is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from l4gate.lint.facts import Facts
from l4gate.lint.jobs import JudgedJob, judged_jobs, ours
from l4gate.lint.model import check
from l4gate.lint.places import Problem
from l4gate.scraping import EXPORTED, NAME, Labels, Relabelling, ScrapeJob, visible

_STEPS: Final = "metric_relabel_configs"
# The series that Prometheus makes of each scrape and alert: its documentation of "jobs and instances", and of alerts.
_OWN_SERIES: Final = (
    *("ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "scrape_samples_scraped"),
    *("scrape_samples_post_metric_relabeling", "scrape_series_added", "scrape_timeout_seconds"),
    *("scrape_sample_limit", "scrape_body_size_bytes"),
)
_MADE_UP: Final = ("made:up", "a:b:c", "A:1", ":", "made_up:total", "job:x_y:rate5m")
_SORT_OUT: Final = frozenset({"keep", "drop"})
_WORD: Final = re.compile(r"[\w.-]+")
_OTHER: Final = "made-up"  # a realm, job or instance that nobody has
_EXPORTER: Final = "node_"  # how the names of node-exporter's own metrics begin
_SELF: Final = "prometheus_"  # and those of Prometheus'


@check(
    "config/made-here",
    title="no scrape brings what only rules and Prometheus itself make",
    why="Whoever can push or write a text file would make the numbers that decide, an alert, or the `up` of a target"
    " that is down.",
    mend="Drop recorded names, every name with a colon, ALERTS, ALERTS_FOR_STATE, up and scrape_* in the job's"
    " metric_relabel_configs, whatever labels they have.",
    needs_all_rules=True,
)
def made_here(facts: Facts) -> Iterator[Problem]:
    """Scrapes each of these names with every kind of labels."""
    recorded = {*facts.contract.recorded, *facts.repository.recorded}
    names = (*sorted(recorded), *_MADE_UP, *_OWN_SERIES)
    realm, known = facts.contract.realm, {each.job for each in facts.contract.targets}
    for each in judged_jobs(facts.repository):
        job = each.job
        if job is None:
            continue
        stored = _stored(facts, names, job, _targets(facts, each, job))
        if each.name not in known:  # other people's jobs may bring what they like of a realm of their own
            own = (realm.label, realm.default)
            stored = {
                name: [labels for labels in kinds if own in labels.items()] for name, kinds in stored.items()
            }
        found = [name for name, kinds in stored.items() if kinds]
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""  # noqa: PLR2004 - what a line holds
            yield Problem(
                f"job {each.name}: expected these to be dropped: {', '.join(found[:3])}{more}",
                each.at(_STEPS),
            )


@check(
    "config/samples",
    title="what the contract reads comes through as it was delivered",
    why="A sample that is dropped is a value that is missing; one whose name, realm, job or instance is rewritten"
    " counts for somebody else.",
    mend="Let the job's metric_relabel_configs and honor_labels leave name, realm, job and instance of the contract's"
    " inputs as they were pushed; of a text file, the name and the realm.",
)
def samples(facts: Facts) -> Iterator[Problem]:
    """Scrapes each input, of our realm and of another, as Prometheus, the gateway and node-exporter deliver it."""
    for each, job in ours(facts):
        wrong: dict[str, str] = {}
        for target in _targets(facts, each, job):
            for sample, wanted in _deliveries(facts, each.name, target):
                found = job.sample(sample, target)
                if found != wanted:
                    wrong.setdefault(sample[NAME], _changed(wanted, found))
        if wrong:
            name, what = next(iter(wrong.items()))
            more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            yield Problem(f"job {each.name}: {name} {what}{more}", each.at(_STEPS, "honor_labels"))


@check(
    "config/textfile",
    title="a text file brings the heartbeat alone, as the exporter's own",
    why="Every program of a host may leave a text file: with more than the beat it would stand in for the service, and"
    " with another's job, instance or realm for somebody else.",
    mend="Keep the heartbeat's two names and the exporter's own (node_, go_, process_, promhttp_), keep job and"
    " instance of the target, and let no second label give the realm.",
)
def textfile(facts: Facts) -> Iterator[Problem]:
    """Scrapes text files that say too much."""
    contract = facts.contract
    realm, heartbeat = contract.realm, contract.heartbeat
    raw = (heartbeat.time, heartbeat.sequence)
    others = [name for name, _ in _inputs(facts) if name not in raw and not name.startswith(_EXPORTER)]
    others += ["made_up", *(f"{name}_of_another" for name in raw)]
    for each, job in ours(facts):
        if each.name != contract.targets.node_exporter.job:
            continue
        for target in _targets(facts, each, job):
            owner = visible(target)
            brought = [name for name, kinds in _stored(facts, others, job, [target]).items() if kinds]
            if brought:
                yield Problem(
                    f"job {each.name}: expected that a text file cannot bring {', '.join(brought[:3])}",
                    each.at(_STEPS),
                )
            for claim in (
                *({**labels, realm.label: realm.default} for labels in _marks()),
                {realm.label: _OTHER, f"{EXPORTED}{realm.label}": realm.default},
            ):
                found = job.sample({NAME: heartbeat.time, **claim}, target) or {}
                claimed = [
                    name
                    for name, value in {**owner, realm.label: claim[realm.label]}.items()
                    if found and found.get(name) != value
                ]
                claimed += [name for name in found if name.startswith(EXPORTED)]
                if claimed:
                    yield Problem(
                        f"job {each.name}: a text file with {_shown(claim)} changes {', '.join(claimed)}",
                        each.at("honor_labels", _STEPS),
                    )
                    break


def _stored(
    facts: Facts, names: Iterable[str], job: ScrapeJob, targets: Iterable[Labels]
) -> dict[str, list[Labels]]:
    """Under which labels a sample of each name is stored, whatever it claims; one name of each kind is scraped."""
    claims = [(target, labels) for target in targets for labels in _claims(facts, job)]
    of_kind: dict[object, list[Labels]] = {}
    kinds = {name: _kind_of_name(name, job) for name in names}
    for name, kind in kinds.items():
        if kind not in of_kind:
            samples = (job.sample({NAME: name, **labels}, target) for target, labels in claims)
            of_kind[kind] = [stored for stored in samples if stored is not None]
    return {name: of_kind[kind] for name, kind in kinds.items()}


def _kind_of_name(name: str, job: ScrapeJob) -> object:
    """What the steps of a job see of a name; names of one kind fare alike. The name itself where that is not sure."""
    steps = job.metric_relabelling
    for step in steps:
        sorts_out = step.action in _SORT_OUT and step.source_labels == (NAME,)
        copies = step.action == "labelmap" and step.matches(NAME)
        if copies or (NAME in (*step.source_labels, step.target_label) and not sorts_out):
            return name
    return tuple(step.matches(name) for step in steps if step.source_labels == (NAME,))


def _targets(facts: Facts, each: JudgedJob, job: ScrapeJob) -> list[Labels]:
    """The targets of a job after relabelling; one as its lists should have it, if there is none."""
    found = [target for labels in each.discovered() if (target := job.target(labels)) is not None]
    realm = facts.contract.realm
    return found or [{"job": each.name, "instance": _OTHER, realm.label: realm.default}]


def _marks() -> tuple[Labels, ...]:
    """Job and instance as a sample may bring them: not at all, empty, or of somebody else."""
    return (
        {},
        {"job": "", "instance": ""},
        {"job": _OTHER},
        {"instance": _OTHER},
        {"job": _OTHER, "instance": _OTHER},
    )


def _claims(facts: Facts, job: ScrapeJob) -> Iterator[Labels]:
    """Labels that a sample may bring: realm, job and instance in every combination, and those that steps look at."""
    realm = facts.contract.realm
    for marks in _marks():
        yield marks
        yield from ({**marks, realm.label: value} for value in ("", realm.default, _OTHER))
    yield {realm.label: realm.default, "alertname": _OTHER, "alertstate": "firing"}
    looked_at = {name for step in job.metric_relabelling for name in step.source_labels} - {NAME}
    words = {word for step in job.metric_relabelling for word in _special(step)}
    for name in sorted(looked_at):
        yield from ({realm.label: realm.default, name: value} for value in (_OTHER, *sorted(words)))
    yield {realm.label: realm.default, **dict.fromkeys(looked_at, _OTHER)}


def _special(step: Relabelling) -> list[str]:
    """The words in the expression of a step that looks at more than the name: it may mean one value alone."""
    return [] if step.source_labels == (NAME,) else _WORD.findall(step.regex)


def _inputs(facts: Facts) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each series that the contract reads and something delivers, with labels that it has."""
    for name, each in facts.contract.inputs.items():
        labels = each.simulated.labels if each.simulated else {}
        if each.kind == "histogram":
            bounds = [f"{bound:g}" for bound in each.simulated.buckets] if each.simulated else []
            yield from ((f"{name}_bucket", {**labels, "le": bound}) for bound in (*bounds, "+Inf"))
            yield from ((f"{name}_{part}", labels) for part in ("count", "sum"))
        elif name not in _OWN_SERIES:
            yield name, labels


def _deliveries(facts: Facts, name: str, target: Labels) -> Iterator[tuple[Labels, Labels]]:
    """What a job's program delivers of the contract's inputs, and under which labels it has to be stored."""
    contract, owner = facts.contract, visible(target)
    label = contract.realm.label
    raw = (contract.heartbeat.time, contract.heartbeat.sequence)
    for metric, labels in _inputs(facts):
        own = metric.startswith((_EXPORTER, _SELF))
        for realm in (contract.realm.default, _OTHER):
            if name == contract.targets.pushgateway.job and not own:
                for job, instance in (
                    (contract.heartbeat.job, contract.heartbeat.instance),
                    (contract.simulation.job, ""),
                    (contract.rehearsal.job, _OTHER),
                ):
                    sample = {NAME: metric, **labels, label: realm, "job": job, "instance": instance}
                    yield sample, {key: text for key, text in {**owner, **sample}.items() if text}
            if name == contract.targets.node_exporter.job and metric in raw:
                sample = {NAME: metric, label: realm}
                yield sample, {**owner, **sample}
        if name == contract.targets.node_exporter.job and metric.startswith(_EXPORTER):
            sample = {NAME: metric, "file": f"{_OTHER}.prom"}
            yield sample, {**owner, **sample}
        if name == contract.targets.prometheus.job and metric.startswith(_SELF):
            sample = {NAME: metric, "rule_group": _OTHER}
            yield sample, {**owner, **sample}


def _changed(wanted: Labels, found: Labels | None) -> str:
    """What became of a sample, in words."""
    if found is None:
        return f"of {_shown(wanted)} is dropped"
    changed = {
        name: found.get(name, "") for name in (*wanted, *found) if found.get(name, "") != wanted.get(name, "")
    }
    return f"of {_shown(wanted)} is stored with {_shown(changed)}"


def _shown(labels: Mapping[str, str]) -> str:
    return (
        "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != NAME) + "}"
    )
