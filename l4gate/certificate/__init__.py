"""A history judged: tracks of states, criteria, levels."""

from l4gate.certificate.judging import Certificate, Result, Violation
from l4gate.certificate.measuring import certify_window, moment
from l4gate.certificate.tracks import Interval, Track, Window, segments

__all__ = [
    "Certificate",
    "Interval",
    "Result",
    "Track",
    "Violation",
    "Window",
    "certify_window",
    "moment",
    "segments",
]
