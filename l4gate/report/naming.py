"""What a verdict was judged by: contract, rules, programs and commit, named so that two verdicts can be compared."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from l4gate import __version__
from l4gate.base import ApiError, deadline
from l4gate.contract import contract_hash
from l4gate.machine import commit_of, sources_hash
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import RuleGroup, rules_hash
from l4gate.settings import Settings
from l4gate.verdict import Look

JUDGED_BY: Final = (
    "contract",
    "rules",
    "rules loaded",
    "server version",
    "headers sent",
    "labels taken off",
    "l4gate",
    "commit",
    "config folder",
)
JUDGED: Final = "judged"  # what a required check says of itself in its JUnit: one of these two, and where
PRODUCTION: Final = "production"
SIMULATED: Final = "simulated"
_VERSION_SECONDS: Final = 1.0  # a healthy server tells it in milliseconds
_VERSION_SHARE: Final = 0.1  # of the deadline: a name must not take the time that the proof needs
_VERSION_CHARACTERS: Final = 80
_HASH: Final = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")


@dataclass(frozen=True)
class JudgedBy:
    """Hashes are SHA-256; what is empty was not asked, what could not be known says so itself."""

    config_folder: str
    contract: str
    service: str
    rules: str
    rule_count: int
    commit: str
    rules_loaded: str = ""
    server: str = ""
    headers: str = ""
    labels: str = ""

    def after(self, looks: Iterable[Look]) -> JudgedBy:
        """With the rules that were loaded when somebody looked."""
        hashes = sorted({look.measurement.rules.loaded_hash for look in looks if look.measurement.rules})
        return replace(self, rules_loaded=", ".join(f"sha256 {each}" for each in hashes) or "not read")

    def facts(self) -> dict[str, str]:
        """By the names of `JUDGED_BY`, for reports of every form."""
        found = {
            "contract": f"{self.service}, sha256 {self.contract}",
            "rules": f"{self.rule_count} rules expected, sha256 {self.rules}",
            "rules loaded": self.rules_loaded,
            "server version": self.server,
            "headers sent": self.headers,
            "labels taken off": self.labels,
            "l4gate": f"{__version__}, sources sha256 {sources_hash()}",
            "commit": self.commit,
            "config folder": self.config_folder,
        }
        return {name: found[name] for name in JUDGED_BY if found[name]}


def judged_by(
    settings: Settings,
    groups: Iterable[RuleGroup],
    api: PrometheusApi,
    *,
    deadline_seconds: float = math.inf,
) -> JudgedBy:
    """
    Names what is going to be judged by; the server is asked for its version here, once, and never again.

    Args:
        settings: have the config folder and the contract in it.
        groups: the rules as they should be loaded.
        api: of the server.
        deadline_seconds: what the verdict may take; the version may take a small part of it.
    """
    groups = tuple(groups)
    seconds = min(_VERSION_SECONDS, deadline_seconds * _VERSION_SHARE)
    return JudgedBy(
        config_folder=str(settings.config_dir.absolute()),
        contract=contract_hash(settings.contract),
        service=settings.contract.service,
        rules=rules_hash(groups),
        rule_count=sum(len(group.rules) for group in groups),
        commit=commit_of(settings.config_dir),
        server=_version(api, seconds),
        headers=", ".join(sorted(api.caller.headers)),
        labels=", ".join(settings.external_labels),
    )


def judged_lines(facts: Mapping[str, str]) -> Iterable[str]:
    """What was judged by, for a terminal: of a hash as much as two people read to each other."""
    for name in JUDGED_BY:
        if name in facts:
            yield f"  {name:<8} {shortened(facts[name])}"


def shortened(text: str) -> str:
    """A text with hashes cut to 16 digits."""
    return _HASH.sub(r"\1", text)


def _version(api: PrometheusApi, seconds: float) -> str:
    try:
        with deadline(time.monotonic() + seconds):
            return api.version()[:_VERSION_CHARACTERS] or "not told by the server"
    except ApiError:
        return "not told by the server"
