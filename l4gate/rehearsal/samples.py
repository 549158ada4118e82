"""
All samples of a server up to a moment, as a count and a checksum per series, so that two servers can be compared.

They are asked for by query, in pieces of time, because an answer with all of them would be large.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from l4gate.base import RehearsalFailed, format_duration
from l4gate.prometheus_api import PrometheusApi

PIECE_SAMPLES: Final = 200  # per series; a stack of ours has some 700 series, which makes an answer of 5 MB
_SHOWN: Final = 4

_Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fingerprint:
    """Of one series: how many samples, and the SHA-256 of their times and values."""

    samples: int
    sha256: str


@dataclass(frozen=True)
class Samples:
    """Of one server: the fingerprint of each series, by its labels."""

    series: Mapping[_Labels, Fingerprint]

    @property
    def count(self) -> int:
        """All samples of all series."""
        return sum(each.samples for each in self.series.values())

    def lost(self, before: Samples) -> int:
        """How many samples of `before` are not here, or are others here; counted per series."""
        missing = 0
        for labels, expected in before.series.items():
            found = self.series.get(labels)
            if found is None:
                missing += expected.samples
            elif found != expected:
                missing += max(expected.samples - found.samples, 1)
        return missing

    def differences(self, before: Samples) -> list[str]:
        """A sentence for each of the first few series that are not as they were."""
        found = []
        for labels in sorted({*before.series, *self.series}):
            was, now = before.series.get(labels), self.series.get(labels)
            if was != now:
                name = "{" + ", ".join(f'{label}="{value}"' for label, value in labels) + "}"
                counts = [f"{each.samples} samples" if each else "no series" for each in (was, now)]
                same = bool(was and now and was.samples == now.samples)
                found.append(
                    f"{name}: expected {counts[0]}, found {counts[1]}{' with other values' if same else ''}"
                )
        return found[:_SHOWN]


def read_samples(api: PrometheusApi, start: float, end: float, interval: float) -> Samples:
    """
    Every float sample of every series from start to end (Unix seconds), both included.

    Args:
        api: the server.
        start: at or before the first sample.
        end: what was sampled later is left out.
        interval: of the scrapes; it sizes the pieces.

    Raises:
        ApiUnreachable, ApiBadAnswer: if a piece got no answer.
        RehearsalFailed: if one was incomplete.
    """
    found: dict[_Labels, _Series] = {}
    piece = PIECE_SAMPLES * interval
    for index in range(max(1, math.ceil((end - start) / piece))):
        until = end - index * piece
        expr = f'{{__name__=~".+"}}[{format_duration(piece)}]'
        # As it comes, not as objects: a night of rehearsals makes millions of samples, and nothing is judged here.
        answer = api.query_unread(expr, until)
        if answer.warnings:
            raise RehearsalFailed(f"expected all samples, found a partial answer: {answer.warnings[0]}")
        for series in answer.dicts("result"):
            labels = tuple(sorted(series["metric"].items()))
            one = found.setdefault(labels, _Series())
            # Consecutive pieces share their border; times only go back, so a sample on it is taken once.
            new = [pair for pair in series["values"] if pair[0] < one.oldest]
            if new:
                one.count += len(new)
                one.oldest = new[0][0]
                one.digest.update(repr(new).encode())
    return Samples({key: Fingerprint(one.count, one.digest.hexdigest()) for key, one in found.items()})


@dataclass
class _Series:
    """What has been read of a series so far, from its newest sample back."""

    count: int = 0
    oldest: float = math.inf
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
