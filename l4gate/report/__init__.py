"""What people and programs read of a run: terminal, JSON, JUnit, HTML, Markdown."""

from l4gate.report.as_json import decision_as_dict, decisions_as_list, utc
from l4gate.report.certificate import certificate_as_dict, criterion_as_dict, write_certificate
from l4gate.report.certificate_words import certificate_lines
from l4gate.report.fleet import tally, worst_first
from l4gate.report.markdown import markdown_table
from l4gate.report.model import Event, GateResult, Outcome, RunReport
from l4gate.report.naming import JUDGED, PRODUCTION, SIMULATED, JudgedBy, judged_by, judged_lines
from l4gate.report.progress import Progress
from l4gate.report.terminal import HEADLINES, decision_lines, fleet_lines, plain_line, render_terminal
from l4gate.report.write import STEM, forget_reports, write_atomically, write_reports

__all__ = [
    "HEADLINES",
    "JUDGED",
    "PRODUCTION",
    "SIMULATED",
    "STEM",
    "Event",
    "GateResult",
    "JudgedBy",
    "Outcome",
    "Progress",
    "RunReport",
    "certificate_as_dict",
    "certificate_lines",
    "criterion_as_dict",
    "decision_as_dict",
    "decision_lines",
    "decisions_as_list",
    "fleet_lines",
    "forget_reports",
    "judged_by",
    "judged_lines",
    "markdown_table",
    "plain_line",
    "render_terminal",
    "tally",
    "utc",
    "worst_first",
    "write_atomically",
    "write_certificate",
    "write_reports",
]
