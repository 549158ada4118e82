"""
The proof that a configuration is the live one: what a server says of itself, held against the files.

A reload that was answered with 200 proves nothing: an empty rule file gets one too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from l4gate.base import UsageError, parse_duration, yamldoc
from l4gate.contract import Contract
from l4gate.operations.configuration import Configuration
from l4gate.prometheus_api import PrometheusApi
from l4gate.report import plain_line
from l4gate.rules import RuleGroup, diff_rules, groups_from_api
from l4gate.scraping import SECRET, authorized, below, config_difference, hidden, redacted
from l4gate.verdict import Judge, unix_time


def config_differences(api: PrometheusApi, config: Mapping[str, Any], contract: Contract) -> Iterator[str]:
    """What of a prometheus.yml a server does otherwise, by its own printout of its configuration."""
    printed = api.configuration()
    difference = config_difference(config, printed, contract=contract, untold=api.untold)
    if difference:
        yield f"the loaded configuration is another:\n{difference}\n"
    else:  # what a comparison of behaviour leaves aside: addresses, and sections that feed no rule
        yield from _differences(config, yamldoc.plain(printed, "the loaded configuration"), "")


def runs_otherwise(judge: Judge, content: Configuration) -> str:
    """
    How what a server runs differs from a configuration, rules first; "" if it does not.

    Raises:
        RuleError: if the configuration cannot be read.
        ApiError: if the server does not say.
    """
    loaded = groups_from_api(judge.rules_api.rules())
    return diff_rules(content.rules(), loaded, only_of=judge.expectation.only_of) or "\n".join(
        config_differences(judge.api, content.config(), judge.expectation.pace.contract)
    )


def unproven(
    api: PrometheusApi,
    content: Configuration,
    groups: tuple[RuleGroup, ...],
    since: float,
    *,
    contract: Contract,
    only_of: Contract | None,
) -> Iterator[str]:
    """Everything that is not yet as the files say, in words; `since` is the server's time before the reload."""
    config = content.config()
    yield from config_differences(api, config, contract)
    data = api.rules()
    difference = diff_rules(groups, groups_from_api(data), only_of=only_of)
    if difference:
        yield f"the loaded rules are others:\n{difference}\n"
    names = {group.name for group in groups}
    for group in data["groups"]:
        if group["name"] not in names:
            continue
        if unix_time(group.get("lastEvaluation")) < since:
            yield f"group {group['name']} has not been evaluated since the reload"
        for rule in group["rules"]:
            if rule.get("health") != "ok":
                reason = rule.get("lastError") or "not evaluated yet"
                yield plain_line(f"rule {rule.get('name')} is {rule.get('health')}: {reason}")
    active: dict[str, set[str]] = {}
    for target in api.targets():
        address = (target.get("discoveredLabels") or {}).get("__address__", "")
        active.setdefault(str(target.get("scrapePool")), set()).add(str(address))
    for job, addresses in _addresses(content, config):
        found = sorted(active.get(job, set()))
        if found != sorted(addresses):
            yield f"job {job}: expected the targets {hidden(sorted(addresses))}, found {hidden(found)}"


def _addresses(content: Configuration, config: Mapping[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """The targets of each job whose targets all stand in the files; relabelling may drop some, so such jobs are out."""
    for job in _mappings(config.get("scrape_configs")):
        kinds = {str(key) for key in job if str(key).endswith("_sd_configs")}
        if job.get("relabel_configs") or not kinds <= {"file_sd_configs"}:
            continue
        lists = _mappings(job.get("static_configs"))
        patterns = {
            str(pattern)
            for one in _mappings(job.get("file_sd_configs"))
            for pattern in one.get("files") or ()
        }
        for name, text in content.files.items():
            if any(Path(name).match(pattern) for pattern in patterns):
                lists += _mappings(yamldoc.plain(text.decode(errors="replace"), name))
        yield str(job.get("job_name")), {str(each) for one in lists for each in one.get("targets") or ()}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _differences(wanted: Any, loaded: Any, place: str, key: str = "") -> Iterator[str]:
    """What stands in one YAML tree and not in another that has defaults filled in, paths completed, secrets hidden."""
    if isinstance(wanted, Mapping):
        for name, value in authorized(wanted).items():
            inner = f"{place}.{name}" if place else str(name)
            other = loaded.get(name) if isinstance(loaded, Mapping) else None
            yield from _differences(value, other, inner, below(key, name))
    elif isinstance(wanted, list):
        if not isinstance(loaded, list) or len(loaded) != len(wanted):
            yield f"{place}: expected {hidden(wanted, key)}, found {hidden(loaded, key)}"
            return
        for number, (one, other) in enumerate(zip(wanted, loaded, strict=True)):
            yield from _differences(one, other, f"{place}[{number}]", key)
    elif not _same(wanted, loaded, key):
        one, other = hidden(wanted, key), hidden(loaded, key)
        what = f"expected {one!r}, found {other!r}" if one != other else "expected another value (not shown)"
        yield f"{place}: {what}"


def _same(wanted: Any, loaded: Any, key: str) -> bool:
    one, other = str(redacted(wanted, key)), str(redacted(loaded, key))
    if one == other or (wanted in (None, "") and loaded is None):
        return True
    if "://" in one:  # a server may hide the whole of a URL, and completes none
        return other == SECRET
    if other.endswith(f"/{one}"):
        return True
    try:
        return parse_duration(one) == parse_duration(other)
    except UsageError:
        return False
