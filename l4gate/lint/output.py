"""Findings as text for people, as JSON for programs, as JUnit for CI, and as annotations for GitHub."""

from __future__ import annotations

import json
import textwrap
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any, Final

from l4gate.base import xml_text
from l4gate.lint.engine import Report
from l4gate.lint.model import Finding, Waived

_WIDTH: Final = 110


def as_text(report: Report) -> str:
    """One block per finding (place, line, caret, reason, remedy, manual), a line per waived one, and a summary."""
    waived = ["\n".join(map(_waived, report.waived))] if report.waived else []
    return "\n\n".join([*map(_block, report.findings), *waived, summary(report)])


def summary(report: Report) -> str:
    """How much was looked at and what was found, in one line."""
    looked = f"{len(report.checks)} checks, {report.files} files, {report.rules} rules"
    looked += f", {len(report.waived)} waived" if report.waived else ""
    if report.clean:
        return f"obs-lint: clean ({looked})"
    counts = Counter(each.kind for each in report.findings)
    parts = [f"{counts['finding']} finding{'s' * (counts['finding'] != 1)}"] if counts["finding"] else []
    not_made = counts["not-run"] + len(report.not_made)
    parts += [f"{not_made} check{'s' * (not_made != 1)} not made"] if not_made else []
    return f"obs-lint: {', '.join(parts)} ({looked})"


def as_json(report: Report) -> str:
    """The whole report; `kind` tells what is wrong ("finding") from what could not be checked ("not-run")."""
    document: dict[str, Any] = {
        "clean": report.clean,
        "checks": list(report.checks),
        "not_made": list(report.not_made),
        "files": report.files,
        "rules": report.rules,
        "findings": [
            {
                "id": each.id,
                "kind": each.kind,
                "file": each.place.file,
                "line": each.place.line,
                "column": each.place.column,
                "what": each.what,
                "why": each.why,
                "mend": each.mend,
                "link": each.link,
            }
            for each in report.findings
        ],
        "waived": [
            {
                "id": each.finding.id,
                "file": each.finding.place.file,
                "line": each.finding.place.line,
                "column": each.finding.place.column,
                "what": each.finding.what,
                "reason": each.reason,
                "owner": each.owner,
                "until": each.until.isoformat(),
            }
            for each in report.waived
        ],
    }
    return json.dumps(document, indent=2)


def as_junit(report: Report) -> str:
    """A test case per check: a failure for each finding, an error where it could not be made, waived ones as output."""
    found: dict[str, list[Finding]] = {each: [] for each in report.checks}
    for each in report.findings:
        found.setdefault(each.id, []).append(each)  # what exceptions lack is found by no check of the list
    suite = ET.Element("testsuite", name="obs-lint")
    counts = dict.fromkeys(("failures", "errors"), 0)
    for id_, findings in found.items():
        area, _, name = id_.partition("/")
        case = ET.SubElement(suite, "testcase", classname=area, name=name, time="0")
        for each in findings:
            kind = "error" if each.kind == "not-run" else "failure"
            ET.SubElement(case, kind, type=id_, message=xml_text(each.what)).text = xml_text(_block(each))
        if id_ in report.not_made:
            message = "not made: a rule file cannot be read"
            ET.SubElement(case, "error", type=id_, message=message).text = message
        kinds = {outcome.tag for outcome in case}
        waived = [_waived(each) for each in report.waived if each.finding.id == id_]
        if waived:
            ET.SubElement(case, "system-out").text = xml_text("\n".join(waived))
        counts["errors"] += "error" in kinds
        counts["failures"] += kinds == {"failure"}
    suite.attrib.update(
        tests=str(len(found)), **{kind: str(count) for kind, count in counts.items()}, skipped="0", time="0"
    )
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def as_github(report: Report) -> str:
    """Workflow commands that put each finding, and each waived one as a notice, beside its line in a pull request."""
    return "\n".join([*map(_annotation, report.findings), *map(_notice, report.waived)])


def _where(each: Finding) -> str:
    return each.place.file + "".join(
        f":{number}" for number in (each.place.line, each.place.column) if number
    )


def _waived(each: Waived) -> str:
    found = each.finding
    return f"{_where(found)}: {found.id} (waived until {each.until} by {each.owner}: {each.reason}): {found.what}"


def _block(each: Finding) -> str:
    where = _where(each)
    label = " (not checked)" if each.kind == "not-run" else ""
    lines = [f"{where}: {each.id}{label}: {each.what}"]
    if each.source_line:
        lines.append(f"    {each.source_line}")
        if each.place.column:
            lines.append(f"    {' ' * (each.place.column - 1)}{'^' * each.place.length}")
    for name, text in (("why", each.why), ("mend", each.mend), ("see", each.link)):
        lines.append(
            textwrap.fill(text, _WIDTH, initial_indent=f"  {name + ':':<6}", subsequent_indent=" " * 8)
        )
    return "\n".join(lines)


def _annotation(each: Finding) -> str:
    title = each.id + (" (not checked)" if each.kind == "not-run" else "")
    return _command("error", each, title, f"{each.what}\n{each.why}\nMend: {each.mend}\nSee {each.link}")


def _notice(each: Waived) -> str:
    message = f"{each.finding.what}\nWaived until {each.until} by {each.owner}: {each.reason}"
    return _command("notice", each.finding, f"{each.finding.id} (waived)", message)


def _command(level: str, each: Finding, title: str, message: str) -> str:
    place = [f"file={_property(each.place.file)}"]
    place += [f"line={each.place.line}"] if each.place.line else []
    place += [f"col={each.place.column}"] if each.place.column else []
    return f"::{level} {','.join([*place, f'title={_property(title)}'])}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
