"""
`l4gate watch`: follow the verdict for hours, roll back once on ABORT, certify the window at its end.

Exit codes: 0 the window is certified, 10 it is not, 20 ABORT (whatever the rollback did), 2 usage, 130 interrupted:
start it again with the --since that it printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from l4gate.base import ApiError, GateError, UsageError, Verdict, deadline, format_duration, parse_duration
from l4gate.certificate import Window
from l4gate.commands._operations import (
    FOLDER_OPTIONS,
    JUDGING_OPTIONS,
    live_server,
    needed_live_dir,
    needed_url,
    store_for,
)
from l4gate.commands._sound import ensure_sound_settings
from l4gate.commands.certify import parse_time
from l4gate.commands.rollback import as_dict as rollback_as_dict
from l4gate.commands.rollback import lines as rollback_lines
from l4gate.operations import (
    Change,
    Probation,
    RolledBack,
    Watch,
    Watched,
    roll_back,
)
from l4gate.report import (
    HEADLINES,
    Progress,
    certificate_as_dict,
    certificate_lines,
    judged_by,
    judged_lines,
    plain_line,
    utc,
)
from l4gate.settings import Settings
from l4gate.verdict import Judge, Look, judge_for

HELP: Final = "follow the verdict of a running server for hours; on ABORT roll the change back once and stop"
OPTIONS: Final = (*JUDGING_OPTIONS, *FOLDER_OPTIONS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the window, the rollback and `--json`."""
    parser.add_argument(
        "--for",
        dest="duration",
        default="24h",
        metavar="DURATION",
        help="how much production time is watched (default: %(default)s)",
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="when the window began, RFC 3339 or Unix seconds, to go on after a restart (default: now)",
    )
    parser.add_argument(
        "--rollback",
        action="store_true",
        help="on ABORT, restore what earned the last GO in the live folder, unless that is what is live",
    )
    parser.add_argument("--json", action="store_true", help="print the end as JSON, changes on stderr")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Watches, and prints changes and the end."""
    url = needed_url(args, settings)
    seconds = parse_duration(args.duration)
    if seconds <= 0:
        message = f"--for: expected a duration above 0, found {args.duration!r}."
        raise UsageError(message)
    if args.rollback:
        live_server(args, settings)  # now, and not only when it is needed
    ensure_sound_settings(settings)
    judge = judge_for(settings, url)
    named = judged_by(settings, judge.expectation.groups, judge.api)
    with deadline(args.began + settings.deadline):
        now = _now(judge)
    start = parse_time(args.since) if args.since else now
    if start > now:
        message = (
            f"--since: expected a time that has passed on the server, found one {start - now:.0f} s ahead."
        )
        raise UsageError(message)
    pace = settings.pace
    window = Window(start, start + seconds / pace.factor, pace)
    with Progress() as progress:

        def told(line: str) -> None:
            progress.clear()
            print(line, file=sys.stderr if args.json else sys.stdout, flush=True)

        def changed(change: Change) -> None:
            told(str(change))

        probation: Probation | None = None
        said = ""

        def keep(looks: tuple[Look, ...]) -> None:
            nonlocal probation, said
            before = said
            try:
                probation = probation or Probation(
                    store_for(settings, needed_live_dir(args, settings)), judge, factor=settings.factor
                )
                found = probation.go(looks)
                said = f"kept {found}" if found else said
            except GateError as error:
                said = f"not kept: {error}"
            if said != before:
                told(said)

        def restore() -> RolledBack:
            server = live_server(args, settings)
            return roll_back(
                server,
                store_for(settings, server.live_dir),
                judge,
                deadline_seconds=settings.deadline,
                automatic=True,
                progress=progress,
            )

        told(f"watching {url} until {utc(window.end)}; to go on after a restart: --since {utc(start)}")
        watch = Watch(
            judge,
            window,
            on_change=changed,
            on_go=keep if settings.live_dir else lambda _looks: None,
            on_abort=restore if args.rollback else None,
            progress=progress.say,
            look_seconds=settings.deadline,
        )
        done = watch.run(now)
    facts = named.after(done.looks).facts()
    if args.json:
        print(json.dumps(_as_dict(done, {"server": url, **facts}), indent=2, allow_nan=False))
    else:
        print("\n".join((*_lines(done), *map(plain_line, judged_lines(facts)))))
    return done.verdict.exit_code


def _now(judge: Judge) -> float:
    """The server's clock; this machine's when the server does not answer, which is HOLD and not the end."""
    try:
        return judge.api.now()
    except ApiError:
        return time.time()


def _lines(done: Watched) -> list[str]:
    lines = [f"watched: {HEADLINES[done.verdict] if done.verdict is not Verdict.GO else 'GO: certified'}"]
    if done.aborted:
        lines.append(f"  abort    {done.aborted}")
    if done.worst:
        lines.append(
            f"  worst    {utc(done.worst.start)} to {utc(done.worst.end)} ({done.worst.seconds:.1f} s not GO)"
        )
    if done.problem:
        lines.append(f"  problem  {done.problem}")
    if done.rolled_back:
        lines += rollback_lines(done.rolled_back)
    for certificate in done.certificates:
        lines += certificate_lines(certificate)
    return lines


def _as_dict(done: Watched, facts: Mapping[str, str]) -> dict[str, Any]:
    window, interval = done.window, done.worst
    return {
        "verdict": done.verdict.name,
        "exit_code": done.verdict.exit_code,
        "window": {
            "start": utc(window.start),
            "end": utc(window.end),
            "duration": format_duration(window.seconds),
        },
        "changes": [
            {"at": utc(each.at), "verdict": each.verdict.name, "cause": each.cause} for each in done.changes
        ],
        "worst": interval
        and {
            "start": utc(interval.start),
            "end": utc(interval.end),
            "seconds": round(interval.seconds, 3),
        },
        "aborted": done.aborted,
        "problem": done.problem,
        "rollback": done.rolled_back and rollback_as_dict(done.rolled_back),
        "certificates": [certificate_as_dict(each, facts) for each in done.certificates],
        "judged_by": dict(facts),
    }
