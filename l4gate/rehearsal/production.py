"""
Whether the times of a rehearsal may count as production's: at factor 1, on a snapshot that is as large as production.

A restore of an empty stack in scaled time says nothing about the restore of a large one in real time, and production's
p95 would be judged on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from l4gate.base import UsageError
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.rehearsal.publishing import publish
from l4gate.rehearsal.size import Size, size_of
from l4gate.settings import EXTERNAL_FACTOR, Settings

# What Prometheus says of itself, wherever it scrapes itself. A snapshot has the head's samples as a block, too.
_BLOCKS_BYTES: Final = "prometheus_tsdb_storage_blocks_bytes"
_HEAD_SERIES: Final = "prometheus_tsdb_head_series"
# A snapshot of last night lacks what came since, and a retention by size or time takes away what it still has.
_ENOUGH: Final = 0.8
_TOLD: Final = "--publish: production's p95 is judged on what is published"


def size_at(api: PrometheusApi) -> Size:
    """
    The size of the largest Prometheus that a server scrapes, which is itself where there is but one.

    Raises:
        UsageError: if the server has no samples of that.
        ApiError: if it gives no answer.
    """
    found = []
    for name in (_BLOCKS_BYTES, _HEAD_SERIES):
        series = api.query(f"max({name})").series
        if not series:
            message = f"{_TOLD}, and {api.base_url} has no {name} to know its size by."
            raise UsageError(message, next_step="give --production the Prometheus that scrapes itself.")
        found.append(int(series[0].last.value))
    return Size(*found)


def ensure_productions_own(factor: float, snapshot: Path | None, production: PrometheusApi | None) -> Size:
    """
    The size on which a rehearsal measures, if what it measures may be published as production's.

    Args:
        factor: the time factor of the rehearsal.
        snapshot: the blocks that it restores.
        production: the Prometheus whose rules judge what is published.

    Raises:
        UsageError: in one sentence, if the rehearsal is none of production.
        ApiError: if production does not tell its size.
    """
    _ensure_real_time(factor)
    if snapshot is None or production is None:
        missing = "--snapshot" if snapshot is None else "--production"
        message = f"{_TOLD}, and without {missing} nothing shows that its own TSDB is what was restored."
        raise UsageError(message, next_step="give --snapshot DIR and --production URL, or do not publish.")
    size, wanted = size_of(snapshot), size_at(production)
    for kind, has, expected in (
        ("bytes", size.bytes, wanted.bytes),
        ("series", size.series, wanted.series),
    ):
        if has < _ENOUGH * expected:
            message = (
                f"{_TOLD}, and the snapshot {snapshot} has {has} {kind}, production {expected}: "
                f"expected at least {_ENOUGH:.0%} of it."
            )
            raise UsageError(message, next_step="take a new snapshot of production.")
    return size


def publish_as_productions(url: str, settings: Settings, size: Size, *restores: float | None) -> None:
    """
    Adds rehearsals to what production's Pushgateway holds of them, with the size on which they were measured.

    Nothing else publishes anywhere but on a stack of our own.

    Args:
        url: the Pushgateway.
        settings: of the rehearsals.
        size: what `ensure_productions_own` has found.
        restores: as `publish` takes them; none at all makes the counters known.

    Raises:
        UsageError: if the rehearsals were at another time factor.
        RehearsalFailed: if the Pushgateway does not take it.
    """
    _ensure_real_time(settings.factor)
    publish(url, settings.realms[0], Pace(EXTERNAL_FACTOR, settings.contract), *restores, size=size)


def _ensure_real_time(factor: float) -> None:
    if factor != EXTERNAL_FACTOR:
        message = f"{_TOLD}, and at time factor {factor:g} a restore waits {factor:g} times less than there."
        raise UsageError(message, next_step="give --factor 1, or do not publish.")
