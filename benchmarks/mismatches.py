"""
How often a wrong label goes unnoticed: places drawn at random, each made wrong in one way.

What notices it is what stands before a merge, the lint and promtool's tests of the rules, and for what is sent, the
gate on a running stack. What changes nothing in meaning is drawn again: it is no mismatch.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml

from benchmarks.draws import Drawn, Files
from benchmarks.outcome import AT_A_TIME, Outcome, two_at_a_time
from benchmarks.places import Documents
from benchmarks.pushed_places import Wrong, made_wrong, pushed
from fixtures.contract import (
    CHANGES_WINDOW_SECONDS,
    FRESH_LIMIT_SECONDS,
    RULE_INTERVAL_SECONDS,
    SCRAPE_INTERVAL_SECONDS,
)
from l4gate.base import NotReady, StackError, Verdict, wait_until
from l4gate.lint import lint
from l4gate.programs import Promtool, host_promtool
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import Settings
from tests.support.promtool_tests import load_test_files, passes

DRAWS: Final = 320  # 299 without one unseen are needed for an upper bound of 0.01
SEED: Final = 20_261_129
DRAW: Final = (
    "one place of a label drawn at random (every matcher, by and on clause, label of a record or an alert, job name, "
    "label of a target, honor_labels and step of relabelling, and every label of a push or text file), made wrong in "
    "one way drawn at random; the lint or promtool's tests of the rules must fail, or, for what is sent, the gate on a "
    "running stack must not be GO or must warn, within the time that the contract gives"
)
NOTICED_WITHIN: Final = (
    FRESH_LIMIT_SECONDS + CHANGES_WINDOW_SECONDS + SCRAPE_INTERVAL_SECONDS + 2 * RULE_INTERVAL_SECONDS
)
_TOO_LONG: Final = (
    "histories"  # in the name of a test file over months, which takes longer than all others together
)
_TESTS: Final = Path(__file__).parents[1] / "tests" / "promql"
_HEALTHY_SECONDS: Final = 20.0
_HOW_OFTEN_SECONDS: Final = 0.1
_OF_ALERTS: Final = (
    "verdict/alert-firing"  # the draws before spend the error budget, of which nobody sends anything
)


def unseen_mismatches(settings: Settings) -> Outcome:
    """Draws until there are enough, holds those of files against the checks, and sends the others on running stacks."""
    files, sent = Files.read(settings.config_dir), pushed()
    draw = random.Random(SEED)  # noqa: S311 - the same draws every time
    of_files: list[Drawn] = []
    of_sent: list[Wrong] = []
    again = 0
    while len(of_files) + len(of_sent) < DRAWS:
        number = draw.randrange(len(files.places) + len(sent))
        if number >= len(files.places):
            of_sent.append(draw.choice(list(sent.values())[number - len(files.places)]))
            continue
        place = files.places[number]
        made = files.drawn(place, draw.choice(sorted(place.ways)))
        again += made is None
        of_files += [made] if made else []
    parts = [(settings, of_files[slot::AT_A_TIME]) for slot in range(AT_A_TIME)]
    unseen = [str(each) for part in two_at_a_time(_unseen, parts) for each in part]
    live = [(settings, of_sent[slot::AT_A_TIME]) for slot in range(AT_A_TIME)]
    unseen += [str(each) for part in two_at_a_time(_unseen_live, live) for each in part]
    kinds = Counter(each.kind for each in of_files) + Counter({"sent": len(of_sent)})
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    how = f"Seed {SEED}; {again} drawn again, as they change nothing. {said}."
    if unseen:
        how += f" Unseen: {'; '.join(dict.fromkeys(unseen))}."
    return Outcome(DRAWS, len(unseen), how)


def _unseen(part: tuple[Settings, list[Drawn]]) -> list[Drawn]:
    settings, draws = part
    files = Files.read(settings.config_dir)
    promtool = host_promtool(settings.generation, settings.cache_dir)
    with checked_folder(files) as folder:
        return [each for each in draws if not noticed(each, files, folder, promtool)]


@contextmanager
def checked_folder(files: Files) -> Iterator[Path]:
    """
    A copy of the configuration as the checks read it.

    Raises:
        StackError: if the lint finds anything in it: then nothing could be told from what it finds.
    """
    with tempfile.TemporaryDirectory(prefix="l4gate-claims-") as name:
        folder = Path(name) / files.source.name
        shutil.copytree(files.source, folder)
        _write(folder, files.documents)
        if _found(folder):
            message = "expected nothing to find in the repository's own files"
            raise StackError(message)
        yield folder


def noticed(drawn: Drawn, files: Files, folder: Path, promtool: Promtool) -> bool:
    """Whether the lint or promtool's tests of the rules say something; the folder is as it was afterwards."""
    _write(folder, drawn.changed)
    try:
        if _found(folder):
            return True
        files_of_tests = (file for file in load_test_files(_TESTS) if _TOO_LONG not in file.path.name)
        tests = [file for file in files_of_tests if set(file.rule_files) & set(drawn.changed)]
        return not all(passes(file, folder, promtool) for file in tests)
    finally:
        _write(folder, {name: files.documents[name] for name in drawn.changed})


def _found(folder: Path) -> bool:
    report = lint(folder, promtool=None, why_no_promtool="its tests run it")
    return any(each.kind == "finding" for each in report.findings)


def _write(folder: Path, documents: Documents) -> None:
    for name, document in documents.items():
        text = yaml.safe_dump(document, sort_keys=False, width=10_000)
        (folder / name).write_text(text, encoding="utf-8")


def _unseen_live(part: tuple[Settings, list[Wrong]]) -> list[Wrong]:
    settings, draws = part
    settings = replace(settings, stack="processes", keep_stack=False)
    found: list[Wrong] = []
    waiting = list(draws)
    while waiting:  # on another stack whenever one does not come back to health: its budget is spent
        with open_sandbox(settings) as sandbox:
            before = len(waiting)
            with suppress(NotReady):
                while waiting:
                    healthy = _healthy(
                        sandbox, settings.deadline if len(waiting) == before else _HEALTHY_SECONDS
                    )
                    if not _notices(sandbox, waiting[0], healthy):
                        found.append(waiting[0])
                    waiting.pop(0)
            if len(waiting) == before:
                message = (
                    f"expected a healthy stack within {settings.deadline:g} s, found none for: {waiting[0]}."
                )
                raise StackError(message)
    return found


def _healthy(sandbox: Sandbox, seconds: float) -> frozenset[str]:
    """Waits for GO without a warning about anything sent; returns the warnings of alerts, which judge hours."""
    said: list[frozenset[str]] = []

    def go() -> bool:
        (look,) = sandbox.judge.look()
        warnings = {each.id: each.found for each in look.decision.warnings}
        said[:] = [frozenset(warnings)]
        return look.decision.verdict is Verdict.GO and set(warnings) <= {_OF_ALERTS}

    wait_until(
        go,
        deadline_seconds=seconds,
        interval_seconds=_HOW_OFTEN_SECONDS,
        what="a healthy stack",
        last_seen=lambda: str(said),
    )
    return said[0]


def _notices(sandbox: Sandbox, wrong: Wrong, healthy: frozenset[str]) -> bool:
    """Whether the gate is not GO, or warns of something besides, within the time that the contract gives."""

    def seen() -> bool:
        (look,) = sandbox.judge.look()
        warnings = {each.id for each in look.decision.warnings}
        return look.decision.verdict is not Verdict.GO or bool(warnings - healthy - {_OF_ALERTS})

    with tempfile.TemporaryDirectory(prefix="l4gate-claims-") as name, made_wrong(sandbox, wrong, Path(name)):
        with suppress(NotReady):
            return wait_until(
                seen,
                deadline_seconds=NOTICED_WITHIN / sandbox.pace.factor,
                interval_seconds=_HOW_OFTEN_SECONDS,
                what="the gate to notice",
            )
        return False
