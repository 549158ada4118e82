"""Whether a scrape job of other people can bring series that look like ours: what is not understood can."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from l4gate.base import RuleError
from l4gate.contract import Contract
from l4gate.scraping.job import ADDRESS, NAME, ScrapeJob, visible
from l4gate.scraping.relabelling import Relabelling

_WRITING: Final = frozenset({"replace", "hashmod", "lowercase", "uppercase"})
_OWN: Final = ("job", "instance")  # the marks by which a scraped series is known
_SOMEWHERE: Final = "host:1"
# These discover labels of any name; the other kinds only such as begin with `__meta_`.
_ANY_LABELS: Final = frozenset({"file_sd_configs", "http_sd_configs"})


def is_harmless(
    config: Mapping[str, Any],
    contract: Contract,
    realms: Collection[str],
    *,
    discovered: Collection[Mapping[str, str]] = (),
) -> bool:
    """
    Whether a job gives none of these realms to a series, and lets none claim a job or instance that is not its own.

    `discovered`: the labels of its targets, where the lists in files are at hand; else they may have any.

    Its samples may state a realm themselves, as everything that is pushed may; job and instance then tell where they
    are from.
    """
    try:
        job = ScrapeJob.read(config)
        steps = (*job.relabelling, *job.metric_relabelling)
        if job.honor_labels or any(_could_claim(step, contract, realms) for step in steps):
            return False
        found = discovered or _discovered(config, contract, realms)
        return all(_is_another(job, labels, contract, realms) for labels in found)
    except RuleError:
        return False


def _could_claim(step: Relabelling, contract: Contract, realms: Collection[str]) -> bool:
    """Whether a step could write our realm or one of our names, or touch the marks of a job."""
    guarded = (contract.realm.label, NAME, *_OWN)
    if step.action == "labelmap":
        return "$" in step.replacement or step.replacement in guarded
    if step.action in ("labeldrop", "labelkeep"):
        return any(step.matches(name) == (step.action == "labeldrop") for name in _OWN)
    if step.action not in _WRITING:
        return False
    if "$" in step.target_label:
        return True
    if step.target_label == contract.realm.label and step.action == "replace":
        return "$" in step.replacement or step.replacement in realms
    if step.target_label == "instance":  # renaming a host is ordinary; only an empty name erases the mark
        return step.action != "replace" or not step.replacement
    return step.target_label in guarded


def _discovered(
    config: Mapping[str, Any], contract: Contract, realms: Collection[str]
) -> list[Mapping[str, str]]:
    """The labels with which targets may be discovered."""
    found = []
    for key in config:
        if key == "static_configs":
            found += [_labels(each) for each in config[key] or ()]
        elif key in _ANY_LABELS:
            found += [{contract.realm.label: realm} for realm in realms]
        elif str(key).endswith("_sd_configs"):
            found.append({})
    return [{ADDRESS: _SOMEWHERE, **each} for each in found]


def _labels(static: object) -> dict[str, str]:
    labels = static.get("labels") if isinstance(static, Mapping) else None
    if not isinstance(static, Mapping) or not isinstance(labels or {}, Mapping):
        message = f"expected targets and labels, found {static!r}."
        raise RuleError(message)
    return {str(name): str(value) for name, value in (labels or {}).items()}


def _is_another(
    job: ScrapeJob, labels: Mapping[str, str], contract: Contract, realms: Collection[str]
) -> bool:
    """Whether no series of such a target has our realm, or claims another's job."""
    target = job.target(labels)
    if target is None:
        return True
    found = [visible(target)]
    names = (*contract.recorded, *contract.inputs)
    found += [sample for name in names if (sample := job.sample({NAME: name}, target)) is not None]
    claimed = {contract.heartbeat.job, *(each.job for each in contract.targets)}
    return all(
        each.get(contract.realm.label) not in realms and each.get("job") not in claimed for each in found
    )
