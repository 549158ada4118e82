"""Scaling kept the meaning of the rules: their promtool tests, scaled likewise, still pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from l4gate import yamldoc
from l4gate.promtool import PromtoolResult, host_promtool
from l4gate.scale import scale_rule_file
from l4gate.scale_promtool import scale_promtool_test
from l4gate.settings import GENERATIONS, Settings

pytestmark = pytest.mark.scaled

RULES = sorted(Path("prometheus/rules").glob("*.rules.yml"))
TESTS = sorted(Path("tests/promql").glob("*_test.yml"))
DURATIONS = ("interval", "evaluation_interval")
# promtool compares exactly, so a test can be run only where nothing is rounded to a millisecond. At 50 and 100 no whole
# second is; at 30 and 60 the multiples of 15 s, which is all that the rules themselves have, are not.
EXACT_FACTORS = (50, 100)
USUAL_FACTORS = (30, 60)


def run_scaled(test: Path, factor: float, folder: Path, settings: Settings) -> PromtoolResult:
    """What promtool says to a test file in scaled time, against the rules in scaled time."""
    for rules in RULES:
        (folder / rules).parent.mkdir(parents=True, exist_ok=True)
        (folder / rules).write_text(
            scale_rule_file(rules.read_text(), factor, name=str(rules), annotations=False)
        )
    (folder / test).parent.mkdir(parents=True)
    (folder / test).write_text(scale_promtool_test(test.read_text(), factor, name=str(test)))
    promtool = host_promtool(GENERATIONS[-1], settings.cache_dir)
    return promtool.run("test", "rules", str(test), folder=folder)


def is_exact(test: Path, factor: int) -> bool:
    """Whether every interval in a test file is a whole number of milliseconds after scaling."""
    document = yamldoc.read(test.read_text(), str(test))
    found = [node for keys, node in document.walk() if keys[-1:] and keys[-1] in DURATIONS]
    return all(round(document.seconds(node) * 1000) % factor == 0 for node in found)


CASES = [
    (test, factor) for test in TESTS for factor in (*EXACT_FACTORS, *USUAL_FACTORS) if is_exact(test, factor)
]


@pytest.mark.parametrize(("test", "factor"), CASES, ids=[f"{test.stem}-{factor}" for test, factor in CASES])
def test_scaled_promtool_tests_pass(test: Path, factor: int, tmp_path: Path, settings: Settings) -> None:
    """Every promtool test must pass in scaled time as it does in real time."""
    result = run_scaled(test, factor, tmp_path, settings)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_is_scaled() -> None:
    """Every test file must be run at the exact factors, and the heartbeat and the aborts at the usual ones as well."""
    assert {(test, factor) for test in TESTS for factor in EXACT_FACTORS} <= set(CASES)
    for name in ("heartbeat_test", "abort_test"):
        assert {factor for test, factor in CASES if test.stem == name} >= set(USUAL_FACTORS)


def test_wrongly_scaled_rules_fail(tmp_path: Path, settings: Settings) -> None:
    """The same tests must fail when a duration was left unscaled, else they would prove nothing."""
    (heartbeat,) = [path for path in TESTS if path.stem == "heartbeat_test"]
    run_scaled(heartbeat, 60, tmp_path, settings)
    rules = tmp_path / "prometheus/rules/heartbeat.rules.yml"
    text = rules.read_text()
    assert "[6s]" in text
    rules.write_text(text.replace("[6s]", "[6m]"))

    result = host_promtool(GENERATIONS[-1], settings.cache_dir).run(
        "test", "rules", str(heartbeat), folder=tmp_path
    )

    assert result.returncode != 0
