"""Rule files: model, reading, normal form, scaling and rendering."""

from l4gate.rules.alerting import ALERTING_FILE, rendered_alerting
from l4gate.rules.from_api import groups_from_api
from l4gate.rules.model import (
    CONFIG_FILE,
    RULES_FOLDER,
    Rule,
    RuleGroup,
    all_rules,
    is_rule_file,
    load_rule_file,
    load_rules,
    parse_rule_text,
    rules_in,
)
from l4gate.rules.normal_form import diff_rules, rules_hash
from l4gate.rules.recomputing import Asked, Labels, Question, Recording, Vector, recordings, sources
from l4gate.rules.rendering import render, rendered_config, rendered_rules

__all__ = [
    "ALERTING_FILE",
    "CONFIG_FILE",
    "RULES_FOLDER",
    "Asked",
    "Labels",
    "Question",
    "Recording",
    "Rule",
    "RuleGroup",
    "Vector",
    "all_rules",
    "diff_rules",
    "groups_from_api",
    "is_rule_file",
    "load_rule_file",
    "load_rules",
    "parse_rule_text",
    "recordings",
    "render",
    "rendered_alerting",
    "rendered_config",
    "rendered_rules",
    "rules_hash",
    "rules_in",
    "sources",
]
