"""What everything stands on: errors, durations, waiting, YAML with positions, secrets, names, and files of anybody."""

from l4gate.base.duration import LONGEST_SECONDS, format_duration, parse_duration
from l4gate.base.errors import (
    EXIT_USAGE,
    ApiBadAnswer,
    ApiError,
    ApiUnreachable,
    ExpressionError,
    GateError,
    HistoryError,
    NotReady,
    OperationRefused,
    ProgramMissing,
    RehearsalFailed,
    RuleError,
    StackError,
    UsageError,
)
from l4gate.base.names import says_seconds
from l4gate.base.outside import (
    MANIFEST_BYTES,
    open_regular,
    private_file,
    read_at_most,
    read_regular,
    strict_json,
    why,
)
from l4gate.base.resources import COMPOSE_FILE, PROMETHEUS_DIR, ROOT, SCRIPTS_DIR
from l4gate.base.secrets import without_credentials
from l4gate.base.verdicts import Verdict, worst
from l4gate.base.wait import wait_until
from l4gate.base.xmltext import xml_text
from l4gate.base.yamldoc import Document, Edit

__all__ = [
    "COMPOSE_FILE",
    "EXIT_USAGE",
    "LONGEST_SECONDS",
    "MANIFEST_BYTES",
    "PROMETHEUS_DIR",
    "ROOT",
    "SCRIPTS_DIR",
    "ApiBadAnswer",
    "ApiError",
    "ApiUnreachable",
    "Document",
    "Edit",
    "ExpressionError",
    "GateError",
    "HistoryError",
    "NotReady",
    "OperationRefused",
    "ProgramMissing",
    "RehearsalFailed",
    "RuleError",
    "StackError",
    "UsageError",
    "Verdict",
    "format_duration",
    "open_regular",
    "parse_duration",
    "private_file",
    "read_at_most",
    "read_regular",
    "says_seconds",
    "strict_json",
    "wait_until",
    "why",
    "without_credentials",
    "worst",
    "xml_text",
]
