"""From a question to GO, HOLD or ABORT: readings, measuring, diagnosis, decision, and the judge who repeats it."""

from l4gate.verdict.decision import NOT_PROVEN, Decision, decide
from l4gate.verdict.diagnosis import diagnose
from l4gate.verdict.evidence import Cause, Evaluation, Evidence, Stage
from l4gate.verdict.judge import Judge, Look, progress_line, proven, worst_look
from l4gate.verdict.judging import judge_for
from l4gate.verdict.look import WriterReport
from l4gate.verdict.measuring import measure
from l4gate.verdict.pages import Expectation, unix_time
from l4gate.verdict.readings import Reading, Unreachable, Value, format_labels
from l4gate.verdict.server_pages import Parties
from l4gate.verdict.tenants import TenantProof
from l4gate.verdict.witness import Memory

__all__ = [
    "NOT_PROVEN",
    "Cause",
    "Decision",
    "Evaluation",
    "Evidence",
    "Expectation",
    "Judge",
    "Look",
    "Memory",
    "Parties",
    "Reading",
    "Stage",
    "TenantProof",
    "Unreachable",
    "Value",
    "WriterReport",
    "decide",
    "diagnose",
    "format_labels",
    "judge_for",
    "measure",
    "progress_line",
    "proven",
    "unix_time",
    "worst_look",
]
