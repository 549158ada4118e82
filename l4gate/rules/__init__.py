"""Rule files: model, reading, normal form, scaling and rendering."""

from l4gate.rules.alerting import ALERTING_FILE, rendered_alerting
from l4gate.rules.fleet import of_one, realm_pattern, realms_listed
from l4gate.rules.fleet_files import as_yaml
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
from l4gate.rules.recomputing import (
    Asked,
    Expression,
    Labels,
    Question,
    Recording,
    Vector,
    recordings,
    sources,
)
from l4gate.rules.rendering import render, rendered_config, rendered_rules

__all__ = [
    "ALERTING_FILE",
    "CONFIG_FILE",
    "RULES_FOLDER",
    "Asked",
    "Expression",
    "Labels",
    "Question",
    "Recording",
    "Rule",
    "RuleGroup",
    "Vector",
    "all_rules",
    "as_yaml",
    "diff_rules",
    "groups_from_api",
    "is_rule_file",
    "load_rule_file",
    "load_rules",
    "of_one",
    "parse_rule_text",
    "realm_pattern",
    "realms_listed",
    "recordings",
    "render",
    "rendered_alerting",
    "rendered_config",
    "rendered_rules",
    "rules_hash",
    "rules_in",
    "sources",
]
