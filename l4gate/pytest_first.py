"""
A pytest plugin that runs before everything else of a gate run, so that no older verdict can outlive it.

It is named in pyproject.toml (`-p`, which pytest loads first), is an entry point (for another configuration file), and
conftest.py imports it (for `-p no:...`): whatever fails later, an unknown option, a missing plugin, a conftest that
cannot be imported, finds a HOLD on disk. It also lets `--l4-report-dir DIR` be written with a space: pytest takes every
path among the arguments for a test path, and would look for its root there, and reads arguments from what follows an @.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from l4gate.base import EXIT_USAGE, UsageError, shown
from l4gate.settings import GATE_FACTOR, PYTEST_OPTIONS, Settings, load_settings

MARKER: Final = "l4_gate"
PREFIX: Final = "--l4-"  # of our options


def joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with each of ours that is followed by a path, or by @ and one, joined to it by "="."""
    result: list[str] = []
    for argument in arguments:
        before = result[-1] if result else ""
        if before.startswith(PREFIX) and "=" not in before and _is_path(argument):
            result[-1] = f"{before}={argument}"
        else:
            result.append(argument)
    return result


def _is_path(argument: str) -> bool:
    """Whether pytest would take an argument for a path, one that is not there included, or for a file of arguments."""
    return argument.startswith(("@", "/", "./", "../")) or Path(argument).exists()


def asks_for_gate(markexpr: str) -> bool:
    """Whether an expression of `-m` selects the gate for its marker, and not merely does not exclude it."""
    try:
        tree = ast.parse(markexpr.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        # pytest itself will say what is wrong with it; until then nothing is proven.
        return MARKER in markexpr
    return holds(tree, {MARKER}) and not holds(tree, set())


def holds(node: ast.expr, marked: set[str]) -> bool:
    """The value of a marker expression (as a tree) for a test with these markers. Its grammar is a part of Python's."""
    match node:
        case ast.BoolOp(ast.And(), values):
            return all(holds(each, marked) for each in values)
        case ast.BoolOp(_, values):
            return any(holds(each, marked) for each in values)
        case ast.UnaryOp(ast.Not(), operand):
            return not holds(operand, marked)
        case ast.Call(func=ast.Name(name)) | ast.Name(name):
            return name in marked
        case ast.Constant(value):
            return bool(value)
        case _:
            return False


def begin_gate_run(settings: Settings, why: str = "") -> None:
    """
    Takes older verdicts out of the report folder and puts a HOLD there that says that the run has not got any further.

    Raises:
        UsageError: if the folder cannot be written to, with what is still in it.
    """
    from l4gate.contract import planned
    from l4gate.report import STEM, GateResult, Outcome, RunReport, forget_reports, write_reports

    reason = why or "the run ended before its tests were collected"
    plan = planned(settings.realms, external=settings.url is not None)
    silent = tuple(GateResult(each, Outcome.NOT_RUN, message=reason) for each in plan)
    report = RunReport(silent, started_at=time.time())
    folder = settings.report_dir
    try:
        forget_reports(folder)
        write_reports(report, folder)
    except OSError as error:
        old = " What is in it is of an older run." if any(folder.glob(f"{STEM}.*")) else ""
        message = f"expected a report folder to write to, found {str(folder)!r}: {error.strerror}.{old}"
        raise UsageError(
            message, next_step="make it writable, or name another with --l4-report-dir."
        ) from None


def stop(error: UsageError) -> NoReturn:
    """Ends pytest with one sentence and exit code 2."""
    sys.stderr.write(shown(f"l4gate: {error}\n"))
    sys.stderr.flush()
    raise SystemExit(EXIT_USAGE)


def given_options(arguments: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Our options among pytest's arguments (by `Option.dest`), and the expression of the last `-m`."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-m", dest="markexpr", default="")
    for option in PYTEST_OPTIONS:
        parser.add_argument(f"{PREFIX}{option.name}", action=option.action, dest=option.dest)
    try:
        known, _ = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError:
        return {}, MARKER if any(MARKER in each for each in arguments) else ""  # pytest will refuse it itself
    given = vars(known)
    return given, str(given.pop("markexpr"))


def first(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """What has to happen before pytest reads its plugins: see the module. Nothing, unless a gate run is asked for."""
    try:
        arguments = [*shlex.split(environ.get("PYTEST_ADDOPTS", "")), *arguments]
    except ValueError:
        return  # pytest refuses it itself
    given, markexpr = given_options(arguments)
    if not asks_for_gate(markexpr):
        return
    try:
        settings = load_settings(given, environ, prefix=PREFIX, sandbox_factor=GATE_FACTOR)
    except UsageError as error:
        _hold_for(given, environ, error)
        stop(error)
    try:
        begin_gate_run(settings)
    except UsageError as error:
        stop(error)


def _hold_for(given: Mapping[str, Any], environ: Mapping[str, str], error: UsageError) -> None:
    """Leaves a HOLD where the verdict would have been written, if that can be told from settings that are wrong."""
    with contextlib.suppress(UsageError):  # the first complaint is enough
        (option,) = (each for each in PYTEST_OPTIONS if each.dest == "report_dir")
        settings = load_settings({option.dest: given.get(option.dest) or environ.get(option.env)}, {})
        begin_gate_run(settings, f"a setting is wrong: {error.message}")


def _is_pytest() -> bool:
    program = Path(sys.argv[0])
    return program.name in ("pytest", "py.test") or program.parts[-2:] == ("pytest", "__main__.py")


if _is_pytest():
    _joined = joined(sys.argv[1:])
    if _joined != sys.argv[1:]:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *_joined])  # noqa: S606 - no shell is meant
    first(sys.argv[1:], os.environ)
