"""
The `l4gate` command: one verb per module in `l4gate.commands`, the settings of `l4gate.settings` as options.

Exit codes: 0 GO, 10 HOLD, 20 ABORT, 2 usage, 130 interrupted. A verb's module has HELP, OPTIONS (names of settings
that it takes), add_arguments(parser) and run(args, settings) -> exit code.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn, Protocol, cast

from l4gate.errors import GateError, UsageError
from l4gate.settings import OPTIONS, Settings, load_settings
from l4gate.verdict import Verdict

VERBS: Final = (
    "decide",
    "watch",
    "certify",
    "reload",
    "checkpoint",
    "rollback",
    "rehearse",
    "lint",
    "faults",
    "doctor",
)
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it


class Verb(Protocol):
    """What a module in `l4gate.commands` offers."""

    HELP: str
    OPTIONS: tuple[str, ...]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds what only this verb takes."""

    def run(self, args: argparse.Namespace, settings: Settings) -> int:
        """Does it, and returns the exit code."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage text in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}. See {self.prog} --help.\n")


def _verb(name: str) -> Verb:
    return cast(Verb, importlib.import_module(f"l4gate.commands.{name}"))


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser with all verbs, or with one only, which spares the others' imports."""
    parser = _Parser(
        prog="l4gate", description="The acceptance gate for the DuRi heartbeat: GO, HOLD or ABORT."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for name in VERBS if only is None else (only,):
        verb = _verb(name)
        sub = verbs.add_parser(name, help=verb.HELP, description=verb.HELP, allow_abbrev=False)
        for option in OPTIONS:
            if option.name not in verb.OPTIONS:
                continue
            text = f"{option.help} (environment: {option.env})"
            if option.flag:
                sub.add_argument(f"--{option.name}", action="store_true", help=text)
            elif option.repeatable:
                sub.add_argument(f"--{option.name}", action="append", metavar=option.metavar, help=text)
            else:
                sub.add_argument(f"--{option.name}", metavar=option.metavar, help=text)
        verb.add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb. Every error on purpose becomes one sentence on stderr; nothing becomes a GO."""
    began = time.monotonic()
    argv = sys.argv[1:] if argv is None else list(argv)
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a server's words must not crash a C locale
    only = argv[0] if argv and argv[0] in VERBS else None
    try:
        args = build_parser(only).parse_args(argv)
        args.began = began
        given = {option.dest: getattr(args, option.dest, None) for option in OPTIONS}
        code = _verb(args.verb).run(args, load_settings(given))
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"l4gate: {error}", file=sys.stderr)
        return EXIT_USAGE
    except GateError as error:
        print(f"l4gate: HOLD: {error}", file=sys.stderr)
        return Verdict.HOLD.exit_code
    except BrokenPipeError:  # the reader (head, less) has gone; what it did not read is not proven to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Verdict.HOLD.exit_code
    except KeyboardInterrupt:
        print("l4gate: interrupted; nothing was proven.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends the run as Ctrl-C does, so that what was started is stopped."""
    raise KeyboardInterrupt
