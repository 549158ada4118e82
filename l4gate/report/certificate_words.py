"""A certificate in words: the answer, what a criterion asks, what was found; and all of it for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate.base import Verdict, format_duration
from l4gate.certificate import Certificate, CriterionResult, Window
from l4gate.contract import When
from l4gate.report.as_json import utc

_SHOWN_LINES: Final = 10  # on a terminal


def headline(certificate: Certificate) -> str:
    """The answer in one line."""
    if certificate.verdict is Verdict.ABORT:
        return f"ABORT in the window: not certified ({certificate.level})"
    return (
        f"certified {certificate.level}" if certificate.certified else f"not certified ({certificate.level})"
    )


def certificate_lines(certificate: Certificate) -> Iterator[str]:
    """The certificate for a terminal: the answer, every criterion, and what keeps the next level away."""
    window = certificate.window
    yield f"{certificate.realm}: {headline(certificate)}"
    yield f"  window   {utc(window.start)} to {utc(window.end)} ({format_duration(window.seconds)})"
    for result in certificate.results:
        mark = "met" if result.met else "NOT MET"
        yield f"  {mark:<8} {result.criterion.id:<22} {asked(result, window):<44} {found(result)}"
    yield f"  level    {window.pace.contract.levels.metric}: {stability_in_words(certificate)}"
    for interval in certificate.violations[:_SHOWN_LINES]:
        yield f"  violated {utc(interval.start)} to {utc(interval.end)} ({interval.seconds:.6g} s)"
    if len(certificate.violations) > _SHOWN_LINES:
        yield f"  violated {len(certificate.violations) - _SHOWN_LINES} more times; the JSON has them all"
    for reason in certificate.why_not:
        yield f"  why not  {reason}"


def asked(result: CriterionResult, window: Window) -> str:
    """What a criterion asks, for people."""
    criterion = result.criterion
    bounds = f"{criterion.op} {window.pace.scaled(criterion.metric, criterion.limit):g}"
    if criterion.when is When.ALWAYS:
        return f"{bounds} always, seen {criterion.share:.1%} of the time"
    return f"{bounds} for {criterion.share:.1%} of the time"


def found(result: CriterionResult) -> str:
    """What was measured for a criterion, for people."""
    if result.value is None:
        return "no sample"
    return f"{result.share:.3%} of the time, worst {result.value:.6g}"


def stability_in_words(certificate: Certificate) -> str:
    """Mean, coverage and rises of the metric that the level rests on."""
    value = certificate.stability
    mean = "no sample" if value.mean is None else f"mean {value.mean:.4f}"
    highest = max((rise.height for rise in value.rises), default=0.0)
    return f"{mean}, seen {value.measured:.3%} of the time, rises: {len(value.rises)}, highest {highest:.3f}"
