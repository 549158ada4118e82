"""
What an ABORT is about: the abort alerts that fire, and since when. A rollback answers such an episode once.

An alert that goes on and one that came again look alike after a restart of Prometheus, which counts anew. So the
samples between the two decide: an episode goes on until its condition was seen not to hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from l4gate.base import ApiBadAnswer
from l4gate.prometheus_api import rfc3339
from l4gate.report import utc
from l4gate.rules import groups_from_api
from l4gate.verdict import Judge

_ROUNDING_SECONDS: Final = 1.0  # a restarted Prometheus knows whole seconds of when an alert became active
_LONGEST_SECONDS: Final = (
    30 * 24 * 3600.0
)  # further back nobody is asked whether it is still the same trouble


@dataclass(frozen=True)
class FiringAlert:
    """An abort alert that fires, and since when its condition holds, in Unix seconds of the server's clock."""

    realm: str
    alert: str
    since: float

    def __str__(self) -> str:
        return f"{self.alert} of {self.realm}, active since {utc(self.since)}"


def firing_alerts(judge: Judge) -> tuple[FiringAlert, ...]:
    """
    The abort alerts that the server says are firing in the judge's realms, those that are active for longest first.

    Raises:
        ApiUnreachable: if the server does not say.
        ApiBadAnswer: if it does not say since when one of them is active.
    """
    contract = judge.expectation.pace.contract
    page = judge.rules_api.rules()
    groups_from_api(page)  # raises for what has another shape
    found: dict[tuple[str, str], FiringAlert] = {}
    for group in page["groups"]:
        for rule in group["rules"]:
            if rule.get("type") != "alerting" or rule.get("name") not in contract.abort.alerts:
                continue
            own = (rule.get("labels") or {}).get(contract.realm.label)
            alerts = rule.get("alerts")
            for alert in alerts if isinstance(alerts, list) else ():
                if not isinstance(alert, dict):
                    continue
                labels = alert.get("labels")
                realm = labels.get(contract.realm.label, own) if isinstance(labels, dict) else own
                if realm in judge.realms and alert.get("state") == "firing":
                    one = FiringAlert(realm, rule["name"], _since(rule["name"], alert))
                    known = found.setdefault((realm, one.alert), one)
                    if one.since < known.since:  # a rule has one for each series; they are one trouble
                        found[realm, one.alert] = one
    return tuple(sorted(found.values(), key=lambda each: (each.since, each.realm, each.alert)))


def goes_on(judge: Judge, now: FiringAlert, since: float) -> bool:
    """
    Whether a firing alert is still about what it was about at `since` (Unix seconds of the server's clock).

    Raises:
        ApiError: if the server cannot be asked what was recorded in between.
    """
    if now.since <= since + _ROUNDING_SECONDS:
        return True
    pace = judge.expectation.pace
    if now.since - since > _LONGEST_SECONDS / pace.factor:
        return False
    condition = next(each for each in pace.contract.abort.conditions if each.alert == now.alert)
    selector = pace.contract.selector(condition.metric, now.realm)
    answer = judge.api.query(f"{selector}[{math.ceil((now.since - since) * 1000)}ms]", at=now.since)
    # Samples that are missing end no episode: nobody has seen that it was over.
    return all(
        condition.holds(sample.value, pace)
        for series in answer.series
        for sample in series.samples
        if sample.at > since
    )


def _since(name: str, alert: Mapping[str, Any]) -> float:
    said = alert.get("activeAt")
    try:
        since = rfc3339(said)
        if not math.isfinite(since):
            raise ValueError
        return since
    except ValueError:
        message = (
            f"alert {name} fires, and activeAt is {said!r:.40}; what it is about cannot be told without."
        )
        raise ApiBadAnswer(message, next_step="read /api/v1/rules on the server itself.") from None
