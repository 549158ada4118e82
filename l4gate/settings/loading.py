"""
The settings of one run, from what was given and from the environment.

An option given wins over its environment variable, which wins over the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from l4gate.base import PROMETHEUS_DIR, UsageError
from l4gate.machine import home, named_folder
from l4gate.settings.register import (
    ENGINES,
    EXTERNAL_FACTOR,
    GENERATIONS,
    OPTIONS,
    SANDBOX_FACTOR,
    Foreign,
    Option,
)

_URLS: Final = ("url", "rules_url", "scrape_url")  # and those of shards
if TYPE_CHECKING:
    from l4gate.contract import Contract, Pace


def default_cache_dir() -> Path:
    """The user's cache folder for l4gate, as the XDG base directory specification has it."""
    return (named_folder("XDG_CACHE_HOME") or home() / ".cache") / "l4gate"


def default_state_dir() -> Path:
    """The user's state folder for l4gate, as the same specification has it."""
    return (named_folder("XDG_STATE_HOME") or home() / ".local" / "state") / "l4gate"


def repository_config_dir() -> Path:
    """The `prometheus/` folder of the checkout that this package is in, else the one that came with the package."""
    return PROMETHEUS_DIR


@dataclass(frozen=True)
class Settings:
    """
    All settings of one run, checked. Times are seconds. Without realms, the contract's own is judged.

    `fleet` has the realms that the rules are rendered for; those that are judged, unless a file names more.
    """

    stack: str = "auto"
    url: str | None = None
    realms: tuple[str, ...] = ()
    fleet: tuple[str, ...] = ()
    factor: float = SANDBOX_FACTOR
    deadline: float = 60.0
    report_dir: Path = Path("reports")
    generation: str = GENERATIONS[-1]
    rules_url: str | None = None
    scrape_url: str | None = None
    shard_urls: tuple[str, ...] = ()
    engine: str = ENGINES[0]
    external_labels: tuple[str, ...] = ()
    foreign_rules: Foreign = "differ"
    config_dir: Path = field(default_factory=repository_config_dir)
    bearer_token_file: Path | None = None
    basic_auth_file: Path | None = None
    header_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    cache_dir: Path = field(default_factory=default_cache_dir)
    keep_stack: bool = False
    live_dir: Path | None = None
    state_dir: Path = field(default_factory=default_state_dir)

    def __post_init__(self) -> None:
        if not self.realms:
            object.__setattr__(self, "realms", (self.contract.realm.default,))
        if not set(self.realms) <= set(self.fleet):
            object.__setattr__(self, "fleet", self.realms)

    @cached_property
    def contract(self) -> Contract:
        """The contract beside the rules that are judged by."""
        from l4gate.contract import load_contract  # with its validation: a deadline counts from before that

        return load_contract(self.config_dir)

    @property
    def for_ours(self) -> Settings:
        """These, for a server that the gate started itself: others' realms, and who it is to them, are not for that."""
        return replace(
            self,
            fleet=self.realms,
            shard_urls=(),
            bearer_token_file=None,
            basic_auth_file=None,
            header_file=None,
            client_cert=None,
            client_key=None,
        )

    @property
    def only_of(self) -> Contract | None:
        """What tells whose a rule group on the server is, where those of others are ignored; None where all count."""
        return self.contract if self.foreign_rules == "ignore" else None

    @property
    def pace(self) -> Pace:
        """The contract at the factor of this run."""
        from l4gate.contract import Pace

        return Pace(self.factor, self.contract)


def load_settings(
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    *,
    prefix: str = "--",
    sandbox_factor: float = SANDBOX_FACTOR,
) -> Settings:
    """
    Makes the settings of a run from given options (by `Option.dest`, text or list of text) and the environment.

    `prefix` is what an option's name is spelt with, for messages. `sandbox_factor` is the default for our own stacks.

    Raises:
        UsageError: naming the option or variable, what was expected and what was found.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for option in OPTIONS:
        found, given_here = found_for(option, given, environ)
        if found is None:
            continue
        try:
            values[option.dest] = parsed(option, found)
        except UsageError as error:
            message = f"{prefix + option.name if given_here else option.env}: {error.message}"
            raise UsageError(message, next_step=error.next_step) from None
    if "realm" in values:
        values["realms"], values["fleet"] = values.pop("realm")
    values["shard_urls"] = values.pop("shard_url", ())
    values["external_labels"] = values.pop("external_label", ())
    return _consistent(values, prefix, sandbox_factor)


def found_for(option: Option, given: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Any, bool]:
    """What was given for an option, and True; else what its variable says, or None where it is not set or empty."""
    found = given.get(option.dest)
    if found not in (None, [], False):
        return found, True
    return environ.get(option.env) or None, False


def parsed(option: Option, found: Any) -> Any:
    """
    The value of an option; of a repeatable one what becomes of all: of realms, those to judge and their fleet.

    Raises:
        UsageError: saying what was expected and what was found.
    """
    if option.repeatable is None:
        return option.parse(found)
    parts = found.split(",") if isinstance(found, str) else found
    return option.repeatable(option.parse(text.strip()) for text in parts)


def _consistent(values: dict[str, Any], prefix: str, sandbox_factor: float) -> Settings:
    """Settles what depends on two settings at once: a URL means external, and external needs a URL."""
    stack, url = values.get("stack"), values.get("url")
    if url and stack in (None, "auto"):
        values["stack"] = "external"
    elif url and stack != "external":
        message = f"a URL was given with {prefix}stack {stack}; a URL goes with external."
        raise UsageError(message, next_step="drop one of the two.")
    elif stack == "external" and not url:
        message = f"{prefix}stack external needs a URL."
        raise UsageError(message, next_step=f"give {prefix}url http://HOST:PORT.")
    if values["shard_urls"] and (values.get("rules_url") or values.get("scrape_url")):
        message = f"{prefix}shard-url was given with another URL for rules or scrapes: each shard is asked for its own."
        raise UsageError(message, next_step=f"drop {prefix}rules-url and {prefix}scrape-url.")
    if values["shard_urls"] and not url:
        message = f"{prefix}shard-url needs the URL to which the shards write."
        raise UsageError(message, next_step=f"give {prefix}url http://HOST:PORT.")
    if values.get("client_key") and not values.get("client_cert"):
        message = f"{prefix}client-key was given without the certificate."
        raise UsageError(message, next_step=f"give {prefix}client-cert FILE.")
    urls = [*(values[name] for name in _URLS if values.get(name)), *values["shard_urls"]]
    if values.get("client_cert") and urls and not any(each.lower().startswith("https:") for each in urls):
        message = f"{prefix}client-cert was given, and no URL is one of https: nobody would see it."
        raise UsageError(message, next_step="give the URL with https://, or drop the certificate.")
    values.setdefault("factor", EXTERNAL_FACTOR if values.get("stack") == "external" else sandbox_factor)
    return Settings(**values)
