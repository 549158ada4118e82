"""
A folder of reports as Markdown, for the summary page of a CI job.

`python -m l4gate.report.summary --title NAME --outcome OUTCOME reports` prints it. The outcome is that of the job's own
step; nothing in the folder can make a success of anything else. A verdict that the step had to leave, and that is not
there, is of an older run, or cannot be read, is shown as HOLD.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from l4gate.base import Verdict, filtered_streams
from l4gate.report.naming import JUDGED, JUDGED_BY, PRODUCTION, SIMULATED
from l4gate.report.write import STEM

SUCCESS: Final = "success"
OUTCOMES: Final = (SUCCESS, "failure", "cancelled", "skipped")  # of a step, in GitHub's words
_FENCE: Final = "~~~~"
_SHOWN_FACTS: Final = ("stack", "programs", *JUDGED_BY)
# What a page would make something of that our own tables never have: tags, links, images, entities, code, headings.
_NOT_OURS: Final = re.compile(
    r"<[A-Za-z/!?]|\[|https?://|www\.|&#?\w+;|```|~~~|^ {0,3}(?:#|>|=|-{2})", re.MULTILINE
)


@dataclass(frozen=True)
class Step:
    """
    The job's own step: its outcome, when it began (Unix seconds), whether it has to leave a verdict.

    What is older than its beginning is not its own. Where `judges_production`, it is simulated unless it has said
    that it judged production.
    """

    outcome: str
    began: float = 0.0
    expects_verdict: bool = False
    judges_production: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it did what it had to."""
        return self.outcome == SUCCESS

    def left(self, path: Path) -> bool:
        """Whether a file is there and was written since the step began."""
        try:
            return path.stat().st_mtime >= self.began
        except OSError:
            return False


def render_summary(title: str, folder: Path, step: Step) -> str:
    """The Markdown text: the verdict with its causes, or the outcome; then counts and tables of the other files."""
    return "\n".join(_lines(title, folder, step)) + "\n"


def _lines(title: str, folder: Path, step: Step) -> Iterator[str]:
    verdict_file = folder / f"{STEM}.json"
    if step.expects_verdict or step.left(verdict_file):
        yield from _verdict(title, verdict_file, step)
    else:
        yield from _headline(title, folder, step)
    for path in sorted(folder.glob("**/*.xml")):
        if path.stem != STEM and step.left(path):
            yield _suite(path)
    for path in sorted(folder.glob("*.md")):
        if step.left(path):
            yield from _table(path)


def _headline(title: str, folder: Path, step: Step) -> Iterator[str]:
    if not step.judges_production:
        yield f"## {title}: {_outcome(step)}"
        return
    judged = [said for path in sorted(folder.glob("**/*.xml")) if step.left(path) for said in _judged(path)]
    if judged and all(said.partition(" ")[0] == PRODUCTION for said in judged):
        yield f"## {title}: {_outcome(step)}"
        yield from _fenced("\n".join(f"{JUDGED}: {said}" for said in judged))
    else:
        yield f"## {title}: {SIMULATED}, {_outcome(step)}"
        yield ""
        yield "Production was not judged: this proves only that the check can say yes and no."


def _judged(path: Path) -> list[str]:
    """What a JUnit file says that its suites judged; nothing where it cannot be read."""
    try:
        found = ET.parse(path).getroot().iter("property")  # noqa: S314 - written by our own pytest
        return [each.get("value", "") for each in found if each.get("name") == JUDGED]
    except (OSError, ET.ParseError):
        return []


def _outcome(step: Step) -> str:
    if step.succeeded:
        return "passed"
    return "failed" if step.outcome == "failure" else f"failed ({step.outcome})"


def _verdict(title: str, path: Path, step: Step) -> Iterator[str]:
    if not step.left(path):
        yield f"## {title}: HOLD"
        yield ""
        yield f"The step ({step.outcome}) has left no verdict (`{path.name}`): nothing was proven."
        return
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        verdict = Verdict[report["verdict"]].name
        body = list(_verdict_body(report))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"## {title}: HOLD"
        yield ""
        yield f"No verdict could be read from `{path.name}` ({type(error).__name__}): nothing was proven."
        return
    if verdict == Verdict.GO.name and not step.succeeded:
        yield f"## {title}: HOLD"
        yield ""
        yield f"The gate itself was content, but its step was not (outcome: {step.outcome}). Its log says why."
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
        yield from _fenced("\n".join(text))


def _fenced(text: str) -> Iterator[str]:
    """What servers said stands in a fence, so that none of it is read as Markdown or HTML."""
    yield ""
    yield _FENCE
    yield from text.replace(_FENCE, "~~~ ~").splitlines()
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


def _table(path: Path) -> Iterator[str]:
    """A table of a measurement, in a fence unless it has nothing but what our own tables have."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        yield f"\n`{path.name}` cannot be read ({type(error).__name__})."
        return
    if _NOT_OURS.search(text):
        yield from _fenced(text)
    else:
        yield ""
        yield text.rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the summary of a folder; always 0, because the job's own step has judged already."""
    parser = argparse.ArgumentParser(prog="l4gate.report.summary", description="Reports as Markdown, for CI.")
    parser.add_argument("--title", required=True)
    parser.add_argument("--outcome", required=True, choices=OUTCOMES, help="of the job's own step")
    parser.add_argument(
        "--began",
        type=lambda text: float(text or math.inf),
        default=0.0,
        metavar="SECONDS",
        help="Unix time at which it began, empty if it never did; older files are not shown",
    )
    parser.add_argument(
        "--expects-verdict", action="store_true", help="without a verdict of the gate it is HOLD"
    )
    parser.add_argument(
        "--judges-production",
        action="store_true",
        help="it is simulated, unless its JUnit says that it judged production",
    )
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(argv)
    step = Step(args.outcome, args.began, args.expects_verdict, args.judges_production)
    with filtered_streams():
        sys.stdout.write(render_summary(args.title, args.folder, step))
    return 0


if __name__ == "__main__":
    sys.exit(main())
