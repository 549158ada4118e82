"""What everything stands on: errors, durations, waiting, YAML with positions, secrets, names, and files of anybody."""

from l4gate.base.deadlines import TOO_SLOW, deadline, keep_deadline, seconds_left
from l4gate.base.differences import line_difference
from l4gate.base.duration import LONGEST_SECONDS, format_duration, parse_duration
from l4gate.base.errors import (
    EXIT_USAGE,
    ApiBadAnswer,
    ApiError,
    ApiUnreachable,
    ExpressionError,
    GateError,
    HistoryError,
    NothingToRollBack,
    NotReady,
    OperationRefused,
    ProgramMissing,
    RehearsalFailed,
    RuleError,
    StackError,
    UsageError,
    defect,
)
from l4gate.base.names import says_seconds
from l4gate.base.outgoing import (
    control_terminal,
    filtered_streams,
    keep_login,
    keep_secrets_of_environment,
    keep_token,
    masked,
    printable,
    shown,
)
from l4gate.base.outside import (
    CONFIG_BYTES,
    MANIFEST_BYTES,
    open_regular,
    private_file,
    read_at_most,
    read_config,
    read_json,
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
    "CONFIG_BYTES",
    "EXIT_USAGE",
    "LONGEST_SECONDS",
    "MANIFEST_BYTES",
    "PROMETHEUS_DIR",
    "ROOT",
    "SCRIPTS_DIR",
    "TOO_SLOW",
    "ApiBadAnswer",
    "ApiError",
    "ApiUnreachable",
    "Document",
    "Edit",
    "ExpressionError",
    "GateError",
    "HistoryError",
    "NotReady",
    "NothingToRollBack",
    "OperationRefused",
    "ProgramMissing",
    "RehearsalFailed",
    "RuleError",
    "StackError",
    "UsageError",
    "Verdict",
    "control_terminal",
    "deadline",
    "defect",
    "filtered_streams",
    "format_duration",
    "keep_deadline",
    "keep_login",
    "keep_secrets_of_environment",
    "keep_token",
    "line_difference",
    "masked",
    "open_regular",
    "parse_duration",
    "printable",
    "private_file",
    "read_at_most",
    "read_config",
    "read_json",
    "read_regular",
    "says_seconds",
    "seconds_left",
    "shown",
    "strict_json",
    "wait_until",
    "why",
    "without_credentials",
    "worst",
    "xml_text",
]
