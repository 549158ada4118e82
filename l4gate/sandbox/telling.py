"""Whether anybody would be told of an ABORT of this sandbox: warnings, on which no verdict depends."""

from __future__ import annotations

from l4gate.stack import Stack
from l4gate.verdict import Cause, Stage


def why_untold(stack: Stack) -> tuple[Cause, ...]:
    """Why nobody would be told of an ABORT; nothing where somebody would."""
    return (nobody_told(stack.untold, f"the stack {stack.kind}"),) if stack.untold else ()


def nobody_told(found: str, where: str) -> Cause:
    """The warning that nobody is told, in a sentence that says why, and no full stop."""
    return Cause(
        Stage.VERDICT,
        "nobody-told",
        "an Alertmanager by which somebody is told of an ABORT",
        found.removesuffix("."),
        where,
        'See "Who is told" in docs/operations.md; no verdict depends on it.',
    )
