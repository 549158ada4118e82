"""The rules: sound, tested, loaded as they stand in this repository, and armed."""

import pytest

from fixtures.checks import Checks
from fixtures.judging import hold, measured
from l4gate.contract import ABORT_RULES
from l4gate.verdict import Look, Stage

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("rules/lint")
def test_rules_have_no_lint_finding(checks: Checks) -> None:
    """`l4gate lint` MUST end without a finding."""
    result = checks.result("lint")

    if result.returncode != 0:
        hold(f"{result.command} ended with {result.returncode}:\n{result.output}")


@pytest.mark.gate("rules/unit-tests")
def test_rules_pass_their_promtool_tests(checks: Checks) -> None:
    """The promtool tests of all rules MUST pass, and there MUST be some."""
    result = checks.result("unit-tests")

    if result.returncode != 0 or " passed" not in result.output:
        hold(f"{result.command} ended with {result.returncode}:\n{result.output[-4000:]}")


@pytest.mark.gate("rules/loaded")
def test_loaded_rules_are_those_of_the_repository(look: Look) -> None:
    """The loaded rules MUST equal this repository's, and every one MUST evaluate without an error."""
    evidence = look.decision.evidence
    causes = [cause for cause in evidence.broken if cause.stage is Stage.RULES]

    if causes or not evidence.rules_equal:
        hold("\n".join(map(str, causes)) or "\n".join(map(str, look.decision.causes)))


@pytest.fixture
def abort_inputs(look: Look) -> dict[str, float]:
    """The values that the abort alerts compare; without one of them its alert can never fire."""
    evidence = look.decision.evidence
    return {
        name: measured(reading, look.decision.causes).value for name, reading in evidence.abort_inputs.items()
    }


@pytest.mark.gate("rules/abort-armed")
def test_abort_alerts_are_armed_and_silent(look: Look, abort_inputs: dict[str, float]) -> None:
    """The four abort alerts MUST be loaded, healthy, fed with values, and not firing."""
    evidence = look.decision.evidence
    unarmed = [rule.alert for rule in ABORT_RULES if rule.alert not in evidence.abort_armed]

    if unarmed or evidence.abort_firing:
        hold(f"expected four armed and silent; not armed: {unarmed}, firing: {sorted(evidence.abort_firing)}")
    assert abort_inputs.keys() == {rule.metric for rule in ABORT_RULES}
