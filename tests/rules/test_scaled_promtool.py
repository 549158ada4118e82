"""Scaling kept the meaning of the rules: their promtool tests, scaled likewise, still pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from l4gate.base import yamldoc
from l4gate.programs import Promtool, PromtoolResult, host_promtool, release_of
from l4gate.rules.scaling import scale_rule_file
from l4gate.settings import Settings
from tests.support.promtool_tests import LONG
from tests.support.scale_promtool import FUZZY_SINCE, scale_promtool_test

pytestmark = pytest.mark.scaled

RULES = sorted(Path("prometheus/rules").glob("*.rules.yml"))
TESTS = sorted(Path("tests/promql").glob("*_test.yml"))
DURATIONS = ("interval", "evaluation_interval")
# promtool compares exactly, so a test can be run only where nothing is rounded to a millisecond. At 8, 50 and 100 no
# whole second is; at 30 and 60 the multiples of 15 s, which is all that the rules themselves have, are not.
DIGITS_KEPT = 8  # a power of two: dividing by it changes no digit of any number
EXACT_FACTORS = (DIGITS_KEPT, 50, 100)
USUAL_FACTORS = (30, 60)
# A quantile is reckoned between two scaled bounds, and comes out different in the last digit.
LAST_DIGIT_DIFFERS = ("dr_test",)


@pytest.fixture(name="promtool", scope="module")
def _promtool(settings: Settings) -> Promtool:
    return host_promtool(settings.generation, settings.cache_dir)


def is_fuzzy(promtool: Promtool) -> bool:
    """Whether this promtool can be told to overlook the last digit."""
    return release_of(promtool.version) >= FUZZY_SINCE


def run_scaled(test: Path, factor: float, folder: Path, promtool: Promtool) -> PromtoolResult:
    """What promtool says to a test file in scaled time, against the rules in scaled time."""
    for rules in RULES:
        (folder / rules).parent.mkdir(parents=True, exist_ok=True)
        (folder / rules).write_text(
            scale_rule_file(rules.read_text(), factor, name=str(rules), annotations=False)
        )
    (folder / test).parent.mkdir(parents=True)
    text = scale_promtool_test(test.read_text(), factor, name=str(test), fuzzy=is_fuzzy(promtool))
    (folder / test).write_text(text)
    return promtool.run("test", "rules", str(test), folder=folder)


def is_exact(test: Path, factor: int) -> bool:
    """Whether every interval in a test file is a whole number of milliseconds after scaling."""
    document = yamldoc.read(test.read_text(), str(test))
    found = [node for keys, node in document.walk() if keys[-1:] and keys[-1] in DURATIONS]
    return all(round(document.seconds(node) * 1000) % factor == 0 for node in found)


CASES = [
    (test, factor) for test in TESTS for factor in (*EXACT_FACTORS, *USUAL_FACTORS) if is_exact(test, factor)
]


# Each run costs seconds of both cores: by day every file is run at one factor, but for those about days; what decides,
# at the usual ones as well.
DECIDING = ("heartbeat_test", "abort_test")


def case(test: Path, factor: int) -> ParameterSet:
    by_day = test.stem in DECIDING if factor in USUAL_FACTORS else factor == DIGITS_KEPT
    by_night = not by_day or test.stem.endswith(LONG)
    return pytest.param(
        test, factor, id=f"{test.stem}-{factor}", marks=[pytest.mark.variants] if by_night else []
    )


@pytest.mark.parametrize(("test", "factor"), [case(*each) for each in CASES])
def test_scaled_promtool_tests_pass(test: Path, factor: int, tmp_path: Path, promtool: Promtool) -> None:
    """Every promtool test must pass in scaled time as it does in real time."""
    if test.stem in LAST_DIGIT_DIFFERS and factor != DIGITS_KEPT and not is_fuzzy(promtool):
        pytest.skip(
            f"promtool {promtool.version} has no fuzzy_compare; at factor {DIGITS_KEPT} it needs none"
        )
    result = run_scaled(test, factor, tmp_path, promtool)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_is_scaled() -> None:
    """Every test file must be run at the exact factors, and the heartbeat and the aborts at the usual ones as well."""
    assert {(test, factor) for test in TESTS for factor in EXACT_FACTORS} <= set(CASES)
    for name in DECIDING:
        assert {factor for test, factor in CASES if test.stem == name} >= set(USUAL_FACTORS)


def test_wrongly_scaled_rules_fail(tmp_path: Path, promtool: Promtool) -> None:
    """The same tests must fail when a duration was left unscaled, else they would prove nothing."""
    (heartbeat,) = [path for path in TESTS if path.stem == "heartbeat_test"]
    run_scaled(heartbeat, 60, tmp_path, promtool)
    rules = tmp_path / "prometheus/rules/heartbeat.rules.yml"
    text = rules.read_text()
    assert "[6s]" in text
    rules.write_text(text.replace("[6s]", "[6m]"))

    result = promtool.run("test", "rules", str(heartbeat), folder=tmp_path)

    assert result.returncode != 0
    assert "duri_heartbeat" in result.stdout + result.stderr  # not a key that this promtool does not know
