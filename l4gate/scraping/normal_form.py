"""
The normal form of a configuration: what it does, as lines that two sides can be compared by.

Both the file of a repository and the printout of a server come to it: defaults are left out wherever they are written,
durations and sizes are spelt in one way, addresses and secrets are not in it, and the order is that of names, but for
relabelling, whose order means something. What is not known here stays as it is, and so differs from everything else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from l4gate.base import RuleError, format_duration
from l4gate.scraping.defaults import DEFAULT_TIMEOUT_SECONDS, is_default, plain, seconds, told
from l4gate.scraping.relabelling import relabellings
from l4gate.scraping.secrets import Veil, authorized

# Sections that feed neither queries nor rules.
ASIDE: Final = frozenset({"alerting", "remote_write", "storage", "tracing", "runtime", "otlp"})
# How a target is reached is a part of its address, which each installation has for itself.
REACHED: Final = frozenset(
    {"proxy_url", "no_proxy", "tls_config", "basic_auth", "authorization", "oauth2", "bearer_token"}
    | {"bearer_token_file"}
)
_PATHS: Final = frozenset({"rule_files", "scrape_config_files"})
_JOBS: Final = "scrape_configs"

_GLOBAL: Final[Mapping[str, Any]] = {"scrape_interval": "1m", "evaluation_interval": "1m"}


def lines_of(config: Mapping[str, Any], *, jobs: Iterable[Mapping[str, Any]], veil: Veil) -> Iterator[str]:
    """The normal form of a configuration with these of its jobs; `veil` takes what is secret out of a value."""
    settings = config.get("global") or {}
    inherited = _inherited(settings if isinstance(settings, Mapping) else {})
    yield "global"
    yield from _entries({**_mapping(settings), **inherited}, veil)
    for section in sorted(map(str, set(config) - ASIDE - {"global", _JOBS})):
        value = config[section]
        if section in _PATHS:
            yield from (f"{section}: {path}" for path in sorted(map(str, value or ())))
        elif value not in (None, [], {}):
            yield from _lines(section, veil(value, ""), 0)
    for job in sorted(jobs, key=lambda each: str(each.get("job_name"))):
        yield f"job {job.get('job_name')}"
        yield from _job(job, inherited, veil)


def _inherited(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What jobs take from the global section, its defaults filled in."""
    found = {**_GLOBAL, **{key: value for key, value in settings.items() if key in _GLOBAL and value}}
    found["scrape_timeout"] = settings.get("scrape_timeout") or _timeout(found["scrape_interval"], None)
    return found


def _timeout(interval: object, inherited: object) -> str:
    """The timeout of a scrape that nobody gave one: no longer than the interval."""
    longest, wanted = seconds(interval), seconds(inherited)
    wanted = DEFAULT_TIMEOUT_SECONDS if wanted is None else wanted
    return format_duration(wanted if longest is None else min(wanted, longest))


def _job(job: Mapping[str, Any], inherited: Mapping[str, Any], veil: Veil) -> Iterator[str]:
    interval = job.get("scrape_interval") or inherited["scrape_interval"]
    timeout = job.get("scrape_timeout") or _timeout(interval, inherited["scrape_timeout"])
    filled = {**job, "scrape_interval": interval, "scrape_timeout": timeout}
    # A scheme is a part of the address.
    yield from _entries(
        {key: value for key, value in authorized(filled).items() if key not in ("job_name", "scheme")},
        veil,
    )


def _entries(values: Mapping[str, Any], veil: Veil) -> Iterator[str]:
    for key in sorted(map(str, values)):
        value = values[key]
        if key == "static_configs":
            yield from _static(value, veil)
        elif key in ("relabel_configs", "metric_relabel_configs"):
            yield from _steps(key, value, veil)
        elif key == "file_sd_configs":
            yield from _file_lists(value)
        elif not is_default(key, value):
            yield from _lines(key, veil(told(plain(key, value), key), key), 1)


def _static(value: object, veil: Veil) -> Iterator[str]:
    """The lists of targets by their labels; what stands in them is an address."""
    found = set()
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, Mapping) or set(each) - {"targets", "labels"}:
            found.add(f"  static_configs: {_json(veil(each, ''))}")
        elif each.get("targets"):
            labels = {name: text for name, text in _mapping(each.get("labels")).items() if text != ""}
            found.add(f"  static_configs: targets with the labels {_json(labels)}")
    yield from sorted(found)


def _steps(key: str, value: object, veil: Veil) -> Iterator[str]:
    if not value:
        return
    yield f"  {key}:"
    try:
        steps = relabellings([_as_printed(each) for each in value] if isinstance(value, list) else value)
    except RuleError:
        yield from (f"    - {_json(each)}" for each in (value if isinstance(value, list) else [value]))
        return
    for step in steps:
        parts = {name: part for name, part in vars(step).items() if part not in ((), "", 0)}
        del parts["action"]
        if "replacement" in parts:
            parts["replacement"] = veil(parts["replacement"], step.target_label)
        yield f"    - {step.action} {_json(parts)}"


def _as_printed(step: object) -> object:
    """Prometheus prints no empty separator or replacement, so that a default looks the same there."""
    if not isinstance(step, Mapping):
        return step
    return {
        key: value for key, value in step.items() if value != "" or key not in ("separator", "replacement")
    }


def _file_lists(value: object) -> Iterator[str]:
    found = []
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, Mapping):
            found.append(f"  file_sd_configs: {_json(each)}")
            continue
        files = each.get("files")
        others = {
            key: plain(key, part)
            for key, part in each.items()
            if key != "files" and not is_default(key, part)
        }
        suffix = f" {_json(others)}" if others else ""
        found += [
            f"  file_sd_configs: {path}{suffix}"
            for path in sorted(map(str, files if isinstance(files, list) else [files]))
        ]
    yield from sorted(found)


def _lines(key: str, value: object, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, Mapping) and value:
        yield f"{indent}{key}:"
        for name in sorted(map(str, value)):
            yield from _lines(name, plain(name, value[name]), depth + 1)
    else:
        yield f"{indent}{key}: {value if isinstance(value, str) and value.isprintable() else _json(value)}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def root_of(expected: Iterable[str], loaded: Iterable[str]) -> str:
    """The folder, with its `/`, that a server has most of the expected paths below; "" if it has them as they are."""
    wanted = set(expected)
    found = Counter(
        path.removesuffix(each)
        for path in loaded
        for each in wanted
        if path == each or path.endswith(f"/{each}")
    )
    return min(found, key=lambda root: (-found[root], len(root))) if found else ""
