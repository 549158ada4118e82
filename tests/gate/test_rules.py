"""The rules: sound, tested, loaded as they stand in this repository, and armed."""

from collections.abc import Callable

import pytest

from fixtures.checks import Checks
from fixtures.judging import hold, measured
from l4gate.verdict import Look, Stage, Value

pytestmark = pytest.mark.l4_gate


@pytest.mark.gate("rules/lint")
def test_rules_have_no_lint_finding(checks: Checks, found: Callable[[str], None]) -> None:
    """`l4gate lint` must end without a finding."""
    result = checks.result("lint")

    if result.returncode != 0:
        hold(f"{result.command} ended with {result.returncode}:\n{result.output}")
    found(result.last_line)


@pytest.mark.gate("rules/unit-tests")
def test_rules_pass_their_promtool_tests(checks: Checks, found: Callable[[str], None]) -> None:
    """The promtool tests of all rules must pass, and there must be some."""
    result = checks.result("unit-tests")

    if result.returncode != 0 or " passed" not in result.output:
        hold(f"{result.command} ended with {result.returncode}:\n{result.output[-4000:]}")
    found(result.last_line)


@pytest.mark.gate("rules/loaded")
def test_loaded_rules_are_those_of_the_repository(look: Look, found: Callable[[str], None]) -> None:
    """The loaded rules must equal this repository's, and every one must evaluate without an error."""
    evidence = look.decision.evidence
    causes = [cause for cause in evidence.broken if cause.stage is Stage.RULES]

    if causes or not evidence.rules_equal:
        hold("\n".join(map(str, causes)) or "\n".join(map(str, look.decision.causes)))
    rules = look.measurement.rules
    found(f"{rules.count} rules, sha256 {rules.loaded_hash[:16]}, no difference" if rules else "")


@pytest.fixture
def abort_inputs(look: Look) -> dict[str, Value]:
    """The values that the abort alerts compare; without one of them its alert can never fire."""
    evidence, causes = look.decision.evidence, look.decision.causes
    metrics = dict.fromkeys(each.metric for each in evidence.contract.abort.conditions)
    return {name: measured(evidence.readings[name], causes) for name in metrics}


@pytest.mark.gate("rules/abort-armed")
def test_abort_alerts_are_armed_and_silent(
    look: Look, abort_inputs: dict[str, Value], found: Callable[[str], None]
) -> None:
    """Every abort alert must be loaded, healthy, fed with a value, and not firing."""
    evidence = look.decision.evidence
    alerts = evidence.contract.abort.alerts
    unarmed = sorted(alerts - evidence.abort_armed)

    if unarmed or evidence.abort_firing:
        hold(f"expected all armed and silent; not armed: {unarmed}, firing: {sorted(evidence.abort_firing)}")
    values = ", ".join(f"{name} {value}" for name, value in abort_inputs.items())
    found(f"{len(alerts)} armed, none firing: {values}")
