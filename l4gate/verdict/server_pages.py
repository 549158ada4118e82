"""What one look asks a server about itself, whatever the number of realms: targets, rules, configuration, lookback."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from l4gate.base import ApiBadAnswer, ApiError, RuleError
from l4gate.prometheus_api import PrometheusApi
from l4gate.verdict.clock import ClockReading
from l4gate.verdict.lookback import lookback_difference
from l4gate.verdict.pages import Expectation, RulesPage, config_diff
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.seen import Sighting
from l4gate.verdict.targets import UP
from l4gate.verdict.witness import Memory

_Page = TypeVar("_Page")
QUERY_PATH: Final = "/api/v1/query"


@dataclass(frozen=True)
class Parties:
    """
    Whom a look asks, and what it holds the answers against.

    `recomputing` evaluates the rules, where that is not who has all samples.
    """

    api: PrometheusApi
    rules_api: PrometheusApi
    expectation: Expectation
    memory: Memory
    recomputing: PrometheusApi | None = None

    @property
    def evaluator(self) -> PrometheusApi:
        """Who can be asked what the rules' expressions gave, over the samples that they were evaluated over."""
        return self.recomputing or self.api

    def ours(self, realms: tuple[str, ...]) -> frozenset[str]:
        """The realms that are no strangers: judged now, of the same fleet, or of other shards."""
        return frozenset(self.expectation.fleet or realms) | self.expectation.ours


@dataclass
class Pages:
    """What one look learns of the server itself, the same for every realm; `errors` has what got no answer."""

    clock: ClockReading
    strayed: float
    errors: dict[str, Unreachable] = field(default_factory=dict)
    targets: list[dict[str, Any]] | None = None
    rules: RulesPage | None = None
    config_diff: str | None = None
    lookback: str = ""


def ask_pages(asked: Parties, pages: Pages, seen: Sighting, realms: tuple[str, ...]) -> None:
    """Asks the server for what it says of itself."""
    errors = pages.errors
    try:
        if not seen.warnings:
            pages.lookback = lookback_difference(asked.api, UP, seen.recent, seen.now, seen.pace)
    except ApiError as error:
        errors["recomputed"] = Unreachable(QUERY_PATH, error.message, error.next_step)
    pages.targets = _page(errors, "targets", "/api/v1/targets", asked.api.targets)
    pages.rules = _page(errors, "rules", "/api/v1/rules", lambda: _rules(asked, pages.clock))
    pages.config_diff = _page(errors, "config", "/api/v1/status/config", lambda: _config(asked, realms))


def _page(errors: dict[str, Unreachable], what: str, path: str, ask: Callable[[], _Page]) -> _Page | None:
    """What a page of the server says; None if it has no answer, and then `errors` says why."""
    try:
        return ask()
    except (ApiError, RuleError) as error:
        errors[what] = Unreachable(path, error.message, error.next_step)
        return None


def _rules(asked: Parties, clock: ClockReading) -> RulesPage:
    """
    The loaded rules; none can have been evaluated later than now.

    Raises:
        ApiError, RuleError: if there is no answer, or it is none.
    """
    answer = asked.rules_api.rules()
    since = max(time.monotonic() - clock.steady[0], 0.0)
    latest = clock.server + since + asked.expectation.pace.rule_interval
    page = RulesPage(answer, asked.expectation, clock.server, latest=latest, before=asked.memory.rules)
    asked.memory.rules = page.compared
    return page


def _config(asked: Parties, realms: tuple[str, ...]) -> str:
    """
    How the loaded configuration differs; a printout that was compared before is not compared again.

    Raises:
        ApiError: if nobody prints one: neither the server nor, where that is another, the one that has the rules.
    """
    api, rules_api, memory = asked.api, asked.rules_api, asked.memory
    try:
        text, untold = api.configuration(), api.untold
    except ApiBadAnswer:
        if rules_api is api:
            raise
        text, untold = rules_api.configuration(), rules_api.untold
    if memory.config is None or memory.config[0] != text:
        memory.config = text, config_diff(text, asked.expectation, realms, untold)
    return memory.config[1]
