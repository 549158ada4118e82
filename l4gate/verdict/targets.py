"""The targets of a server: what is recorded of each, and what the server's page says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from l4gate.base import UsageError, parse_duration
from l4gate.contract import Contract
from l4gate.prometheus_api import SampleSeries
from l4gate.verdict.keys import Key, series_key
from l4gate.verdict.look import TargetState

UP: Final = "up"


class TargetsSeen:
    """
    The targets of the contract's jobs, by their `up` and by the server's page (`details`; None if it gave none).

    The two are held together by all their labels: anybody can push an `up`, and a target without one is not scraped.
    `neighbours` are the realms that the same server scrapes.
    """

    def __init__(
        self,
        ups: Mapping[Key, SampleSeries],
        newest: Mapping[Key, SampleSeries],
        details: list[dict[str, Any]] | None,
        contract: Contract,
        neighbours: Collection[str] = (),
    ) -> None:
        self._ups, self._newest, self._asked, self._contract = ups, newest, details is not None, contract
        self._listed: dict[Key, list[dict[str, Any]]] = {}
        for each in details or ():
            labels = each.get("labels")
            if isinstance(labels, dict):
                key = frozenset((name, text(value)) for name, value in labels.items())
                self._listed.setdefault(key, []).append(each)
        self._by_job: dict[str, list[Key]] = {}
        for key in dict.fromkeys((*ups, *self._listed)):
            self._by_job.setdefault(dict(key).get("job", ""), []).append(key)
        self._realms = {realm for keys in self._by_job.values() for key in keys for realm in self._realm(key)}
        self._near = self._realms.intersection(neighbours)
        self._shared: dict[frozenset[str], tuple[TargetState, ...]] = {}

    def of(self, realm: str) -> tuple[TargetState, ...]:
        """
        The targets of a realm.

        A job without one of its own is shown by those of its neighbours, and without any of those by everybody's.
        """
        wanted = frozenset({realm} & self._realms or self._near)
        if wanted not in self._shared:
            self._shared[wanted] = tuple(self._of(wanted))
        return self._shared[wanted]

    def _of(self, wanted: frozenset[str]) -> list[TargetState]:
        targets = []
        for job in (*self._contract.required_jobs, *self._contract.advisory_jobs):
            found = self._by_job.get(job, [])
            mine = [key for key in found if wanted & self._realm(key)]
            for key in mine or found:
                targets += [self._target(job, key, detail) for detail in self._listed.get(key) or [{}]]
        return targets

    def _realm(self, key: Key) -> frozenset[str]:
        label = self._contract.realm.label
        return frozenset(value for name, value in key if name == label)

    def _target(self, job: str, key: Key, detail: Mapping[str, Any]) -> TargetState:
        """One target by its `up`, by its entry on the page, or by both: then both must say that it is up."""
        up = self._ups.get(key)
        raw = None if up is None else self._newest.get(series_key(up.labels))
        health = detail.get("health")
        # Without an `up` that a query still sees, the page tells why at most: it proves no scrape.
        alive = health != "down" if up is None else up.last.value == 1.0 and (not detail or health == "up")
        return TargetState(
            job=job,
            instance=dict(key).get("instance", ""),
            up=alive,
            sampled_at=raw.last.at if raw is not None else float("-inf"),
            listed=bool(detail) or not self._asked,
            last_error=text(detail.get("lastError")),
            scrape_timeout=_seconds(detail.get("scrapeTimeout")),
        )


def text(value: Any) -> str:
    """A text of the server, or an empty one where it has none or something else."""
    return value if isinstance(value, str) else ""


def _seconds(duration: Any) -> float | None:
    try:
        return parse_duration(text(duration))
    except (UsageError, ValueError):  # more digits than Python takes for a number
        return None
