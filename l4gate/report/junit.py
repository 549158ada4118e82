"""
The verdict as JUnit XML, for CI: a case per planned gate.

What could not be measured or was not run is an `<error>`, what was measured and is wrong a `<failure>`; nothing is
ever a `<skipped>`, because a CI system would show that as green.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Final

from l4gate.base import Verdict, xml_text
from l4gate.report.as_json import utc
from l4gate.report.model import Outcome, RunReport
from l4gate.verdict import Cause, Decision, Value

_REALM: Final = "l4_gate.realm"  # of the cases of a fleet's realms


def render_junit(report: RunReport) -> str:
    """The report as one JUnit test suite; its properties carry the verdict and the evidence."""
    suite = ET.Element("testsuite", name="l4_gate")
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", name=name, value=xml_text(value))
    counts = {"failures": 0, "errors": 0}
    for result in report.results:
        area, _, name = result.planned.name.partition("/")
        case = ET.SubElement(
            suite, "testcase", classname=f"l4_gate.{area}", name=name, time=f"{result.seconds:.3f}"
        )
        if result.outcome is Outcome.PASSED:
            if result.found:
                ET.SubElement(case, "system-out").text = xml_text(result.found)
            continue
        kind = "failure" if result.outcome is Outcome.FAILED else "error"
        counts[f"{kind}s"] += 1
        text = xml_text(result.message) or "the run ended without an answer of this gate"
        ET.SubElement(case, kind, type=result.outcome.value, message=text.splitlines()[0]).text = text
    for decision in report.decisions if report.is_fleet else ():
        case = ET.SubElement(suite, "testcase", classname=_REALM, name=decision.realm, time="0.000")
        if decision.verdict is Verdict.GO:
            ET.SubElement(case, "system-out").text = xml_text(_proven(decision))
            continue
        # ABORT was measured and is wrong, HOLD could not be proven.
        kind = "failure" if decision.verdict is Verdict.ABORT else "error"
        counts[f"{kind}s"] += 1
        text = xml_text("\n".join(map(str, decision.causes)))
        ET.SubElement(case, kind, type=decision.verdict.name, message=text.splitlines()[0]).text = text
    # A verdict that is not GO must be red even if some reader looks only at the counters.
    if report.verdict.exit_code and not any(counts.values()):
        case = ET.SubElement(suite, "testcase", classname="l4_gate.verdict", name="run", time="0.000")
        ET.SubElement(case, "error", type="verdict", message=f"the verdict is {report.verdict.name}")
        counts["errors"] += 1
    suite.attrib.update(
        tests=str(len(suite.findall("testcase"))),
        failures=str(counts["failures"]),
        errors=str(counts["errors"]),
        skipped="0",
        time=f"{report.seconds:.3f}",
        timestamp=utc(report.started_at) or "",
    )
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _properties(report: RunReport) -> Iterable[tuple[str, str]]:
    yield "verdict", report.verdict.name
    for number, cause in enumerate(report.causes, 1):
        yield from _cause(f"cause.{number}", cause)
    # Of a fleet's realms that are GO their own cases tell; there would be 200,000 properties of them.
    for decision in report.decisions:
        if report.is_fleet and decision.verdict is Verdict.GO:
            continue
        realm = decision.realm
        yield f"realm.{realm}.verdict", decision.verdict.name
        yield f"realm.{realm}.waited_seconds", f"{decision.waited_seconds:.3f}"
        evidence = decision.evidence
        for reading in evidence.readings.values():
            yield f"realm.{realm}.reading.{reading.query}", str(reading)
            if isinstance(reading, Value):
                yield f"realm.{realm}.sampled_at.{reading.query}", utc(reading.at) or ""
        for each in evidence.newest:
            yield f"realm.{realm}.evaluation.{utc(each.at)}", f"ok {each.ok}, fresh {each.fresh}"
        yield f"realm.{realm}.recomputed", ", ".join(sorted(evidence.recomputed))
        yield f"realm.{realm}.witnessed", str(evidence.witnessed).lower()
        for number, cause in enumerate(decision.warnings, 1):
            yield from _cause(f"realm.{realm}.warning.{number}", cause)
    yield from report.facts.items()


def _proven(decision: Decision) -> str:
    evidence = decision.evidence
    values = "; ".join(f"{name} {reading}" for name, reading in evidence.readings.items())
    seen = ", ".join(f"{utc(each.at)}: ok {each.ok}, fresh {each.fresh}" for each in evidence.newest)
    return f"GO: {values}; evaluations {seen}; {len(evidence.recomputed)} recorded metrics computed again"


def _cause(prefix: str, cause: Cause) -> Iterable[tuple[str, str]]:
    yield prefix, str(cause)
