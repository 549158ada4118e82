"""prometheus.yml and the target lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from l4gate.base import UsageError, format_duration, parse_duration
from l4gate.lint.facts import Facts
from l4gate.lint.jobs import judged_jobs, matching
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import (
    RULES_FOLDER,
    TARGETS_FOLDER,
    Repository,
    entry,
    items,
    pairs,
    plain,
)


@check(
    "config/parse",
    title="the configuration and the target lists can be read",
    why="Prometheus refuses a broken configuration and goes on with the old one; a broken target list is"
    " silently kept too.",
    mend="Correct the file at the given place.",
)
def parse(facts: Facts) -> Iterator[Problem]:
    """Reports what could not be read outside the rules folder."""
    repository = facts.repository
    folder = f"{repository.folder.name}/{RULES_FOLDER}/"
    others = (folder, repository.alerting_name)  # which have a check of their own
    yield from (problem for problem in repository.unreadable if not problem.place.file.startswith(others))


@check(
    "config/rule-files",
    title="every rule_files pattern matches a file",
    why="A pattern that matches nothing is no error to Prometheus: it starts without rules.",
    mend="Correct the pattern, or delete it.",
)
def rule_files(facts: Facts) -> Iterator[Problem]:
    """Resolves each pattern from the folder of prometheus.yml, as Prometheus does."""
    repository = facts.repository
    if repository.config is None:
        return
    patterns = items(entry(repository.config, "rule_files"))
    if not patterns:
        yield Problem("there is no rule_files, so no rule is loaded", Place(repository.config_name))
    for node in patterns:
        if not matching(repository, plain(node)):
            yield Problem(
                f"rule_files: {plain(node)!r} matches no file",
                repository.at_node(repository.config_name, node),
            )


@check(
    "config/unloaded-file",
    title="every file in rules/ and targets/ is loaded",
    why="A rule file with the wrong extension, or outside the pattern, looks like a rule and is none.",
    mend="Rename the file so that a pattern of prometheus.yml matches it, or delete it.",
)
def unloaded_file(facts: Facts) -> Iterator[Problem]:
    """Compares the files there are with the patterns of rule_files and of file_sd_configs."""
    repository = facts.repository
    if repository.config is None:
        return
    rules = {
        path
        for node in items(entry(repository.config, "rule_files"))
        for path in matching(repository, plain(node))
    }
    targets = {path for node in _target_patterns(repository) for path in matching(repository, plain(node))}
    for folder, loaded, where in (
        (RULES_FOLDER, rules, "rule_files"),
        (TARGETS_FOLDER, targets, "file_sd_configs"),
    ):
        for path in repository.files(folder):
            if path not in loaded:
                yield Problem(f"no pattern of {where} matches this file", Place(repository.name(path)))


@check(
    "config/honor-labels",
    title="honor_labels is true where samples bring their own labels, and nowhere else",
    why="Without it the pushed job, instance and realm become exported_job and so on; elsewhere it lets a"
    " target claim"
    " another's labels.",
    mend="Set `honor_labels: true` on the jobs for which the contract has it (`targets`), and on no other.",
)
def honor_labels(facts: Facts) -> Iterator[Problem]:
    """Compares each scrape job with the contract."""
    repository = facts.repository
    wanted = {each.job for each in facts.contract.targets if each.honor_labels}
    for name, job in _jobs(repository):
        node = entry(job, "honor_labels")
        honored = plain(node).lower() in ("true", "yes", "on")
        if honored != (name in wanted):
            expected = "true" if name in wanted else "no"
            yield Problem(
                f"job {name}: expected {expected} honor_labels, found {plain(node) or 'none'}",
                repository.at_node(repository.config_name, node or entry(job, "job_name")),
            )


@check(
    "config/target-realm",
    title="every target carries the realm",
    why="`up` has no other place to get the realm from: without it, a target that is down cannot be seen"
    " under the filter.",
    mend="Add the contract's realm label (`realm`) to the `labels` of the list of targets.",
)
def target_realm(facts: Facts) -> Iterator[Problem]:
    """Looks at static_configs and at the target lists of the contract's jobs."""
    repository, realm = facts.repository, facts.contract.realm
    names = {each.job for each in facts.contract.targets}
    ours = [each for each in judged_jobs(repository) if each.name in names]
    lists = [
        (repository.config_name, each.name, node)
        for each in ours
        for node in items(entry(each.node, "static_configs"))
    ]
    files = set().union(*(each.files() for each in ours))
    lists += [(file, file, node) for file in sorted(files) for node in items(repository.targets.get(file))]
    for file, name, node in lists:
        label = entry(node, "labels", realm.label)
        found = plain(label)
        if found != realm.default:
            yield Problem(
                f"targets of {name}: expected the label {realm.label}: {realm.default}, found {found or 'none'}",
                repository.at_node(file, label or node),
            )


@check(
    "config/interval",
    title="scrape and evaluation intervals are the contract's",
    why="Ranges, `for` and limits were chosen for these intervals, and the sandbox scales all of them together.",
    mend="Set the global scrape_interval and evaluation_interval to those of the contract (`pace`), and no other"
    " interval in a job.",
)
def interval(facts: Facts) -> Iterator[Problem]:
    """Looks at the global section and at each job."""
    repository, pace = facts.repository, facts.contract.pace
    if repository.config is None:
        return
    found = [
        (
            "scrape_interval",
            pace.scrape,
            entry(repository.config, "global", "scrape_interval"),
            True,
        ),
        (
            "evaluation_interval",
            pace.rules,
            entry(repository.config, "global", "evaluation_interval"),
            True,
        ),
    ]
    found += [
        (f"scrape_interval of job {name}", pace.scrape, entry(job, "scrape_interval"), False)
        for name, job in _jobs(repository)
    ]
    for what, expected, node, required in found:
        if (required or node is not None) and _seconds(node) != expected:
            yield Problem(
                f"{what}: expected {format_duration(expected)}, found {plain(node) or 'none'}",
                repository.at_node(repository.config_name, node),
            )


@check(
    "config/required-job",
    title="every job of the contract is there, with a target",
    why="The gate needs these targets up; a job without a target has no `up` at all, so nothing ever says"
    " that it is down.",
    mend="Add the job, or a target to its list.",
)
def required_job(facts: Facts) -> Iterator[Problem]:
    """Counts the targets of each job, those of its lists included."""
    repository = facts.repository
    if repository.config is None:
        return
    jobs = dict(_jobs(repository))
    for name in (each.job for each in facts.contract.targets):
        if name not in jobs:
            yield Problem(f"the job {name} is missing", Place(repository.config_name))
        elif not _has_target(repository, jobs[name]):
            yield Problem(
                f"the job {name} has no target",
                repository.at_node(repository.config_name, entry(jobs[name], "job_name")),
            )


_FILE_SD: Final = "file_sd_configs"


def _jobs(repository: Repository) -> list[tuple[str, yaml.Node]]:
    return [(plain(entry(job, "job_name")), job) for job in items(entry(repository.config, "scrape_configs"))]


def _target_patterns(repository: Repository) -> list[yaml.Node]:
    return [
        pattern
        for _, job in _jobs(repository)
        for source in items(entry(job, _FILE_SD))
        for pattern in items(entry(source, "files"))
    ]


def _has_target(repository: Repository, job: yaml.Node) -> bool:
    if any(key.value.endswith("_sd_configs") and key.value != _FILE_SD for key, _ in pairs(job)):
        return True  # found elsewhere, at run time
    lists = items(entry(job, "static_configs"))
    for source in items(entry(job, _FILE_SD)):
        for pattern in items(entry(source, "files")):
            for path in matching(repository, plain(pattern)):
                lists += items(repository.targets.get(repository.name(path)))
    return any(items(entry(each, "targets")) for each in lists)


def _seconds(node: yaml.Node | None) -> float | None:
    try:
        return parse_duration(plain(node))
    except UsageError:
        return None
