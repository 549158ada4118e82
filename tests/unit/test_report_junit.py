"""The JUnit report, read back with the library that CI tools use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import junitparser
import pytest

from fixtures import contract
from fixtures.evidence import good_evidence, report
from l4gate.base import Verdict
from l4gate.report import Outcome, RunReport
from l4gate.report.junit import render_junit

GO = report(good_evidence())


def read_back(run: RunReport, folder: Path) -> junitparser.TestSuite:
    file = folder / "l4.xml"
    file.write_text(render_junit(run), encoding="utf-8")
    (suite,) = junitparser.JUnitXml.fromfile(str(file))
    return suite


def with_outcomes(*outcomes: Outcome) -> RunReport:
    changed = tuple(
        replace(result, outcome=outcome, message="first\nsecond")
        for result, outcome in zip(GO.results, outcomes, strict=False)
    )
    return replace(GO, results=changed + GO.results[len(changed) :])


def test_go_is_all_green_with_its_evidence(tmp_path: Path) -> None:
    """A GO must have a case per planned gate, no failure, and the evidence as properties."""
    suite = read_back(GO, tmp_path)
    properties = {each.name: each.value for each in suite.properties()}

    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (len(GO.results), 0, 0, 0)
    assert {f"{case.classname}/{case.name}" for case in suite} == {
        f"l4_gate.{r.planned.name}" for r in GO.results
    }
    assert properties["verdict"] == "GO"
    assert properties["realm.prod.verdict"] == "GO"
    assert properties['realm.prod.reading.duri_heartbeat_ok{metric_realm="prod"}'] == "1"
    assert properties["realm.prod.evaluation.2023-11-14T22:13:19.900Z"] == "ok 1.0, fresh 1.0"
    assert properties["commit"] == "0123abc"


def test_wrong_is_a_failure_and_unmeasured_an_error(tmp_path: Path) -> None:
    """What was measured and is wrong must be a failure; what could not be measured or did not run an error."""
    suite = read_back(with_outcomes(Outcome.FAILED, Outcome.ERROR, Outcome.NOT_RUN), tmp_path)
    kinds = [[type(each) for each in case.result] for case in suite][:4]

    assert kinds == [[junitparser.Failure], [junitparser.Error], [junitparser.Error], []]
    assert (suite.failures, suite.errors, suite.skipped) == (1, 2, 0)
    (failure,) = next(iter(suite)).result
    assert (failure.message, failure.text) == ("first", "first\nsecond")


@pytest.mark.parametrize("changes", [{"decisions": ()}, {"results": ()}, {"results": (), "decisions": ()}])
def test_hold_without_a_failed_gate_is_red_too(changes: dict, tmp_path: Path) -> None:
    """A verdict that is not GO must be red for a reader that looks only at the counters."""
    run = replace(GO, **changes)
    suite = read_back(run, tmp_path)

    assert run.verdict is Verdict.HOLD
    assert suite.errors == 1
    assert suite.tests == len(run.results) + 1


def test_server_words_cannot_break_the_file(tmp_path: Path) -> None:
    """Control characters, markup and half characters in a message must leave a readable file."""
    nasty = 'a\x00b\x1b[32m </failure> ]]> & " \ud800 \uffff'
    suite = read_back(report(good_evidence(rules_equal=False), Outcome.FAILED, nasty), tmp_path)

    assert suite.failures == len(GO.results)
    assert next(iter(suite)).result[0].message.startswith("a\ufffdb\ufffd[32m </failure>")


def test_abort_names_the_alert(tmp_path: Path) -> None:
    """An ABORT must carry verdict and cause as properties."""
    alert = contract.ABORT_RULES[0].alert
    suite = read_back(report(good_evidence(abort_firing=frozenset({alert})), Outcome.FAILED), tmp_path)
    properties = {each.name: each.value for each in suite.properties()}

    assert properties["verdict"] == "ABORT"
    assert properties["cause.1"].startswith(f"verdict/abort-firing: expected {alert} not firing")
