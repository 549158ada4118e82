"""The server's clock beside ours. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClockReading:
    """The server's clock, and between which two moments it was read: of our clock and of our monotonic one."""

    server: float
    ours: tuple[float, float]
    steady: tuple[float, float]

    @property
    def difference(self) -> float:
        """By how much the server's clock is ahead of ours (negative: behind), however long the answer took."""
        earliest, latest = self.ours
        return min(self.server - earliest, 0.0) or max(self.server - latest, 0.0)

    def strayed(self, before: ClockReading) -> float:
        """By how much it moved further (negative: less far) than the time that has passed since an earlier reading."""
        moved = self.server - before.server
        least, most = self.steady[0] - before.steady[1], self.steady[1] - before.steady[0]
        return min(moved - least, 0.0) or max(moved - most, 0.0)
