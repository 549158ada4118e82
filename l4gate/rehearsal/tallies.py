"""
All samples of a large TSDB up to a moment, as a count and a sum per series, added up by the server itself.

To fetch every sample, as `samples` does, takes minutes for tens of millions. That each byte of the blocks is back is
proven by their checksums; this proves that the server finds every sample in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Final

from l4gate.base import RehearsalFailed, format_duration
from l4gate.prometheus_api import PrometheusApi
from l4gate.rehearsal.samples import Fingerprint, Samples

MOST_TO_FETCH: Final = 2_000_000  # samples; a night of rehearsals has as many, which takes 10 s
_TIMEOUT_SECONDS: Final = 120.0  # Prometheus' own limit of a query; 100,000 series of 600 samples take 5 s
_NAME: Final = "__name__"
_Labels = tuple[tuple[str, str], ...]


def tally_samples(url: str, start: float, end: float) -> Samples:
    """
    Every float series from start to end (Unix seconds), both included: how many samples, and a digest of their sum.

    Raises:
        ApiUnreachable, ApiBadAnswer: if the server gives no answer.
        RehearsalFailed: if one was incomplete.
    """
    api = PrometheusApi(url, timeout_seconds=_TIMEOUT_SECONDS)
    window = (
        f"[{format_duration(round(1000 * (end - start)) / 1000 + 1)}]"  # open at its left end from 3.0 on
    )
    found: dict[_Labels, Fingerprint] = {}
    names = _values(api, f'count by ({_NAME}) (last_over_time({{{_NAME}=~".+"}}{window}))', end)
    for ((_, name),), _ in names:
        # These functions drop the name, without which two series can be one: so each name is asked by itself.
        selector = f"{{{_NAME}={json.dumps(name)}}}{window}"
        counts = dict(_values(api, f"count_over_time({selector})", end))
        for labels, total in _values(api, f"sum_over_time({selector})", end):
            key = tuple(sorted([(_NAME, name), *labels]))
            found[key] = Fingerprint(int(counts[labels]), hashlib.sha256(total.encode()).hexdigest())
    return Samples(found)


def _values(api: PrometheusApi, expr: str, at: float) -> Iterator[tuple[_Labels, str]]:
    answer = api.query_unread(expr, at)
    if answer.warnings:
        raise RehearsalFailed(f"expected all samples, found a partial answer: {answer.warnings[0]}")
    for series in answer.dicts("result"):
        yield tuple(sorted(series["metric"].items())), series["value"][1]
