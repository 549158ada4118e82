"""
A folder of reports as Markdown, for the summary page of a CI job.

`python -m l4gate.report.summary --title NAME reports` prints it. Reads what was written and judges nothing. A
verdict file that is missing or cannot be read is shown as HOLD.
"""

from __future__ import annotations

import argparse
import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from l4gate.report.write import STEM

_FENCE: Final = "~~~~"
_SHOWN_FACTS: Final = ("stack", "programs", "rules", "commit")


def render_summary(title: str, folder: Path) -> str:
    """The Markdown text: the verdict with its causes if there is one, then the counts of every other JUnit file."""
    return "\n".join(_lines(title, folder)) + "\n"


def _lines(title: str, folder: Path) -> Iterator[str]:
    verdict_file = folder / f"{STEM}.json"
    suites = [path for path in sorted(folder.glob("**/*.xml")) if path.stem != STEM]
    if verdict_file.exists() or not suites:
        yield from _verdict(title, verdict_file)
    else:
        yield f"## {title}"
    for path in suites:
        yield _suite(path)


def _verdict(title: str, path: Path) -> Iterator[str]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        verdict = str(report["verdict"])
        body = list(_verdict_body(report))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"## {title}: HOLD"
        yield ""
        yield f"No verdict could be read from `{path.name}` ({type(error).__name__}): nothing was proven."
        return
    yield f"## {title}: {verdict}"
    yield from body


def _verdict_body(report: dict[str, Any]) -> Iterator[str]:
    gates = report["gates"]
    passed = [gate for gate in gates if gate["outcome"] == "passed"]
    yield ""
    yield f"{len(passed)} of {len(gates)} gates passed in {report['seconds']:.1f} s."
    text = [f"{cause['stage']}/{cause['code']}" + _explained(cause) for cause in report["causes"]]
    text += [f"{gate['outcome']}: {gate['gate']}" for gate in gates if gate["outcome"] != "passed"]
    text += [f"{name}: {report['facts'][name]}" for name in _SHOWN_FACTS if name in report["facts"]]
    if text:
        # What servers said stands in a fence, so that none of it is read as Markdown or HTML.
        yield ""
        yield _FENCE
        yield from "\n".join(text).replace(_FENCE, "~~~ ~").splitlines()
        yield _FENCE


def _explained(cause: dict[str, Any]) -> str:
    parts = ("expected", "found", "where", "next_step")
    return "".join(f"\n  {part.replace('_step', ''):<9} {cause[part]}" for part in parts)


def _suite(path: Path) -> str:
    try:
        suites = list(ET.parse(path).getroot().iter("testsuite"))  # noqa: S314 - written by our own pytest
        tests, failures, errors, skipped = (
            sum(int(suite.get(key, "0")) for suite in suites)
            for key in ("tests", "failures", "errors", "skipped")
        )
    except (OSError, ET.ParseError, ValueError) as error:
        return f"\n`{path.name}` cannot be read ({type(error).__name__}): nothing was proven."
    return f"\n`{path.name}`: {tests} tests, {failures} failed, {errors} errors, {skipped} skipped."


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the summary of a folder; always 0, because the job's own step has judged already."""
    parser = argparse.ArgumentParser(prog="l4gate.report.summary", description="Reports as Markdown, for CI.")
    parser.add_argument("--title", required=True)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(argv)
    sys.stdout.write(render_summary(args.title, args.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
