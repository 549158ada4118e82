"""Scaling kept the meaning of the rules: their promtool tests, scaled likewise, still pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from l4gate.promtool import PromtoolResult, host_promtool
from l4gate.scale import scale_rule_file
from l4gate.scale_promtool import scale_promtool_test
from l4gate.settings import Settings

pytestmark = pytest.mark.scaled

RULES = sorted(Path("prometheus/rules").glob("*.rules.yml"))
TESTS = sorted(Path("tests/promql").glob("*_test.yml"))


def run_scaled(test: Path, factor: float, folder: Path, settings: Settings) -> PromtoolResult:
    """What promtool says to a test file in scaled time, against the rules in scaled time."""
    for rules in RULES:
        (folder / rules).parent.mkdir(parents=True, exist_ok=True)
        (folder / rules).write_text(
            scale_rule_file(rules.read_text(), factor, name=str(rules), annotations=False)
        )
    (folder / test).parent.mkdir(parents=True)
    (folder / test).write_text(scale_promtool_test(test.read_text(), factor, name=str(test)))
    promtool = host_promtool(settings.generation, settings.cache_dir)
    return promtool.run("test", "rules", str(test), folder=folder)


@pytest.mark.parametrize("factor", [30, 60])
@pytest.mark.parametrize("test", TESTS, ids=[path.stem for path in TESTS])
def test_scaled_promtool_tests_pass(test: Path, factor: float, tmp_path: Path, settings: Settings) -> None:
    """Every promtool test must pass in scaled time as it does in real time."""
    result = run_scaled(test, factor, tmp_path, settings)

    assert result.returncode == 0, result.stdout + result.stderr


def test_wrongly_scaled_rules_fail(tmp_path: Path, settings: Settings) -> None:
    """The same tests must fail when a duration was left unscaled, else they would prove nothing."""
    (heartbeat,) = [path for path in TESTS if path.stem == "heartbeat_test"]
    run_scaled(heartbeat, 60, tmp_path, settings)
    rules = tmp_path / "prometheus/rules/heartbeat.rules.yml"
    text = rules.read_text()
    assert "[6s]" in text
    rules.write_text(text.replace("[6s]", "[6m]"))

    result = host_promtool(settings.generation, settings.cache_dir).run(
        "test", "rules", str(heartbeat), folder=tmp_path
    )

    assert result.returncode != 0
