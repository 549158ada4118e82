"""What a run of the catalogue shows: the table, the counts, the messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from l4gate.faults.exercise import WRONGS, FaultResult
from l4gate.report import markdown_table

REPORT: Final = "l4-faults.json"
_QUOTED: Final = " " * 20
# What differs from run to run in a message, and what stands for it in a snapshot.
_NORMAL: Final = (
    (re.compile(r"/\S*l4gate-\d+/run-[^/\s'\"]+"), "RUN"),
    (re.compile(r"(?:http://)?127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"held by pid \d+ \(.*?\); "), "held by pid N (COMMAND); "),
    (re.compile(r"/\S*(?=scripts/ops/)"), ""),
    (re.compile(r"from \{[^}]*\}"), "from {SOURCE}"),  # of two that are as old, either
    # Of two metrics that contradict each other the Pushgateway quotes the one that it comes to first.
    (re.compile(r"(?<=collected metric ).* is not a \w+"), "METRIC is not a TYPE"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?e[+-]\d+"), "N"),
    (re.compile(r"\([0-9a-f]{12}\)"), "(HASH)"),  # one in 300 of them has no letter
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\.\d+\.tmp"), ".N.tmp"),
    (re.compile(r"\b(?=\d*[a-f])[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?"), "N"),
)


def counts(results: Iterable[FaultResult]) -> dict[str, int]:
    """The counts that a run is judged by."""
    told = list(results)
    done = [result for result in told if not result.skipped]
    return {
        "faults": len(done),
        "skipped": len(told) - len(done),
        **{wrong: sum(wrong in result.wrongs for result in done) for wrong in WRONGS},
    }


def table(results: Sequence[FaultResult]) -> list[str]:
    """One line per fault, then the counts."""
    width = max((len(result.id) for result in results), default=0) + 2
    lines = [
        f"{'ok' if result.right else 'WRONG':<6}{result.id:<{width}}{_outcome(result):<60}"
        f"{result.detected_after:6.1f} s {result.healed_after:6.1f} s"
        for result in results
    ]
    lines.append(", ".join(f"{name}: {number}" for name, number in counts(results).items()))
    return lines


def as_markdown(results: Sequence[FaultResult]) -> str:
    """The same for the summary page of a job; the counts first, because the table is long."""
    columns = ("", "fault", "outcome", "told after", "healed after")
    lines = [
        (
            "ok" if result.right else "WRONG",
            result.id,
            _outcome(result),
            f"{result.detected_after:.1f} s",
            f"{result.healed_after:.1f} s",
        )
        for result in results
    ]
    told = ", ".join(f"{name}: {number}" for name, number in counts(results).items())
    return f"{told}\n\n{markdown_table(columns, lines)}"


def _outcome(result: FaultResult) -> str:
    if result.skipped:
        return f"skipped: {result.skipped}"
    if result.right:
        return f"{result.verdict} {result.cause}".strip()
    return f"{', '.join(result.wrongs)}: {result.verdict} {result.cause} (expected {result.expected})"


def as_json(results: Sequence[FaultResult], **facts: Any) -> str:
    """Counts and results with their trails."""
    payload = {
        **facts,
        "counts": counts(results),
        "results": [{**asdict(result), "right": result.right} for result in results],
    }
    return json.dumps(payload, indent=2, allow_nan=False) + "\n"


def normal(message: str) -> str:
    """A message with its numbers, addresses, hashes and folders replaced, as snapshots keep it."""
    for pattern, word in _NORMAL:
        message = pattern.sub(word, message)
    # A difference of rules is quoted whole: it changes with every rule, and the rest of the message does not.
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith(_QUOTED)]
    return "\n".join(lines) + "\n"
