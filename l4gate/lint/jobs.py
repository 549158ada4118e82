"""The scrape jobs of a repository, with what is known of their targets, and where each of their settings stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from l4gate.base import RuleError, yamldoc
from l4gate.lint.facts import Facts
from l4gate.lint.places import Place
from l4gate.lint.repository import Repository, entry, items, plain
from l4gate.scraping import ADDRESS, Labels, ScrapeJob


@dataclass(frozen=True)
class JudgedJob:
    """A job as it is written, and as Prometheus takes it: `job` is None where that is not understood (`odd`)."""

    name: str
    config: Mapping[str, Any]
    node: yaml.Node
    repository: Repository
    job: ScrapeJob | None
    odd: str

    def at(self, *keys: str) -> Place:
        """Where the first of these settings that the job has stands, else its name."""
        found = next((node for key in (*keys, "job_name") if (node := entry(self.node, key))), self.node)
        return self.repository.at_node(self.repository.config_name, found)

    def discovered(self) -> list[Labels]:
        """The labels of every target in the job's lists, its address among them, before relabelling."""
        written = (_value(self.repository.targets.get(file)) for file in sorted(self.files()))
        lists = [each for one in (self.config.get("static_configs"), *written) for each in _list(one)]
        return [
            {
                **{str(name): str(text) for name, text in _mapping(each.get("labels")).items()},
                ADDRESS: str(address),
            }
            for each in map(_mapping, lists)
            for address in _list(each.get("targets"))
        ]

    def files(self) -> set[str]:
        """The target lists that the job reads, as findings name them."""
        return {
            self.repository.name(path)
            for source in items(entry(self.node, "file_sd_configs"))
            for pattern in items(entry(source, "files"))
            for path in matching(self.repository, plain(pattern))
        }


def judged_jobs(repository: Repository) -> Iterator[JudgedJob]:
    """Every scrape job of prometheus.yml."""
    for node in items(entry(repository.config, "scrape_configs")):
        config = settings_of(node)
        job, odd = None, ""
        try:
            job = ScrapeJob.read(config)
        except RuleError as error:
            odd = error.message
        yield JudgedJob(plain(entry(node, "job_name")), config, node, repository, job, odd)


def ours(facts: Facts) -> Iterator[tuple[JudgedJob, ScrapeJob]]:
    """The jobs of the contract whose relabelling is understood."""
    names = {each.job for each in facts.contract.targets}
    for each in judged_jobs(facts.repository):
        if each.name in names and each.job is not None:
            yield each, each.job


def settings_of(node: yaml.Node | None) -> Mapping[str, Any]:
    """The settings of a section; none if it is no mapping."""
    return _mapping(_value(node))


def matching(repository: Repository, pattern: str) -> list[Path]:
    """The files that a pattern means; Prometheus takes it from the folder of prometheus.yml."""
    if not pattern or Path(pattern).is_absolute():
        return []
    try:
        return [path for path in repository.folder.glob(pattern) if path.is_file()]
    except (ValueError, NotImplementedError, OSError):  # a pattern that this system cannot look for
        return []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(node: yaml.Node | None) -> Any:
    """What a node means; None for nothing, and for what is no value."""
    try:
        return None if node is None else yamldoc.meaning(node, "")
    except RuleError:
        return None
