"""That the tests of the rules bite: a rule with one slip in it turns promql-unit or obs-lint red."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.mutants import Mutant, mutants, write
from l4gate.lint import lint
from l4gate.programs import host_promtool
from l4gate.settings import repository_config_dir
from tests.support.promtool_tests import load_test_files, passes

if TYPE_CHECKING:
    from l4gate.programs import Promtool
    from l4gate.settings import Settings

HERE = Path(__file__).parent
CONFIG = repository_config_dir()
PARALLEL = 2  # a promtool keeps one core busy
MOST = (
    100  # of one file in a night; the error budget has 460 mutants, and its windows of days take seconds each
)
EQUIVALENT: set[str] = set()  # mutants that change nothing


@pytest.mark.mutants
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("area", sorted(path.name.split(".")[0] for path in (CONFIG / "rules").iterdir()))
def test_a_slip_in_a_rule_is_noticed(
    area: str, settings: Settings, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    """No mutant of any rule (of many, none of tonight's) must survive the promtool tests and the lint."""
    promtool = host_promtool(settings.generation, settings.cache_dir)
    made = list(mutants(CONFIG / "rules" / f"{area}.rules.yml"))
    night = datetime.now(UTC).date().isoformat()
    if len(made) > MOST:
        made = random.Random(night).sample(made, MOST)  # noqa: S311 - others every night, and tonight's again at will
    record_property("night", night)
    with ThreadPoolExecutor(PARALLEL) as pool:
        noticed = list(
            pool.map(lambda item: noticed_by(item[1], tmp_path / str(item[0]), promtool), enumerate(made))
        )
    for by in ("promql-unit", "obs-lint"):
        record_property(by, f"{noticed.count(by)} of {len(made)}")
    survivors = {f"{each.name}: {each.what}" for each, by in zip(made, noticed, strict=True) if not by}

    assert made
    assert survivors <= EQUIVALENT


def noticed_by(mutant: Mutant, folder: Path, promtool: Promtool) -> str:
    """The check that notices a mutant first, or empty."""
    shutil.copytree(CONFIG, folder)
    write(mutant, folder / "rules")
    name = f"rules/{mutant.file}"
    # The quick ones first: nearly every mutant dies there, and histories take ten times as long.
    for file in sorted(load_test_files(HERE), key=lambda each: each.path.name.count("_")):
        if name in file.rule_files and not passes(file, folder, promtool):
            return "promql-unit"
    report = lint(folder, promtool=None, why_no_promtool="promql-unit has run promtool")
    return "obs-lint" if any(each.kind == "finding" for each in report.findings) else ""
