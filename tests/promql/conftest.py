"""Makes pytest items of promtool's tests: one per test group, in files called <area>_test.yml."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.settings import SETTINGS
from l4gate.programs import host_promtool
from tests.support.promtool_tests import Outcome, TestFile, load_test_file, run_test_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARALLEL = 2  # a promtool keeps one core busy
RUNS = pytest.StashKey["Runs"]()
PROMTOOL = pytest.StashKey[str]()


class Runs:
    """Runs the test files that have an item in this session, all started when the first result is asked for."""

    def __init__(self, session: pytest.Session) -> None:
        settings = session.config.stash[SETTINGS]
        promtool = host_promtool(settings.generation, settings.cache_dir)
        session.config.stash[PROMTOOL] = f"{promtool.version} ({promtool.origin})"
        files = {
            item.parent.tests.path: item.parent.tests for item in session.items if isinstance(item, Item)
        }
        with ThreadPoolExecutor(PARALLEL) as pool:
            self.outcomes: dict[Path, Future[tuple[Outcome, ...]]] = {
                path: pool.submit(run_test_file, file, settings.config_dir, promtool)
                for path, file in files.items()
            }


class File(pytest.File):
    """A promtool test file."""

    tests: TestFile

    def collect(self) -> Iterator[Item]:
        """One item for each test group."""
        self.tests = load_test_file(self.path)
        for index, group in enumerate(self.tests.groups):
            item = Item.from_parent(self, name=group.name)
            item.index = index
            item.add_marker("promql_unit")
            yield item


class Item(pytest.Item):
    """A promtool test group."""

    parent: File
    index: int

    def runtest(self) -> None:
        """Fails with promtool's own words."""
        if RUNS not in self.session.stash:
            self.session.stash[RUNS] = Runs(self.session)
        outcome = self.session.stash[RUNS].outcomes[self.path].result()[self.index]
        if not outcome.passed:
            raise PromtoolFailed(outcome.output)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """The output of promtool in place of a traceback."""
        if isinstance(excinfo.value, PromtoolFailed):
            return f"{self.path}:{self.parent.tests.groups[self.index].line}\n{excinfo.value}"
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the group begins."""
        return self.path, self.parent.tests.groups[self.index].line - 1, self.name


class PromtoolFailed(Exception):
    """What promtool printed about a test group that failed."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> File | None:
    """Collects promtool test files."""
    return File.from_parent(parent, path=file_path) if file_path.name.endswith("_test.yml") else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which promtool judged: it may be another one than was asked for."""
    if PROMTOOL in config.stash:
        terminalreporter.write_line(f"promtool {config.stash[PROMTOOL]}")
