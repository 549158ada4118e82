"""Waiting until a Prometheus has scraped its required targets once: before that its rules would see nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from l4gate.base import ApiError, wait_until
from l4gate.contract import Contract
from l4gate.prometheus_api import PrometheusApi

_SCRAPE_POLL_SECONDS: Final = 0.02
_FIRST_SCRAPE_SECONDS: Final = 5.0  # Prometheus' own service discovery ticker; no flag changes it
_REQUEST_SECONDS: Final = 2.0
_NEVER_SCRAPED: Final = "0001-01-01T00:00:00Z"


def wait_for_first_scrape(prometheus_url: str, contract: Contract) -> None:
    """
    Returns when every required job has a target and all of them have been scraped.

    Raises:
        NotReady: if it takes longer than Prometheus' own ticker and two scrapes.
    """
    required = contract.required_jobs
    api = PrometheusApi(prometheus_url, timeout_seconds=_REQUEST_SECONDS)
    wait_until(
        lambda: not _unscraped(api, required),
        deadline_seconds=_FIRST_SCRAPE_SECONDS + 2 * contract.pace.scrape,
        interval_seconds=_SCRAPE_POLL_SECONDS,
        what=f"the targets {', '.join(required)} to have been scraped once",
        last_seen=lambda: f"never scraped: {', '.join(_unscraped(api, required))}",
        next_step=f"look at {prometheus_url}/targets.",
    )


def _unscraped(api: PrometheusApi, required: Collection[str]) -> list[str]:
    """The required jobs that have no target yet, or one that has never been scraped."""
    try:
        targets = api.targets()
    except ApiError:
        return list(required)
    return [job for job in required if not _all_scraped(t for t in targets if t["labels"].get("job") == job)]


def _all_scraped(targets: Iterable[Mapping[str, Any]]) -> bool:
    scraped = [target["lastScrape"] != _NEVER_SCRAPED for target in targets]
    return bool(scraped) and all(scraped)
