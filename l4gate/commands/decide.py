"""`l4gate decide`: GO, HOLD or ABORT for a running server."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Final, Self

from l4gate.base.errors import UsageError
from l4gate.report.as_json import decision_as_dict
from l4gate.report.terminal import HEADLINES, decision_lines
from l4gate.settings import Settings
from l4gate.verdict.decision import worst
from l4gate.verdict.judge import Look, judge_for, progress_line

HELP: Final = "judge a running server: GO (exit 0), HOLD (10) or ABORT (20)"
OPTIONS: Final = (
    "url",
    "realm",
    "factor",
    "deadline",
    "rules-url",
    "foreign-rules",
    "config-dir",
    "bearer-token-file",
    "basic-auth-file",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="print the decision with its evidence as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Asks until the verdict is known or the deadline passes; prints it."""
    if settings.url is None:
        message = "decide needs a server to judge."
        raise UsageError(
            message, next_step="give --url http://HOST:PORT, or run pytest -m l4_gate for a sandbox."
        )
    with Progress() as progress:
        judge = judge_for(settings, settings.url)
        # The caller's deadline began with the command; half of it is kept for asking, however slow this machine is.
        left = settings.deadline - (time.monotonic() - args.began)
        looks = judge.judge(max(left, settings.deadline / 2), progress=progress)
    verdict = worst(look.decision.verdict for look in looks)
    if args.json:
        import json

        payload = {
            "verdict": verdict.name,
            "exit_code": verdict.exit_code,
            "realms": [decision_as_dict(look.decision) for look in looks],
        }
        print(json.dumps(payload, indent=2, allow_nan=False))
    else:
        print(f"L4 gate: {HEADLINES[verdict] if verdict.exit_code else 'GO: proven'}")
        for look in looks:
            for line in decision_lines(look.decision):
                print(line)
    return verdict.exit_code


class Progress:
    """A line on the terminal that says what is waited for; silent in a pipe. Erased at the end."""

    _EVERY_SECONDS: Final = 0.1

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Erases the line, so that something else can be printed in its place."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def __call__(self, looks: tuple[Look, ...], left: float) -> None:
        """Shows the state after a look."""
        self.say(progress_line(looks, left))

    def say(self, text: str) -> None:
        """Shows any text in the line."""
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next = now + self._EVERY_SECONDS
            self._shown = True
            sys.stderr.write(f"\r\x1b[K{text[:119]}")
            sys.stderr.flush()
