"""How often the heartbeat's rule calls a healthy instance ill: histories of many instances, evaluated by Prometheus."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from benchmarks.outcome import Outcome, share, two_at_a_time
from fixtures.contract import (
    ABORT_FOR_SECONDS,
    CHANGES_WINDOW_SECONDS,
    DEFAULT_REALM,
    OK,
    PUSH_JOB,
    RULE_INTERVAL_SECONDS,
    SCRAPE_INTERVAL_SECONDS,
)
from l4gate.programs import find_program, host_promtool
from l4gate.rules import load_rule_file
from l4gate.sandbox import HOUR_SECONDS, Series, write_blocks
from l4gate.settings import Settings
from tests.support.histories.describe import Description, Event, Rhythm, What
from tests.support.histories.generate import raw_series
from tests.support.histories.record import passes, serve

INSTANCES: Final = 3_000  # 2,995 without an alarm are needed for an upper bound of 0.001
HOURS: Final = 3
PART: Final = 250  # instances in one TSDB: some 60 MB of text at a time
INSTANCE: Final = (
    f"{HOURS} h of one healthy instance with a seed of its own. Its share of evaluations that are alarms is no trial, "
    "because they follow each other; but the mean of the shares is at most the probability that an instance has any, "
    "so what is counted is instances with an alarm, which bounds the share"
)


def healthy(seed: int) -> Description:
    """
    Some hours of one healthy instance.

    Beats are up to 2 s early or late, one scrape in a thousand is lost, and at one moment the writer is restarted with
    a new sequence.
    """
    lasts = HOURS * HOUR_SECONDS
    restart = random.Random(seed).uniform(CHANGES_WINDOW_SECONDS, lasts)  # noqa: S311 - the same every time
    return Description(
        name=f"healthy {seed}",
        summary="",
        lasts=lasts,
        judged=lasts,
        seed=seed,
        beat=Rhythm(60.0, jitter=2.0),
        scrape=Rhythm(SCRAPE_INTERVAL_SECONDS, jitter=0.1, missed=0.001),
        alternate=False,
        service={},
        service_lasts=0.0,
        ok_before=0.0,
        events=(Event(restart, What.WRITER_RESTART),),
    )


@dataclass(frozen=True)
class Alarms:
    """Of one instance: its evaluations, how many were alarms, and how many alarms lasted for an abort."""

    evaluations: int
    alarms: int
    aborts: int


def false_alarms(settings: Settings) -> Outcome:
    """Evaluations of the heartbeat's rule over healthy histories, on the push path alone."""
    end = time.time() // 60 * 60 - HOUR_SECONDS
    parts = [(settings, end, first) for first in range(0, INSTANCES, PART)]
    found = [each for part in two_at_a_time(evaluated, parts) for each in part]
    evaluations, alarms = sum(each.evaluations for each in found), sum(each.alarms for each in found)
    ill = sum(each.alarms > 0 for each in found)
    return Outcome(
        len(found),
        ill,
        f"{OK} by Prometheus on one path, which a second could only hide alarms of: "
        f"{share(alarms, evaluations)} evaluations were alarms, {sum(each.aborts for each in found)} aborts.",
    )


def evaluated(part: tuple[Settings, float, int]) -> list[Alarms]:
    """What Prometheus finds in a part of the instances: the settings, the end of the hours, the first of them."""
    settings, end, first = part
    group = load_rule_file(settings.config_dir / "rules" / "heartbeat.rules.yml")
    expr = next(step.expr for each in passes(group) for step in each if step.rule.name == OK)
    start = end - HOURS * HOUR_SECONDS
    realms = [f"instance-{number}" for number in range(first, min(first + PART, INSTANCES))]

    def samples() -> Iterator[Series]:
        for number, realm in enumerate(realms, first):
            for series in raw_series(healthy(number), start, realm):
                if series.labels["job"] == PUSH_JOB:
                    yield series

    found = []
    with tempfile.TemporaryDirectory(prefix="l4gate-claims-") as folder:
        write_blocks(samples(), Path(folder), host_promtool(settings.generation, settings.cache_dir))
        with serve(Path(folder), find_program("prometheus", settings.generation, settings.cache_dir)) as api:
            for realm in realms:
                asked = expr.replace(f'"{DEFAULT_REALM}"', f'"{realm}"')
                begins = start + CHANGES_WINDOW_SECONDS
                (series,) = api.query_range(asked, begins, end, RULE_INTERVAL_SECONDS).series
                found.append(_alarms([sample.value == 1.0 for sample in series.samples]))
    return found


def _alarms(good: list[bool]) -> Alarms:
    lasting = ABORT_FOR_SECONDS / RULE_INTERVAL_SECONDS
    runs = [(well, len(list(run))) for well, run in groupby(good)]
    return Alarms(len(good), good.count(False), sum(not well and length > lasting for well, length in runs))
