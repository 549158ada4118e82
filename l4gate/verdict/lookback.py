"""
For how long the server lets a query see a sample: the rules mean something else on one that forgets sooner or later.

That is a flag of the program, and no part of its configuration. So it is measured: whether what was sampled just now
can be seen from a moment in the future that lies within the lookback, and from one that lies beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi, SampleSeries
from l4gate.verdict.evidence import Cause, Stage
from l4gate.verdict.keys import name_of

# In lookbacks, from now on. A sample is some seconds old already, and newer ones come while the question travels:
# a slow machine needs what is left for that. Farther ahead some APIs answer no question.
_WITHIN: Final = 0.75
_BEYOND: Final = 1.9
_RIGHT: Final = 1.0
_SHORTER: Final = 0.0


def lookback_difference(
    api: PrometheusApi, up: str, recent: Iterable[SampleSeries], now: float, pace: Pace
) -> str:
    """
    How the server's lookback differs from that of the contract, in words; "" if it does not.

    Without a target that was scraped just now nothing is known, and nothing is said.

    Raises:
        ApiError: if there is no answer.
    """
    limit = pace.scrape_interval + pace.rule_interval
    if not any(name_of(series) == up and now - series.last.at <= limit for series in recent):
        return ""
    within, beyond = (
        f"(group({up} @ {now + share * pace.lookback:.3f}) or vector(0))" for share in (_WITHIN, _BEYOND)
    )
    answer = api.query(f"{within} + 2 * {beyond}", now)
    found = [series.last.value for series in answer.series]
    if found == [_RIGHT]:
        return ""
    if found == [_SHORTER]:
        return f"less than {_WITHIN * pace.lookback:g} s"
    return f"more than {_BEYOND * pace.lookback:g} s"


def lookback_causes(differs: str, pace: Pace) -> list[Cause]:
    """What is wrong with the lookback, by the words above."""
    if not differs:
        return []
    return [
        Cause(
            Stage.QUERY,
            "lookback-differs",
            f"a query to see a sample for {pace.lookback:g} s, as the contract says",
            differs,
            "query up, as if it were later",
            "start the server with --query.lookback-delta as in the contract: the rules mean something else meanwhile.",
        )
    ]
