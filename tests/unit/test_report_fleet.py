"""A report of thousands of realms: the worst first everywhere, one cause for all who have it, a case for each realm."""

from __future__ import annotations

import json
import re
from pathlib import Path

import junitparser
import pytest

from fixtures.evidence import NOW, cause, good_evidence, report
from l4gate.base import Verdict
from l4gate.contract import FEW_REALMS, planned
from l4gate.report import GateResult, Outcome, RunReport, render_terminal, worst_first
from l4gate.report.as_json import render_json
from l4gate.report.html import render_html
from l4gate.report.junit import render_junit
from l4gate.verdict import Decision, Stage, decide

COUNT = 200
ABORTING = good_evidence().contract.abort.conditions[0].alert


def decision(number: int) -> Decision:
    """GO, but for realm 7, which aborts, and 50, 51 and 52, which hold."""
    realm = f"realm-{number:03d}"
    if number == 7:
        return decide(good_evidence(realm=realm, abort_claimed={ABORTING}, abort_firing={ABORTING}))
    if number in (50, 51, 52):
        return decide(good_evidence(realm=realm, broken=(cause(),)))
    return decide(good_evidence(realm=realm))


@pytest.fixture(name="fleet", scope="module")
def _fleet() -> RunReport:
    decisions = worst_first(decision(number) for number in range(COUNT))
    plan = planned([each.realm for each in decisions], external=True)
    results = tuple(GateResult(each, Outcome.PASSED) for each in plan)
    return report(good_evidence(), decisions=decisions, results=results)


def test_gates_are_asked_of_the_worst(fleet: RunReport) -> None:
    """The plan of a fleet must not grow with its realms, and its gates must be asked of the worst of them."""
    assert len(fleet.results) == len(planned(["prod"], external=True))
    assert f"verdict/go[worst of {COUNT}]" in {each.planned.name for each in fleet.results}
    assert len(planned([str(number) for number in range(FEW_REALMS)], external=True)) > FEW_REALMS


def test_terminal_sums_up(fleet: RunReport) -> None:
    """The terminal must say how many are of which verdict, each cause once with its realms, the worst first."""
    lines = list(render_terminal(fleet))
    text = "\n".join(lines)

    assert fleet.verdict is Verdict.ABORT
    assert "1 ABORT, 3 HOLD, 196 GO of 200 realms" in text
    assert "ABORT    realm realm-007" in text
    assert "HOLD     3 realms: realm-050, realm-051, realm-052" in text
    assert text.index("realm-007") < text.index("realm-050")
    assert text.count("writer/stale") == 1
    assert len(lines) < 40


def test_json_has_the_worst_first_and_every_realm(fleet: RunReport) -> None:
    """JSON must have each realm, the worst first; one that is GO must still have its readings and evaluations."""
    found = json.loads(render_json(fleet))
    realms = found["realms"]

    assert [each["realm"] for each in realms[:4]] == ["realm-007", "realm-050", "realm-051", "realm-052"]
    assert [each["verdict"] for each in realms] == ["ABORT"] + ["HOLD"] * 3 + ["GO"] * 196
    assert all(each["evidence"]["evaluations"] and each["evidence"]["readings"] for each in realms)
    assert len(found["causes"]) == 2
    assert "in 3 realms: realm-050" in found["causes"][1]["found"]


def test_junit_has_a_case_for_each_realm(fleet: RunReport, tmp_path: Path) -> None:
    """JUnit must have one case for each realm: ABORT a failure, HOLD an error, GO with its evidence."""
    file = tmp_path / "l4.xml"
    file.write_text(render_junit(fleet), encoding="utf-8")
    (suite,) = junitparser.JUnitXml.fromfile(str(file))
    cases = {case.name: case for case in suite if case.classname == "l4_gate.realm"}

    assert len(cases) == COUNT
    assert (suite.failures, suite.errors) == (1, 3)
    assert isinstance(cases["realm-007"].result[0], junitparser.Failure)
    assert "writer/stale" in cases["realm-051"].result[0].message
    assert "duri_heartbeat_ok 1" in (cases["realm-100"].system_out or "")
    assert len(render_junit(fleet)) < 2000 * COUNT


def test_page_is_a_grid_that_leads_to_each_realm(fleet: RunReport) -> None:
    """Each cell must lead to a place of its realm that is on the page, and the worst must come first."""
    page = render_html(fleet)
    cells = re.findall(r'<a class="(\w+)" href="#(realm-[^"]+)"', page)
    places = set(re.findall(r'id="(realm-[^"]+)"', page))

    assert [kind for kind, _ in cells] == ["abort"] + ["hold"] * 3 + ["go"] * 196
    assert {place for _, place in cells} == places
    assert len(places) == COUNT


def test_few_realms_are_shown_one_by_one() -> None:
    """Two realms must be shown as ever, each with its own block, and no grid."""
    run = report(
        good_evidence(), decisions=(decide(good_evidence(realm="a")), decide(good_evidence(realm="b")))
    )

    assert "grid" not in re.sub(r"<style>.*?</style>", "", render_html(run), flags=re.DOTALL)
    assert sum(line.startswith(("  a ", "  b ")) for line in render_terminal(run)) == 2


def test_one_cause_is_summed_with_its_verdict() -> None:
    """Realms with the same cause but another verdict must not be put together."""
    holding = decide(good_evidence(realm="h", broken=(cause(Stage.RULES, "rules-differ"),)))
    aborting = decide(
        good_evidence(
            realm="x",
            broken=(cause(Stage.RULES, "rules-differ"),),
            abort_claimed={ABORTING},
            abort_firing={ABORTING},
        )
    )
    good = [decide(good_evidence(realm=f"g{number}", at=NOW)) for number in range(FEW_REALMS)]
    run = report(good_evidence(), decisions=worst_first([*good, holding, aborting]))

    assert [each.found for each in run.causes] == ["9.5 s old (in realm x)", "9.5 s old (in realm h)"]
