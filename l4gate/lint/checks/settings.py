"""The settings of prometheus.yml: those that are known to do no harm, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from l4gate.base import UsageError, format_duration, parse_duration
from l4gate.lint.facts import Facts
from l4gate.lint.jobs import judged_jobs, settings_of
from l4gate.lint.model import check
from l4gate.lint.places import Problem
from l4gate.lint.repository import entry, plain
from l4gate.scraping import ASIDE, DEFAULT_TIMEOUT_SECONDS, is_default

# What other checks hold, or what says how to reach a target and changes nothing of what it delivers.
_TOP: Final = ASIDE | {"global", "rule_files", "scrape_configs"}
_GLOBAL: Final = frozenset(
    {"scrape_interval", "scrape_timeout", "evaluation_interval", "external_labels", "query_log_file"}
    | {"scrape_failure_log_file"}
)
_JOB: Final = frozenset(
    {"job_name", "scrape_interval", "scrape_timeout", "honor_labels", "honor_timestamps", "static_configs"}
    | {
        "file_sd_configs",
        "relabel_configs",
        "metric_relabel_configs",
        "scheme",
        "basic_auth",
        "authorization",
    }
    | {"bearer_token", "bearer_token_file", "oauth2", "tls_config", "proxy_url", "no_proxy", "enable_http2"}
    | {"proxy_from_environment", "proxy_connect_header", "enable_compression", "follow_redirects"}
    | {"scrape_failure_log_file"}
)


@check(
    "config/settings",
    title="no setting is there whose effect on the heartbeat is not known",
    why="A limit makes a whole scrape fail, a path or parameter asks for something else, an offset shows the rules the"
    " past, a remote or a second file brings what nobody has looked at.",
    mend="Take the setting out.",
)
def settings(facts: Facts) -> Iterator[Problem]:
    """Looks at the sections, the global settings and those of each job of the contract."""
    repository = facts.repository
    found: list[tuple[str, Any, Any]] = [
        (key, value, entry(repository.config, key))
        for key, value in settings_of(repository.config).items()
        if key not in _TOP
    ]
    general = entry(repository.config, "global")
    found += [
        (f"global.{key}", value, entry(general, key))
        for key, value in settings_of(general).items()
        if key not in _GLOBAL and not is_default(key, value)
    ]
    names = {each.job for each in facts.contract.targets}
    for each in judged_jobs(repository):
        found += [
            (f"{key} of job {each.name}", value, entry(each.node, key) or each.node)
            for key, value in each.config.items()
            if each.name in names and key not in _JOB and not is_default(key, value)
        ]
    for what, value, node in found:
        shown = plain(node) or type(value).__name__
        yield Problem(
            f"{what}: expected none, found {shown}", repository.at_node(repository.config_name, node)
        )


@check(
    "config/timeout",
    title="a scrape has the time that Prometheus gives it by itself",
    why="A target that answers in time is down to a job that does not wait for it.",
    mend="Delete scrape_timeout: by itself it is 10 s, or the interval where that is shorter.",
)
def timeout(facts: Facts) -> Iterator[Problem]:
    """Looks at the global timeout and at each job's."""
    repository = facts.repository
    general = entry(repository.config, "global")
    least = min(DEFAULT_TIMEOUT_SECONDS, facts.contract.pace.scrape)
    found = [("global.scrape_timeout", entry(general, "scrape_timeout"))]
    found += [
        (f"scrape_timeout of job {each.name}", entry(each.node, "scrape_timeout"))
        for each in judged_jobs(repository)
    ]
    for what, node in found:
        try:
            short = node is not None and parse_duration(plain(node)) < least
        except UsageError:
            short = True
        if short:
            yield Problem(
                f"{what}: expected at least {format_duration(least)}, found {plain(node) or 'none'}",
                repository.at_node(repository.config_name, node),
            )


@check(
    "config/timestamps",
    title="no job takes the time of a sample from the sample",
    why="A body with times of its own can show an old beat again, or date one that stays when its writer is dead.",
    mend="Set `honor_timestamps: false` on the job. Neither the Pushgateway nor a text file gives a time.",
)
def timestamps(facts: Facts) -> Iterator[Problem]:
    """Looks at each job of the contract."""
    names = {each.job for each in facts.contract.targets}
    for each in judged_jobs(facts.repository):
        if each.name in names and each.config.get("honor_timestamps") is not False:
            yield Problem(
                f"job {each.name}: expected honor_timestamps: false, found"
                f" {plain(entry(each.node, 'honor_timestamps')) or 'none'}",
                each.at("honor_timestamps"),
            )
