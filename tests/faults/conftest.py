"""Provides the site of the catalogue, collects its results, and leaves it out of every run that does not ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from fixtures.settings import SETTINGS
from l4gate.faults import open_site
from l4gate.faults.exercise import FaultResult, exercise
from l4gate.faults.model import Fault, Site
from l4gate.report import write_atomically
from l4gate.settings import Settings
from l4gate.stack.engine import labelled
from l4gate.stack.rundir import all_run_dirs
from tests.support.fault_report import REPORT, as_json, as_markdown, counts, table

RESULTS = pytest.StashKey[list[FaultResult]]()
MARKER = "faults"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The catalogue takes minutes: it runs when `-m faults` asks for it."""
    if MARKER in str(config.option.markexpr or ""):
        return
    left_out = [item for item in items if item.get_closest_marker(MARKER)]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker(MARKER)]
        config.hook.pytest_deselected(items=left_out)


class SiteHolder:
    """One site for all faults; a new one after a fault that left it spoilt."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = ExitStack()
        self._site: Site | None = None
        self._runs: list[str] = []

    def get(self) -> Site:
        if self._site is None:
            self._site = self._opened.enter_context(open_site(self._settings))
            self._runs.append(self._site.sandbox.stack.run_id)
        return self._site

    def discard(self) -> None:
        self._site = None
        self._opened.close()

    def left_behind(self) -> list[str]:
        """Processes, folders, mounts, containers and networks that carry the name of one of its runs."""
        engine = [f"{each.kind} {each.name}" for each in labelled() if each.run_id in self._runs]
        return engine + [trace for run_id in self._runs for trace in traces_of(run_id)]


def traces_of(run_id: str) -> Iterator[str]:
    """What this machine still has of a run."""
    for folder in all_run_dirs():
        if folder.run_id == run_id:
            yield f"folder {folder.root}"
    for mount in Path("/proc/mounts").read_text().splitlines():
        if run_id in mount:
            yield f"mount {mount}"
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if run_id.encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                yield f"process {process.name}"


@pytest.fixture(scope="session")
def sites(settings: Settings) -> Iterator[SiteHolder]:
    """Where the running site is had from; it ends with the run, and nothing of it may be left then."""
    holder = SiteHolder(settings)
    yield holder
    holder.discard()
    left = holder.left_behind()
    assert not left, f"the catalogue left behind: {left}"


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> list[FaultResult]:
    """What the faults of this run showed."""
    return pytestconfig.stash.setdefault(RESULTS, [])


@pytest.fixture
def hold_against(sites: SiteHolder, results: list[FaultResult]) -> Callable[[Fault], FaultResult]:
    """Holds the gate against one fault on the running site; a new site follows one that may be spoilt."""

    def held(fault: Fault) -> FaultResult:
        site = sites.get()
        if site.sandbox.stack.kind not in fault.stacks:
            pytest.skip(f"not for {site.sandbox.stack.kind}")
        try:
            result = exercise(site, fault)
        except BaseException:
            sites.discard()
            raise
        results.append(result)
        if result.skipped:
            pytest.skip(result.skipped)
        if not result.right:
            sites.discard()
            pytest.fail(failure(result), pytrace=False)
        return result

    return held


def failure(result: FaultResult) -> str:
    """What was expected, what was found and when, and what of it was wrong."""
    trail = "\n".join(f"  {seen}" for seen in result.trail)
    return (
        f"expected {result.expected}, found {result.verdict} {result.cause}: {', '.join(result.wrongs)}\n"
        f"looks, in seconds after the injection began; it ended after {result.in_place:.2f} s:\n{trail}\n"
        f"{result.message}"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table and the counts; the same as JSON and Markdown into the report folder."""
    results = config.stash.get(RESULTS, [])
    if not results:
        return
    terminalreporter.section("fault catalogue")
    for line in table(results):
        terminalreporter.write_line(line)
    settings = config.stash[SETTINGS]
    path = settings.report_dir / REPORT
    write_atomically(path, as_json(results, stack=settings.stack, generation=settings.generation))
    write_atomically(path.with_suffix(".md"), as_markdown(results))
    terminalreporter.write_line(f"report: {path} ({counts(results)['faults']} faults)")
