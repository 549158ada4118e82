"""
Runs the commands against everything hostile that is known, and prints what came of it.

    python -m tests.hostile [--only VERB] [--case TEXT] [--sample N] [--workers N] [--keep DIR]

Every verb meets servers over real HTTP, folders, manifests or environments, each in a process of its own. Exit codes:
0 nothing went wrong, 1 something did; it is listed with the way to run it again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.hostile.running import VERBS, Outcome, run_all

COLUMNS = (
    "verb",
    "inputs",
    "tracebacks",
    "signals",
    "late",
    "secrets",
    "controls",
    "odd codes",
    "longest",
    "most memory",
)


def table(outcomes: list[Outcome]) -> str:
    """One line a verb."""
    rows = [COLUMNS]
    for verb in dict.fromkeys(each.verb for each in outcomes):
        mine = [each for each in outcomes if each.verb == verb]
        counts = [
            sum(kind in each.wrong for each in mine)
            for kind in ("traceback", "signal", "late", "secret", "control", "code")
        ]
        longest, most = max(each.seconds for each in mine), max(each.megabytes for each in mine)
        rows.append((verb, str(len(mine)), *map(str, counts), f"{longest:.1f} s", f"{most} MB"))
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile", description=(__doc__ or "").strip().splitlines()[0]
    )
    parser.add_argument("--only", action="append", choices=VERBS, help="a verb; repeatable")
    parser.add_argument("--case", default="", help="only inputs whose name has this text in it")
    parser.add_argument("--sample", type=int, default=0, help="so many inputs of each verb, evenly spread")
    parser.add_argument("--workers", type=int, default=4, help="how many commands at a time")
    parser.add_argument("--keep", type=Path, help="an empty folder for the outputs of what went wrong")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="l4-hostile-") as folder:
        outcomes = run_all(
            given.only or list(VERBS),
            Path(folder),
            case=given.case,
            sample=given.sample,
            workers=given.workers,
            keep=given.keep,
        )
    wrong = [each for each in outcomes if each.wrong]
    for each in wrong:
        print(
            f"{each.verb} against {each.case}: {', '.join(sorted(each.wrong))} (exit {each.code}, {each.seconds:.1f} s)"
        )
    print(table(outcomes))
    return 1 if wrong or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
