"""
The `l4gate` command: one verb per module in `l4gate.commands`, the settings of `l4gate.settings` as options.

Exit codes: 0 GO, 10 HOLD, 20 ABORT, 2 usage, 130 interrupted. A verb's module has HELP, OPTIONS (names of settings
that it takes), add_arguments(parser) and run(args, settings) -> exit code.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn, Protocol, cast

from l4gate.base import (
    EXIT_USAGE,
    GateError,
    UsageError,
    Verdict,
    defect,
    filtered_streams,
    without_credentials,
)
from l4gate.machine import put_in_order, signals_end_the_run
from l4gate.settings import OPTIONS, Settings, load_settings

VERBS: Final = (
    "decide",
    "watch",
    "certify",
    "reload",
    "checkpoint",
    "rollback",
    "rehearse",
    "lint",
    "diff",
    "render",
    "faults",
    "doctor",
)
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
    """
    Says what is wrong in one sentence, without the usage text in front of it.

    What follows an unknown option may be a secret, so the option is named and its value never repeated.
    """

    _arguments: tuple[str, ...] = ()

    def parse_known_args(  # type: ignore[override] # declared for every class of namespace; here is but one
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuses unknown options first: argparse would take what follows one for something else, and quote it."""
        self._arguments = tuple(sys.argv[1:] if args is None else args)
        for argument in itertools.takewhile(self._may_be_option, self._arguments):
            name = _option_name(argument)
            if name.startswith("-") and name not in self._option_string_actions:
                self.error(f"unknown option {name}")
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"{len(unknown)} argument{'s' * (len(unknown) != 1)} too many (not shown)")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Exits with 2."""
        said = without_credentials(message, self._arguments).removesuffix(".")
        self.exit(EXIT_USAGE, f"{self.prog}: {said}. See {self.prog} --help.\n")

    def _may_be_option(self, argument: str) -> bool:
        """Behind a verb nothing is an option of the parser of all verbs, and behind `--` nothing is one at all."""
        return argument != "--" and (self._subparsers is None or argument.startswith("-"))


def _option_name(argument: str) -> str:
    """Without the value that `--name=value` and `-nvalue` carry; a number below 0 is no option."""
    if not argument.startswith("-") or argument[1:2].isdigit() or argument == "-":
        return ""
    return argument.partition("=")[0] if argument.startswith("--") else argument[:2]


def _verb(name: str) -> Verb:
    return cast(Verb, importlib.import_module(f"l4gate.commands.{name}"))


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser with all verbs, or with one only, which spares the others' imports."""
    parser = _Parser(prog="l4gate", description="The acceptance gate for a heartbeat: GO, HOLD or ABORT.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for name in VERBS if only is None else (only,):
        verb = _verb(name)
        sub = verbs.add_parser(name, help=verb.HELP, description=verb.HELP, allow_abbrev=False)
        for option in OPTIONS:
            if option.name not in verb.OPTIONS:
                continue
            text = f"{option.help} (environment: {option.env})"
            value: dict[str, Any] = {} if option.flag else {"metavar": option.metavar}
            sub.add_argument(f"--{option.name}", action=option.action, help=text, **value)
        verb.add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb. Every error on purpose becomes one sentence on stderr; nothing becomes a GO."""
    put_in_order()
    with signals_end_the_run(), filtered_streams():
        return _main(sys.argv[1:] if argv is None else list(argv))


def _main(argv: list[str]) -> int:
    began = time.monotonic()
    only = argv[0] if argv and argv[0] in VERBS else None
    try:
        args = build_parser(only).parse_args(argv)
        args.began = began
        verb = _verb(args.verb)
        taken = [option for option in OPTIONS if option.name in verb.OPTIONS]
        given = {option.dest: getattr(args, option.dest) for option in taken}
        # An environment variable of another verb changes nothing here, as its option is unknown here.
        environ = {option.env: os.environ[option.env] for option in taken if option.env in os.environ}
        code = verb.run(args, load_settings(given, environ))
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"l4gate: {without_credentials(str(error), argv)}", file=sys.stderr)
        return EXIT_USAGE
    except GateError as error:
        print(f"l4gate: HOLD: {without_credentials(str(error), argv)}", file=sys.stderr)
        return Verdict.HOLD.exit_code
    except BrokenPipeError:  # the reader (head, less) has gone; what it did not read is not proven to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Verdict.HOLD.exit_code
    except OSError as error:  # a full disk, no folder, no more descriptors: the machine's state, not a bug
        with suppress(OSError):  # what is in its buffer has to go somewhere, or Python ends with another code
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        why = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        message = f"this machine refused what was needed: {why}. Next: run l4gate doctor."
        print(f"l4gate: HOLD: {without_credentials(message, argv)}", file=sys.stderr)
        return Verdict.HOLD.exit_code
    except KeyboardInterrupt as interrupt:
        said = ["l4gate: interrupted; nothing was proven.", *getattr(interrupt, "__notes__", ())]
        print(*said, file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - said with its place, and never a GO
        message = f"nobody has foreseen this: {defect(error)}. Next: report it as a defect of the gate."
        print(f"l4gate: HOLD: {without_credentials(message, argv)}", file=sys.stderr)
        return Verdict.HOLD.exit_code
