"""
A fleet over several Prometheis that write to one place: judged there, with the rules of each where they are evaluated.

Which realms a shard has, its own rules say. A realm that no shard has is HOLD, and so is one that two have: what they
write to one place are the same series, and nobody could tell whose they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from l4gate.base import ApiError
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import RuleGroup, groups_from_api, realms_listed
from l4gate.verdict.decision import decide
from l4gate.verdict.diagnosis import diagnose
from l4gate.verdict.judge import Judge, Look
from l4gate.verdict.look import Measurement
from l4gate.verdict.pages import Expectation
from l4gate.verdict.readings import Unreachable

UNREACHABLE: Final = "shard-unreachable"
NONE: Final = "no-shard"
SEVERAL: Final = "several-shards"
_RULES: Final = "/api/v1/rules"


@dataclass
class Shard:
    """
    One Prometheus of many: `own` is its API, `common` is where all of them write, asked with it as the scraper.

    `judge` judges its realms; it is made anew when they become others.
    """

    own: PrometheusApi
    common: PrometheusApi
    groups: tuple[RuleGroup, ...] = ()
    listed: tuple[str, ...] = ()
    judge: Judge | None = None


@dataclass(frozen=True)
class ShardedJudge(Judge):
    """A judge of realms that several shards evaluate. `expect` gives what a shard with some realms is held against."""

    shards: tuple[Shard, ...] = ()
    expect: Callable[[tuple[str, ...]], Expectation] = field(kw_only=True)

    def look(self) -> tuple[Look, ...]:
        """One look at each realm, in their order."""
        homes: dict[str, list[Shard]] = {realm: [] for realm in self.realms}
        silent: dict[str, ApiError] = {}
        for shard in self.shards:
            try:
                for realm in self._listed(shard):
                    if realm in homes:
                        homes[realm].append(shard)
            except ApiError as error:
                silent[shard.own.base_url] = error
        found: dict[str, Look] = {}
        for shard in self.shards:
            mine = tuple(realm for realm, its in homes.items() if its == [shard])
            if mine and shard.judge is not None:
                found |= {look.measurement.realm: look for look in replace(shard.judge, realms=mine).look()}
        return tuple(found.get(realm) or self._homeless(realm, homes[realm], silent) for realm in self.realms)

    def _listed(self, shard: Shard) -> tuple[str, ...]:
        """
        The realms that a shard's rules record.

        Raises:
            ApiError: if it does not say.
        """
        groups = groups_from_api(shard.own.rules())
        if groups == shard.groups and shard.judge is not None:
            return shard.listed
        listed = realms_listed(groups, self.expectation.pace.contract)
        if listed != shard.listed or shard.judge is None:
            ours = frozenset((*self.realms, *listed))
            expectation = replace(self.expect(listed), ours=ours) if listed else self.expectation
            shard.listed = listed
            shard.judge = Judge(
                shard.common, shard.own, expectation, listed, recomputing=shard.own, tenants=self.tenants
            )
        shard.groups = groups
        return listed

    def _homeless(self, realm: str, homes: list[Shard], silent: dict[str, ApiError]) -> Look:
        """HOLD for a realm that not exactly one shard has, and why."""
        if homes:
            named = " and ".join(shard.own.base_url for shard in homes)
            error = Unreachable(
                _RULES,
                f"the rules of {named} all record realm {realm}",
                "leave it on the roster of one of them: what they write to one place are the same series.",
            )
            errors = {SEVERAL: error}
        elif silent:
            said = "; ".join(f"shard {url}: {error.message.rstrip('.')}" for url, error in silent.items())
            step = next((error.next_step for error in silent.values() if error.next_step), "")
            error = Unreachable(
                ", ".join(silent),
                f"no shard that answers has realm {realm}; {said}",
                step or "start the shard.",
            )
            errors = {UNREACHABLE: error}
        else:
            error = Unreachable(
                _RULES,
                f"none of {len(self.shards)} shards records realm {realm}",
                "load the rules of a fleet with this realm on one of the shards.",
            )
            errors = {NONE: error}
        measurement = Measurement(realm, 0.0, errors=errors)
        return Look(measurement, decide(diagnose(measurement, self.expectation.pace)))
