"""
Raw samples of a described history: what Prometheus would have scraped. Pure, and the same for the same seed.

A block holds no stale markers: what a failed scrape would have ended at once stays visible for one lookback here.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fixtures.contract import (
    JOB_NODE_EXPORTER,
    JOB_PROMETHEUS,
    JOB_PUSHGATEWAY,
    PUSH_INSTANCE,
    PUSH_JOB,
    RAW_SEQ,
    RAW_TS,
    REALM_LABEL,
    SERVICE_PUSH_JOB,
)
from l4gate.sandbox import HOUR_SECONDS, Series
from tests.support.histories.describe import Description, Event, Rhythm, Signal, What

_INSTANCES: Final = {
    JOB_PROMETHEUS: "prometheus:9090",
    JOB_PUSHGATEWAY: "pushgateway:9091",
    JOB_NODE_EXPORTER: "node-exporter:9100",
}


@dataclass(frozen=True)
class Beat:
    """One run of the heartbeat script: when, and what it wrote (both relative to the history's start)."""

    at: float
    ts: float
    seq: int
    push: bool
    textfile: bool


def raw_series(history: Description, start: float, realm: str) -> list[Series]:
    """The samples of a history that starts at `start` (Unix seconds), for one realm."""
    rng = random.Random(history.seed)  # noqa: S311 - the same history every time is the point
    beats = list(_beats(history, rng))
    found = [
        *_heartbeat(history, beats, start, realm, rng),
        *_service(history, start, realm, rng),
        _up(JOB_PROMETHEUS, [(at, 1.0) for at, _ in _scrapes(history, rng, ())], start, realm),
    ]
    return [series for series in found if series.samples]


def _beats(history: Description, rng: random.Random) -> Iterator[Beat]:
    seq = 0
    number = 0
    restarts = sorted(event.at for event in history.during(What.WRITER_RESTART))
    for at in _times(history.beat, history.lasts, rng):
        if _happens(history.during(What.WRITER_DOWN), at) or rng.random() < history.beat.missed:
            continue
        if restarts and at >= restarts[0]:
            seq = 0
            restarts.pop(0)
        if not _happens(history.during(What.SEQUENCE_STUCK), at):
            seq += 1
        number += 1
        off = sum(event.by for event in history.during(What.CLOCK_STEP) if event.covers(at))
        delivered = not _happens(history.during(What.PUSHGATEWAY_DOWN), at)
        push, textfile = (number % 2 == 0, number % 2 == 1) if history.alternate else (True, True)
        yield Beat(at, at + off, seq, push and delivered, textfile)


def _heartbeat(
    history: Description, beats: Sequence[Beat], start: float, realm: str, rng: random.Random
) -> Iterator[Series]:
    """Both raw metrics on both paths, and `up` of the path's target."""
    downs = {JOB_PUSHGATEWAY: What.PUSHGATEWAY_DOWN, JOB_NODE_EXPORTER: What.NODE_EXPORTER_DOWN}
    for job, down in downs.items():
        pushed = job == JOB_PUSHGATEWAY
        labels = {"job": PUSH_JOB, "instance": PUSH_INSTANCE} if pushed else _target(job)
        arrived = [beat for beat in beats if (beat.push if pushed else beat.textfile)]
        times = [beat.at for beat in arrived]
        # A Pushgateway without persistence comes back empty; textfiles lie on disk.
        lost = sorted(event.at + event.lasts for event in history.during(down)) if pushed else []
        scrapes = list(_scrapes(history, rng, history.during(down)))
        seen: list[tuple[float, Beat]] = []
        for at, success in scrapes:
            index = bisect_right(times, at) - 1
            emptied = [each for each in lost if each <= at]
            if success and index >= 0 and not (emptied and times[index] < emptied[-1]):
                seen.append((at, arrived[index]))
        realm_labels = {**labels, REALM_LABEL: realm}
        yield Series(RAW_TS, realm_labels, [(start + at, start + beat.ts) for at, beat in seen])
        yield Series(RAW_SEQ, realm_labels, [(start + at, float(beat.seq)) for at, beat in seen])
        yield _up(job, [(at, float(success)) for at, success in scrapes], start, realm)


def _service(history: Description, start: float, realm: str, rng: random.Random) -> Iterator[Series]:
    """The service's metrics, as scraped from the Pushgateway."""
    begins = history.lasts - history.service_lasts
    down = history.during(What.PUSHGATEWAY_DOWN)
    times = [at for at, success in _scrapes(history, rng, down) if success and at >= begins]
    for name, signal in history.service.items():
        changes = sorted(
            (event for event in history.during(What.SERVICE) if event.metric == name),
            key=lambda each: each.at,
        )
        values = _counter(signal, changes, times) if signal.value is None else _gauge(signal, changes, times)
        metric, labels = _split(name)
        labels |= {"job": SERVICE_PUSH_JOB, "instance": PUSH_INSTANCE, REALM_LABEL: realm}
        yield Series(metric, labels, [(start + at, value) for at, value in zip(times, values, strict=True)])


def _counter(signal: Signal, changes: Sequence[Event], times: Sequence[float]) -> Iterator[float]:
    """A counter of whole things that happen at an even pace."""
    total = 0.0
    before = times[0] if times else 0.0
    for at in times:
        rate = next((one.signal.per_hour for one in changes if one.covers(at)), signal.per_hour) or 0.0
        total += rate * (at - before) / HOUR_SECONDS
        before = at
        yield float(math.floor(total + 1e-9))


def _gauge(signal: Signal, changes: Sequence[Event], times: Sequence[float]) -> Iterator[float]:
    for at in times:
        value = next((one.signal.value for one in changes if one.covers(at)), signal.value)
        yield math.nan if value is None else value


def _scrapes(history: Description, rng: random.Random, down: Sequence[Event]) -> Iterator[tuple[float, bool]]:
    """When a target was scraped, and whether that succeeded."""
    gone = history.during(What.PROMETHEUS_DOWN)
    for at in _times(history.scrape, history.lasts, rng):
        missed = rng.random() < history.scrape.missed
        if not _happens(gone, at):
            yield at, not missed and not _happens(down, at)


def _times(rhythm: Rhythm, lasts: float, rng: random.Random) -> Iterator[float]:
    """The times of a rhythm, in whole milliseconds as Prometheus stores them, never two in one."""
    phase = rng.uniform(rhythm.jitter, rhythm.every - rhythm.jitter)
    for index in range(int(lasts / rhythm.every)):
        at = round(phase + index * rhythm.every + rng.uniform(-rhythm.jitter, rhythm.jitter), 3)
        if at < lasts:
            yield at


def _happens(events: Sequence[Event], at: float) -> bool:
    return any(event.covers(at) for event in events)


def _target(job: str) -> dict[str, str]:
    return {"job": job, "instance": _INSTANCES[job]}


def _up(job: str, samples: list[tuple[float, float]], start: float, realm: str) -> Series:
    return Series("up", {**_target(job), REALM_LABEL: realm}, [(start + at, value) for at, value in samples])


def _split(name: str) -> tuple[str, dict[str, str]]:
    """A metric and its labels from `name{label="value"}`."""
    metric, _, inner = name.partition("{")
    pairs = (pair.partition("=") for pair in inner.rstrip("}").split(",") if pair)
    return metric, {label: value.strip('"') for label, _, value in pairs}
