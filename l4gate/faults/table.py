"""What a run of the catalogue shows: the table, the counts, the page of the register, the messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from l4gate.faults.exercise import WRONGS, Result
from l4gate.faults.model import Fault
from l4gate.report import markdown_table

REPORT: Final = "l4-faults.json"
_PAGE_HEAD: Final = """\
# The fault catalogue

Generated from the register (`l4gate/faults/`) by `l4gate faults list --markdown`; a test keeps the two in step.

`make faults` injects each of them into a real, healthy stack, waits for the verdict and cause given here, sees that
they stay, heals the fault and waits for GO. `l4gate faults inject ID` does the same with one fault at your own pace.
A stage is where the fault breaks the path; a cause is what the gate finds first, walking the path backwards. What
counts as a false GO or a false ABORT among the looks in between is written in `l4gate/faults/trail.py`.

"""
_PAGE_PAIRS: Final = """
## Two at once

What the gate must say of two faults of different stages, injected together. Besides these, `make faults` draws one
pair for every two stages by lot from the faults that are HOLD by themselves (`l4gate/faults/pairs.py`).

"""
_PAGE_TABLE: Final = """\
| fault | what happens | verdict | first cause | warnings | stacks |
|---|---|---|---|---|---|
"""
_QUOTED: Final = " " * 20
# What differs from run to run in a message, and what stands for it in a snapshot.
_NORMAL: Final = (
    (re.compile(r"/\S*l4gate-\d+/run-[^/\s'\"]+"), "RUN"),
    (re.compile(r"(?:http://)?127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"held by pid \d+ \(.*?\); "), "held by pid N (COMMAND); "),
    (re.compile(r"/\S*(?=scripts/ops/)"), ""),
    (re.compile(r"from \{[^}]*\}"), "from {SOURCE}"),  # of two that are as old, either
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?e[+-]\d+"), "N"),
    (re.compile(r"\([0-9a-f]{12}\)"), "(HASH)"),  # one in 300 of them has no letter
    (re.compile(r"\.\d+\.tmp"), ".N.tmp"),
    (re.compile(r"\b(?=\d*[a-f])[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?"), "N"),
)


def counts(results: Iterable[Result]) -> dict[str, int]:
    """The counts that a run is judged by."""
    told = list(results)
    done = [result for result in told if not result.skipped]
    return {
        "faults": len(done),
        "skipped": len(told) - len(done),
        **{wrong: sum(wrong in result.wrongs for result in done) for wrong in WRONGS},
    }


def table(results: Sequence[Result]) -> list[str]:
    """One line per fault, then the counts."""
    width = max((len(result.id) for result in results), default=0) + 2
    lines = [
        f"{'ok' if result.right else 'WRONG':<6}{result.id:<{width}}{_outcome(result):<60}"
        f"{result.detected_after:6.1f} s {result.healed_after:6.1f} s"
        for result in results
    ]
    lines.append(", ".join(f"{name}: {number}" for name, number in counts(results).items()))
    return lines


def as_markdown(results: Sequence[Result]) -> str:
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


def _outcome(result: Result) -> str:
    if result.skipped:
        return f"skipped: {result.skipped}"
    if result.right:
        return f"{result.verdict} {result.cause}".strip()
    return f"{', '.join(result.wrongs)}: {result.verdict} {result.cause} (expected {result.expected})"


def as_json(results: Sequence[Result], **facts: Any) -> str:
    """Counts and results with their trails."""
    payload = {
        **facts,
        "counts": counts(results),
        "results": [{**asdict(result), "right": result.right} for result in results],
    }
    return json.dumps(payload, indent=2, allow_nan=False) + "\n"


def faults_as_data(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """The register without its actions."""
    return [
        {
            "id": fault.id,
            "says": fault.says,
            "verdict": fault.verdict.name,
            "cause": fault.cause,
            "also": list(fault.also),
            "warnings": list(fault.warnings),
            "stacks": list(fault.stacks),
            "passes": fault.passes,
        }
        for fault in faults
    ]


def page(faults: Iterable[Fault], pairs: Iterable[Fault]) -> str:
    """The documentation page of the register, and of the pairs that were chosen."""
    return _PAGE_HEAD + _rows(faults) + _PAGE_PAIRS + _rows(pairs)


def _rows(faults: Iterable[Fault]) -> str:
    rows = [
        f"| `{fault.id}` | {fault.says} | {fault.verdict.name}{' by itself' if fault.passes else ''} "
        f"| {_code([fault.cause] if fault.cause else [])} | {_code(fault.warnings)} | {', '.join(fault.stacks)} |\n"
        for fault in faults
    ]
    return _PAGE_TABLE + "".join(rows)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def normal(message: str) -> str:
    """A message with its numbers, addresses, hashes and folders replaced, as snapshots keep it."""
    for pattern, word in _NORMAL:
        message = pattern.sub(word, message)
    # A difference of rules is quoted whole: it changes with every rule, and the rest of the message does not.
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith(_QUOTED)]
    return "\n".join(lines) + "\n"
