"""A history judged: the samples of a window, criteria, levels."""

from l4gate.certificate.intervals import Interval, SeriesHistory, Window, segments
from l4gate.certificate.judging import Certificate, CriterionResult, Violation
from l4gate.certificate.measuring import certify_window, moment

__all__ = [
    "Certificate",
    "CriterionResult",
    "Interval",
    "SeriesHistory",
    "Violation",
    "Window",
    "certify_window",
    "moment",
    "segments",
]
