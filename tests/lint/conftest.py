"""What the lint's tests stand on: a copy of the prometheus folder, and the real promtool."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.settings import SETTINGS
from l4gate.lint import lint
from l4gate.lint.engine import Report
from l4gate.programs import Promtool, host_promtool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", name="promtool")
def _promtool(pytestconfig: pytest.Config) -> Promtool:
    settings = pytestconfig.stash[SETTINGS]
    return host_promtool(settings.generation, settings.cache_dir)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A copy of the repository's prometheus folder, to be broken."""
    return Path(shutil.copytree(ROOT / "prometheus", tmp_path / "prometheus"))


@pytest.fixture(name="check")
def _check(promtool: Promtool, folder: Path) -> Callable[..., Report]:
    return lambda **options: lint(folder, **{"promtool": promtool, **options})
