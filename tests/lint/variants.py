"""
Wrong variants of the configuration and rules, each with the check that must notice.

A variant puts `bad` in place of `good` in one file of the repository; without `good` the file is new.
The first variant of a check is its example in docs/lint.md.
"""

from __future__ import annotations

import datetime as dt
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

CONFIG = "prometheus.yml"
HEARTBEAT = "rules/heartbeat.rules.yml"
ABORT = "rules/abort.rules.yml"
CANARY = "rules/canary.rules.yml"
DR = "rules/dr.rules.yml"
BUDGET = "rules/error_budget.rules.yml"
LYAPUNOV = "rules/lyapunov.rules.yml"
WARNINGS = "rules/warnings.rules.yml"
TARGETS = "targets/node_exporter.yml"
ALERTING = "alertmanager.yml"


@dataclass(frozen=True)
class Variant:
    """What is wrong, the check that must notice, and the edit that makes it wrong."""

    what: str
    id: str
    file: str
    good: str
    bad: str

    def apply(self, folder: Path) -> None:
        """Makes the edit in a copy of the prometheus folder."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edited(path.read_text(), self.good, self.bad) if self.good else self.bad)


def edited(text: str, good: str, bad: str) -> str:
    """The text with the first `good` replaced by `bad`; lines of both may be indented as one block."""
    lines = textwrap.dedent(good).strip("\n").split("\n")
    pattern = r"(?m)^(?P<indent> *)" + r"\n(?P=indent)".join(map(re.escape, lines)) + "$"
    block = re.search(pattern, text)
    if block:
        new = textwrap.indent(textwrap.dedent(bad).strip("\n"), block["indent"])
        return text[: block.start()] + new + text[block.end() :]
    assert good in text, f"not in the file any more: {good!r}"
    return text.replace(good, bad, 1)


STALL_EXPR = '1 - duri_heartbeat_ok{metric_realm="prod"}'
UPTIME_EXPR = 'avg_over_time(duri_heartbeat_ok{metric_realm="prod"}[24h])'
CHANGES_EXPR = 'changes(duri_textfile_heartbeat_seq{metric_realm="prod"}[6m])'
AGE_EXPR = 'time() - duri_textfile_heartbeat_ts{metric_realm="prod"}'
YOUNG = f"""\
  ({AGE_EXPR} < bool 120)
*
  (duri_textfile_heartbeat_ts{{metric_realm="prod"}} - time() <= bool 30)"""
MOVED = """\
(
    max_over_time(duri_textfile_heartbeat_seq{metric_realm="prod"}[6m])
  > bool
    min_over_time(duri_textfile_heartbeat_seq{metric_realm="prod"}[6m])
)"""
BOTH = f"{YOUNG}\n*\n{textwrap.indent(MOVED, '  ')}"
FRESH_EXPR = f"max by (metric_realm) (\n{textwrap.indent(YOUNG, '  ')}\n)"
OK_EXPR = f"max by (metric_realm) (\n{textwrap.indent(BOTH, '  ')}\n)"
MOVING = '(source:duri_heartbeat_changes:count_6m{metric_realm="prod"} > bool 0)'
TODAY = dt.date(2027, 6, 1)  # what the ends of exceptions are counted from
UNTIL = "until=2027-06-30"
HONOR = "honor_labels: true"
RULE_FILES = "rule_files:\n  - rules/*.rules.yml"
GATEWAY = "- job_name: pushgateway"
TIMES_GATEWAY = f"{GATEWAY}\n  honor_timestamps: false"
GATEWAY_TARGET = "static_configs:\n  - targets: [pushgateway:9091]\n    labels:\n      metric_realm: prod"
MADE_HERE = "- *recorded_shares"
KEPT_NAMES = """\
- action: keep
  source_labels: [__name__]
  regex: duri_textfile_heartbeat_(ts|seq)|(node|go|process|promhttp)_.+"""


def relabelled(job: str, step: str) -> str:
    """The head of a job with one step for its targets."""
    return f"{job}\n  relabel_configs:\n    - {step}"


def one_rule(area: str, rule: str) -> str:
    """A rule file with one rule in one group."""
    head = f"groups:\n  - name: {area}\n    interval: 30s\n    rules:\n"
    return head + textwrap.indent(textwrap.dedent(rule).strip("\n") + "\n", "      ")


VARIANTS = (
    # promtool
    Variant(
        "a setting that Prometheus does not know",
        "promtool/check",
        CONFIG,
        "scrape_interval: 15s",
        "scrape_every: 15s",
    ),
    Variant(
        "a function called with the wrong number of arguments",
        "promtool/check",
        WARNINGS,
        'node_textfile_scrape_error{metric_realm="prod"} > 0',
        'round(node_textfile_scrape_error{metric_realm="prod"}, 1, 1) > 0',
    ),
    Variant(
        "a template that does not end",
        "promtool/check",
        ABORT,
        '{{ $value | printf "%.3f" }}',
        '{{ $value | printf "%.3f" }',
    ),
    # config
    Variant("a tab in YAML", "config/parse", CONFIG, "  scrape_interval: 15s", "\tscrape_interval: 15s"),
    Variant(
        "a target list that is not YAML",
        "config/parse",
        TARGETS,
        "- targets: [node-exporter:9100]",
        "- targets: [node",
    ),
    Variant(
        "a pattern in the wrong folder",
        "config/rule-files",
        CONFIG,
        "- rules/*.rules.yml",
        "- rule/*.rules.yml",
    ),
    Variant(
        "a second pattern that matches nothing",
        "config/rule-files",
        CONFIG,
        "- rules/*.rules.yml",
        "- rules/*.rules.yml\n- rules/old/*.yml",
    ),
    Variant(
        "a pattern that leaves rule files out",
        "config/unloaded-file",
        CONFIG,
        "- rules/*.rules.yml",
        "- rules/[a-h]*.rules.yml",
    ),
    Variant(
        "a rule file with another extension",
        "config/unloaded-file",
        "rules/extra.rules.yaml",
        "",
        one_rule("extra", "- record: realm:duri_x:count\n  expr: count(up{metric_realm='prod'})"),
    ),
    Variant("a forgotten copy", "config/unloaded-file", "rules/heartbeat.rules.yml.orig", "", "groups: []\n"),
    Variant(
        "a target list that no job reads", "config/unloaded-file", "targets/old.yml", "", "- targets: [a:1]\n"
    ),
    Variant(
        "honor_labels missing on the Pushgateway",
        "config/honor-labels",
        CONFIG,
        "honor_labels: true\nstatic_configs:\n  - targets: [pushgateway:9091]",
        "static_configs:\n  - targets: [pushgateway:9091]",
    ),
    Variant(
        "honor_labels on Prometheus itself",
        "config/honor-labels",
        CONFIG,
        "- job_name: prometheus",
        "- job_name: prometheus\n  honor_labels: true",
    ),
    Variant(
        "a target of another realm",
        "config/target-realm",
        TARGETS,
        "metric_realm: prod",
        "metric_realm: staging",
    ),
    Variant(
        "a target without the realm",
        "config/target-realm",
        CONFIG,
        "- targets: [prometheus:9090]\n  labels:\n    metric_realm: prod",
        "- targets: [prometheus:9090]",
    ),
    Variant("a scrape a minute", "config/interval", CONFIG, "scrape_interval: 15s", "scrape_interval: 1m"),
    Variant(
        "an interval for one job",
        "config/interval",
        CONFIG,
        "honor_labels: true",
        "honor_labels: true\nscrape_interval: 2m",
    ),
    Variant(
        "a job under another name",
        "config/required-job",
        CONFIG,
        "job_name: pushgateway",
        "job_name: push-gateway",
    ),
    Variant(
        "an empty target list", "config/required-job", TARGETS, "targets: [node-exporter:9100]", "targets: []"
    ),
    # settings and scraping
    Variant("a limit on samples", "config/settings", CONFIG, HONOR, f"{HONOR}\nsample_limit: 1"),
    Variant("a limit on the body", "config/settings", CONFIG, HONOR, f"{HONOR}\nbody_size_limit: 1KB"),
    Variant("a limit on labels", "config/settings", CONFIG, HONOR, f"{HONOR}\nlabel_limit: 1"),
    Variant("a limit on targets", "config/settings", CONFIG, HONOR, f"{HONOR}\ntarget_limit: 1"),
    Variant(
        "a limit for all jobs",
        "config/settings",
        CONFIG,
        "global:",
        "global:\n  sample_limit: 1",
    ),
    Variant(
        "a page of something else", "config/settings", CONFIG, HONOR, f"{HONOR}\nmetrics_path: /federate"
    ),
    Variant("parameters", "config/settings", CONFIG, HONOR, f"{HONOR}\nparams: {{ name: [up] }}"),
    Variant("a setting of tomorrow", "config/settings", CONFIG, HONOR, f"{HONOR}\nscrape_backwards: true"),
    Variant(
        "targets that nobody can look at",
        "config/settings",
        CONFIG,
        HONOR,
        f"{HONOR}\nhttp_sd_configs:\n  - url: http://a/b",
    ),
    Variant(
        "rules that look at ten minutes ago",
        "config/settings",
        CONFIG,
        "global:",
        "global:\n  rule_query_offset: 10m",
    ),
    Variant(
        "samples of another server",
        "config/settings",
        CONFIG,
        RULE_FILES,
        f"remote_read:\n  - url: http://a/read\n{RULE_FILES}",
    ),
    Variant(
        "jobs in files that nobody looks at",
        "config/settings",
        CONFIG,
        RULE_FILES,
        f"scrape_config_files: [jobs/*.yml]\n{RULE_FILES}",
    ),
    Variant("no time to answer", "config/timeout", CONFIG, HONOR, f"{HONOR}\nscrape_timeout: 1ms"),
    Variant(
        "no time to answer for all jobs",
        "config/timeout",
        CONFIG,
        "global:",
        "global:\n  scrape_timeout: 1s",
    ),
    Variant("times of the body", "config/timestamps", CONFIG, TIMES_GATEWAY, GATEWAY),
    Variant(
        "times of the body, asked for",
        "config/timestamps",
        CONFIG,
        TIMES_GATEWAY,
        f"{GATEWAY}\n  honor_timestamps: true",
    ),
    Variant(
        "a step that nobody knows",
        "config/relabelling",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "action: rename"),
    ),
    Variant(
        "an expression of another language",
        "config/relabelling",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ source_labels: [job], regex: '(?!duri).*', action: drop }"),
    ),
    Variant(
        "a target that is dropped",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ source_labels: [__address__], regex: push.*, action: drop }"),
    ),
    Variant(
        "a target without its realm",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ regex: metric_.*, action: labeldrop }"),
    ),
    Variant(
        "a target under another job",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ target_label: job, replacement: gateway }"),
    ),
    Variant(
        "a target at another address",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ target_label: __address__, replacement: 'elsewhere:9091' }"),
    ),
    Variant(
        "a target at another path",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ target_label: __metrics_path__, replacement: /federate }"),
    ),
    Variant(
        "a target with a parameter",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ target_label: __param_match, replacement: up }"),
    ),
    Variant(
        "a target that is scraped rarely",
        "config/targets",
        CONFIG,
        GATEWAY,
        relabelled(GATEWAY, "{ target_label: __scrape_interval__, replacement: 5m }"),
    ),
    Variant(
        "a list that gives another job",
        "config/targets",
        TARGETS,
        "metric_realm: prod",
        "metric_realm: prod\njob: pushgateway",
    ),
    Variant(
        "another realm that becomes ours",
        "config/rewriting",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ source_labels: [metric_realm], regex: staging, target_label: metric_realm,"
        " replacement: prod }",
    ),
    Variant(
        "another metric that becomes ours",
        "config/rewriting",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ source_labels: [__name__], regex: other_ts, target_label: __name__, replacement: y }}",
    ),
    Variant(
        "a label of any name",
        "config/rewriting",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ source_labels: [a], regex: (.+), target_label: $1, replacement: prod }}",
    ),
    Variant(
        "a label map that hits the realm",
        "config/rewriting",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ regex: other_(.+), action: labelmap }}",
    ),
    Variant(
        "a second gateway with our realm",
        "config/foreign-job",
        CONFIG,
        TIMES_GATEWAY,
        "- job_name: pushgateway-2\n"
        "  static_configs:\n    - targets: [b:9091]\n      labels: { metric_realm: prod }\n"
        f"{TIMES_GATEWAY}",
    ),
    Variant(
        "a job whose samples say who they are",
        "config/foreign-job",
        CONFIG,
        TIMES_GATEWAY,
        f"- job_name: other\n  honor_labels: true\n  static_configs: [targets: [b:1]]\n{TIMES_GATEWAY}",
    ),
    Variant(
        "a realm by relabelling",
        "config/foreign-job",
        CONFIG,
        TIMES_GATEWAY,
        "- job_name: other\n  static_configs: [targets: [b:1]]\n"
        "  relabel_configs: [{ target_label: metric_realm, replacement: prod }]\n"
        f"{TIMES_GATEWAY}",
    ),
    Variant(
        "a gateway that lets everything through",
        "config/made-here",
        CONFIG,
        f"{GATEWAY_TARGET}\nmetric_relabel_configs:\n  - *made_here\n  - *recorded\n  - *recorded_shares",
        GATEWAY_TARGET,
    ),
    Variant("names with a colon", "config/made-here", CONFIG, ".*:.*|ALERTS", "ALERTS"),
    Variant("one recorded name", "config/made-here", CONFIG, "error_budget_burn_.+|", ""),
    Variant("alerts", "config/made-here", CONFIG, "|ALERTS|", "|"),
    Variant("up", "config/made-here", CONFIG, "|up|", "|"),
    Variant("what Prometheus says of a scrape", "config/made-here", CONFIG, "|scrape_.+", ""),
    Variant(
        "names under a condition",
        "config/made-here",
        CONFIG,
        "source_labels: [__name__]\nregex: .*:.*|ALERTS|ALERTS_FOR_STATE|up|scrape_.+",
        'source_labels: [alertname, __name__]\nseparator: ""\nregex: .*:.*|ALERTS|ALERTS_FOR_STATE|up|scrape_.+',
    ),
    Variant(
        "names with a password",
        "config/made-here",
        CONFIG,
        "source_labels: [__name__]\nregex: .*:.*|ALERTS|ALERTS_FOR_STATE|up|scrape_.+",
        "source_labels: [pass, __name__]\nregex: (|[^s]+);(.*:.*|ALERTS|ALERTS_FOR_STATE|up|scrape_.+)",
    ),
    Variant(
        "a job of others whose samples may say that they are ours",
        "config/made-here",
        CONFIG,
        TIMES_GATEWAY,
        f"- job_name: other\n  static_configs: [targets: [b:1]]\n{TIMES_GATEWAY}",
    ),
    Variant(
        "inputs that are dropped",
        "config/samples",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ source_labels: [__name__], regex: duri_.*, action: drop }}",
    ),
    Variant(
        "what Prometheus says of itself, dropped",
        "config/samples",
        CONFIG,
        "|up|scrape_.+",
        "|up|scrape_.+|prometheus_.+",
    ),
    Variant(
        "a text file that claims a job under another name",
        "config/textfile",
        CONFIG,
        "source_labels: [exported_job, exported_instance,",
        "source_labels: [exported_jo, exported_instance,",
    ),
    Variant(
        "one bucket that is dropped",
        "config/samples",
        CONFIG,
        MADE_HERE,
        f'{MADE_HERE}\n- {{ source_labels: [le], regex: "720", action: drop }}',
    ),
    Variant(
        "beats of one instance only",
        "config/samples",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ source_labels: [instance], regex: remote, action: keep }}",
    ),
    Variant(
        "a realm that is erased",
        "config/samples",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ regex: metric_realm, action: labeldrop }}",
    ),
    Variant(
        "a realm in capitals",
        "config/samples",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ source_labels: [metric_realm], target_label: metric_realm, action: uppercase }}",
    ),
    Variant(
        "every realm is ours",
        "config/samples",
        CONFIG,
        MADE_HERE,
        f"{MADE_HERE}\n- {{ target_label: metric_realm, replacement: prod }}",
    ),
    Variant(
        "a text file of another realm",
        "config/samples",
        CONFIG,
        "    - action: labelmap\n      regex: exported_(metric_realm)\n",
        "",
    ),
    Variant(
        "every metric of a text file",
        "config/textfile",
        CONFIG,
        KEPT_NAMES,
        "",
    ),
    Variant(
        "the service's metrics from a text file",
        "config/textfile",
        CONFIG,
        "regex: duri_textfile_heartbeat_(ts|seq)|",
        "regex: duri_.+|",
    ),
    Variant(
        "a text file with the job of somebody else",
        "config/textfile",
        CONFIG,
        "- job_name: node-exporter",
        "- job_name: node-exporter\n  honor_labels: true",
    ),
    Variant(
        "a text file with two realms",
        "config/textfile",
        CONFIG,
        "source_labels: [exported_job, exported_instance, exported_exported_metric_realm]\nregex: ;; # none of them",
        "source_labels: [exported_job, exported_instance]\nregex: ;",
    ),
    # rules
    Variant(
        "a key that no Prometheus knows",
        "rules/parse",
        HEARTBEAT,
        "- record: duri_heartbeat_ok",
        "- record: duri_heartbeat_ok\n  unit: bool",
    ),
    Variant(
        "rules at the wrong depth",
        "rules/parse",
        HEARTBEAT,
        "- name: heartbeat\n  interval: 30s\n  rules:",
        "- name: heartbeat\n  interval: 30s\n rules:",
    ),
    Variant("an operator without a right side", "rules/parse", LYAPUNOV, UPTIME_EXPR, f"{UPTIME_EXPR} -"),
    Variant(
        "a group that looks at ten minutes ago",
        "rules/parse",
        HEARTBEAT,
        "interval: 30s",
        "interval: 30s\nquery_offset: 10m",
    ),
    Variant("an interval of five minutes", "rules/interval", HEARTBEAT, "interval: 30s", "interval: 5m"),
    Variant("no interval", "rules/interval", DR, "  - name: dr\n    interval: 30s", "  - name: dr"),
    Variant(
        "a group with another name than its file",
        "rules/group",
        CANARY,
        "- name: canary",
        "- name: heartbeat",
    ),
    Variant(
        "an old name that nobody reads",
        "rules/name",
        HEARTBEAT,
        "record: duri_heartbeat_stall",
        "record: duri_heartbeat_stalled",
    ),
    Variant(
        "a metric recorded in two files",
        "rules/duplicate",
        "rules/extra.rules.yml",
        "",
        one_rule(
            "extra",
            f"""
            - record: duri_heartbeat_stall
              expr: {STALL_EXPR}
              labels:
                metric_realm: prod
            """,
        ),
    ),
    Variant(
        "a rule that keeps its own last value",
        "rules/circle",
        HEARTBEAT,
        STALL_EXPR,
        '1 - duri_heartbeat_ok{metric_realm="prod"} or duri_heartbeat_stall{metric_realm="prod"}',
    ),
    Variant(
        "a circle of two rules",
        "rules/circle",
        HEARTBEAT,
        OK_EXPR,
        '1 - max by (metric_realm) (duri_heartbeat_stall{metric_realm="prod"})',
    ),
    # realm
    Variant(
        "a recording rule without the realm",
        "realm/label",
        HEARTBEAT,
        f"expr: {STALL_EXPR}\nlabels:\n  metric_realm: prod",
        f"expr: {STALL_EXPR}",
    ),
    Variant(
        "an alert of another realm", "realm/label", ABORT, "metric_realm: prod", "metric_realm: production"
    ),
    Variant(
        "a selector without the filter",
        "realm/selector",
        HEARTBEAT,
        AGE_EXPR,
        "time() - duri_textfile_heartbeat_ts",
    ),
    Variant(
        "a pattern in place of the realm",
        "realm/selector",
        CANARY,
        'rollback_total{metric_realm="prod"}',
        'rollback_total{metric_realm=~"prod.*"}',
    ),
    Variant(
        "a filter by another realm",
        "realm/selector",
        LYAPUNOV,
        'mttr_seconds{metric_realm="prod"}',
        'mttr_seconds{metric_realm="prd"}',
    ),
    # reference
    Variant(
        "a metric of an older version",
        "reference/unknown-metric",
        HEARTBEAT,
        AGE_EXPR,
        'time() - duri_heartbeat_timestamp{metric_realm="prod"}',
    ),
    Variant(
        "a mistyped metric", "reference/unknown-metric", LYAPUNOV, "duri_mttr_seconds", "duri_mttr_second"
    ),
    Variant(
        "a mistyped job", "reference/unknown-job", WARNINGS, 'job="node-exporter"', 'job="node_exporter"'
    ),
    Variant(
        "a metric of the contract under a similar name",
        "reference/contract-metrics",
        HEARTBEAT,
        "record: duri_heartbeat_changes_6m",
        "record: duri_heartbeat_change_6m",
    ),
    Variant(
        "a rule that is gone",
        "reference/contract-metrics",
        DR,
        "record: duri_dr_success_ratio_7d",
        "record: realm:duri_dr_success:ratio_7d",
    ),
    # contract
    Variant("another limit", "contract/abort-alerts", ABORT, "> 0.08", "> 0.8"),
    Variant("another time", "contract/abort-alerts", ABORT, "for: 5m", "for: 50m"),
    Variant("an abort alert without its label", "contract/abort-alerts", ABORT, "l4: abort", "l4: warning"),
    Variant(
        "an abort alert under another name",
        "contract/abort-alerts",
        ABORT,
        "alert: L4AbortHeartbeatStale",
        "alert: L4HeartbeatStale",
    ),
    Variant(
        "an abort alert that goes on after recovery",
        "contract/abort-alerts",
        ABORT,
        "for: 5m",
        "for: 5m\nkeep_firing_for: 1h",
    ),
    Variant("a warning with another limit", "contract/warning-alerts", WARNINGS, "> 720", "> 600"),
    Variant(
        "a warning that waits for something else", "contract/warning-alerts", WARNINGS, "for: 15m", "for: 5m"
    ),
    Variant(
        "a warning that was taken out",
        "contract/warning-alerts",
        WARNINGS,
        "alert: L4WarnErrorBudgetLow",
        "alert: L4WarnX",
    ),
    Variant("a warning that rolls back", "contract/abort-label", WARNINGS, "l4: warning", "l4: abort"),
    Variant(
        "a term that was dropped",
        "contract/reads",
        LYAPUNOV,
        '  0.5 * (max by (metric_realm) (duri_mttr_seconds{metric_realm="prod"}) / 300)\n+',
        "",
    ),
    Variant(
        "ok without the sequence",
        "contract/reads",
        HEARTBEAT,
        BOTH,
        f'{YOUNG}\n*\n  (source:duri_heartbeat_age_seconds{{metric_realm="prod"}} < bool 60)',
    ),
    Variant("no bound in the future", "contract/fresh-bounds", HEARTBEAT, "<= bool 30", "<= bool 300"),
    Variant("a limit ten times too long", "contract/fresh-bounds", HEARTBEAT, "< bool 120", "< bool 1200"),
    Variant(
        "the scrape's time in place of the beat's",
        "contract/fresh-bounds",
        HEARTBEAT,
        AGE_EXPR,
        'time() - timestamp(duri_textfile_heartbeat_ts{metric_realm="prod"})',
    ),
    Variant("increase in place of changes", "contract/changes-window", HEARTBEAT, "changes(", "increase("),
    Variant("sixty minutes in place of six", "contract/changes-window", HEARTBEAT, "[6m]", "[60m]"),
    Variant(
        "changes() in place of two values that differ",
        "contract/changes-window",
        HEARTBEAT,
        BOTH,
        f"{YOUNG}\n*\n  ({CHANGES_EXPR} > bool 0)",
    ),
    # constant
    Variant("a fallback that says all is well", "constant/without-data", HEARTBEAT, "vector(0)", "vector(1)"),
    Variant("a constant in place of a metric", "constant/without-data", HEARTBEAT, STALL_EXPR, "vector(0)"),
    Variant(
        "no fallback on the heartbeat",
        "constant/without-data",
        HEARTBEAT,
        f"{textwrap.indent(OK_EXPR, '  ')}\nor on ()\n  vector(0)",
        OK_EXPR,
    ),
    Variant(
        "a fallback on another metric",
        "constant/without-data",
        DR,
        'realm_le:duri_dr_restore_time_seconds_bucket:increase_7d{metric_realm="prod", le="+Inf"} > 0',
        'realm_le:duri_dr_restore_time_seconds_bucket:increase_7d{metric_realm="prod", le="+Inf"} > 0\n'
        "or on () vector(1)",
    ),
    Variant(
        "presence in place of a value",
        "constant/without-data",
        HEARTBEAT,
        STALL_EXPR,
        'absent(duri_heartbeat_ok{metric_realm="prod"})',
    ),
    Variant(
        "a constant through another rule",
        "constant/without-data",
        LYAPUNOV,
        'sum by (metric_realm) (increase(duri_ev_created_total{metric_realm="prod"}[1h]))',
        "vector(0)",
    ),
    Variant(
        "a default for one input",
        "constant/missing-input",
        LYAPUNOV,
        'max by (metric_realm) (duri_alert_rate_per_hour{metric_realm="prod"}) / 10',
        '(max by (metric_realm) (duri_alert_rate_per_hour{metric_realm="prod"}) or on () vector(0)) / 10',
    ),
    Variant("a value times zero", "constant/unmeasured", LYAPUNOV, UPTIME_EXPR, f"{UPTIME_EXPR} * 0 + 1"),
    Variant(
        "group() in place of max()",
        "constant/unmeasured",
        HEARTBEAT,
        OK_EXPR,
        OK_EXPR.replace("max by", "group by"),
    ),
    Variant(
        "clamped to one value", "constant/unmeasured", LYAPUNOV, UPTIME_EXPR, f"clamp_min({UPTIME_EXPR}, 1)"
    ),
    Variant(
        "a scalar of a series that may be missing",
        "constant/scalar",
        HEARTBEAT,
        STALL_EXPR,
        '1 - vector(scalar(duri_heartbeat_ok{metric_realm="prod"}))',
    ),
    # value
    Variant(
        "a recorded filter",
        "value/bool-missing",
        HEARTBEAT,
        STALL_EXPR,
        'duri_heartbeat_ok{metric_realm="prod"} == 0',
    ),
    Variant(
        "and of two filters",
        "value/bool-missing",
        HEARTBEAT,
        f'  source:duri_heartbeat_fresh:bool{{metric_realm="prod"}}\n*\n  {MOVING}',
        '  source:duri_heartbeat_fresh:bool{metric_realm="prod"} > 0\n'
        'and\n  source:duri_heartbeat_changes:count_6m{metric_realm="prod"} > 0',
    ),
    Variant("a product with a filter", "value/comparison-as-value", HEARTBEAT, "< bool 120", "< 120"),
    Variant(
        "the average of a filter",
        "value/comparison-as-value",
        LYAPUNOV,
        UPTIME_EXPR,
        'avg_over_time((duri_heartbeat_ok{metric_realm="prod"} == 1)[24h:30s])',
    ),
    Variant(
        "half a yes",
        "value/boolean-as-number",
        WARNINGS,
        'node_textfile_scrape_error{metric_realm="prod"} > 0',
        'node_textfile_scrape_error{metric_realm="prod"} > 0.5',
    ),
    Variant(
        "a yes or no taken for a time",
        "value/boolean-as-number",
        HEARTBEAT,
        STALL_EXPR,
        'time() - duri_heartbeat_ok{metric_realm="prod"}',
    ),
    Variant(
        "changes of a yes or no",
        "value/boolean-as-number",
        HEARTBEAT,
        CHANGES_EXPR,
        'changes(duri_heartbeat_fresh_120s{metric_realm="prod"}[6m])',
    ),
    Variant(
        "a yes or no divided",
        "value/boolean-as-number",
        LYAPUNOV,
        f"(1 - {UPTIME_EXPR})",
        '(duri_heartbeat_stall{metric_realm="prod"} / 300)',
    ),
    Variant(
        "and between 0 and 1",
        "value/set-operator-as-logic",
        HEARTBEAT,
        f'  source:duri_heartbeat_fresh:bool{{metric_realm="prod"}}\n*\n  {MOVING}',
        f'  source:duri_heartbeat_fresh:bool{{metric_realm="prod"}}\nand\n  {MOVING}',
    ),
    Variant(
        "or between 0 and 1",
        "value/set-operator-as-logic",
        HEARTBEAT,
        f'  source:duri_heartbeat_fresh:bool{{metric_realm="prod"}}\n*\n  {MOVING}',
        f'  source:duri_heartbeat_fresh:bool{{metric_realm="prod"}}\nor\n  {MOVING}',
    ),
    Variant(
        "a count where yes or no is expected",
        "value/kind",
        HEARTBEAT,
        BOTH,
        f"{YOUNG}\n*\n  {CHANGES_EXPR}",
    ),
    Variant(
        "yes or no where a count is expected",
        "value/kind",
        HEARTBEAT,
        CHANGES_EXPR,
        f"{CHANGES_EXPR} > bool 0",
    ),
    Variant("a sum of yes and no", "value/kind", HEARTBEAT, OK_EXPR, OK_EXPR.replace("max by", "sum by")),
    Variant(
        "a limit that is always met",
        "value/always-the-same",
        HEARTBEAT,
        STALL_EXPR,
        'duri_heartbeat_ok{metric_realm="prod"} >= bool 0',
    ),
    Variant(
        "both sides the same",
        "value/always-the-same",
        HEARTBEAT,
        STALL_EXPR,
        'duri_heartbeat_ok{metric_realm="prod"} != bool duri_heartbeat_ok{metric_realm="prod"}',
    ),
    # label
    Variant(
        "a series for each job",
        "label/identity",
        HEARTBEAT,
        OK_EXPR,
        OK_EXPR.replace("(metric_realm)", "(metric_realm, job)"),
    ),
    Variant(
        "every label of the source",
        "label/identity",
        HEARTBEAT,
        FRESH_EXPR,
        YOUNG,
    ),
    Variant("a fallback beside the value", "label/or-sides", HEARTBEAT, "or on ()", "or"),
    Variant(
        "two sides with other labels",
        "label/never-matches",
        LYAPUNOV,
        "max by (metric_realm) (duri_mttr_seconds",
        "max by (job) (duri_mttr_seconds",
    ),
    Variant(
        "a label that an aggregation dropped",
        "label/lost",
        DR,
        "sum by (metric_realm, le)",
        "sum by (metric_realm)",
    ),
    Variant(
        "a matcher on a label that is gone",
        "label/lost",
        BUDGET,
        'burn_rate{metric_realm="prod", window="1h"}',
        'burn_rate{metric_realm="prod", range="1h"}',
    ),
    # window
    Variant(
        "a range of two scrapes",
        "window/too-short",
        CANARY,
        'rollback_total{metric_realm="prod"}[15m]',
        'rollback_total{metric_realm="prod"}[30s]',
    ),
    Variant("increase of a gauge", "window/function", HEARTBEAT, "changes(", "increase("),
    Variant(
        "the average of a counter",
        "window/function",
        LYAPUNOV,
        "increase(duri_ev_created_total",
        "avg_over_time(duri_ev_created_total",
    ),
    Variant(
        "changes of a counter",
        "window/function",
        LYAPUNOV,
        "increase(duri_ev_created_total",
        "changes(duri_ev_created_total",
    ),
    Variant(
        "a ratio of lifetimes",
        "window/raw-counter",
        CANARY,
        'increase(duri_canary_rollback_total{metric_realm="prod"}[15m])',
        'duri_canary_rollback_total{metric_realm="prod"}',
    ),
    Variant(
        "a name that promises another window",
        "window/name",
        DR,
        'duri_dr_failure_total{metric_realm="prod"}[7d]',
        'duri_dr_failure_total{metric_realm="prod"}[1d]',
    ),
    # coverage
    Variant(
        "a mean over the evaluations of half an hour",
        "coverage/samples",
        BUDGET,
        'stall:observed_6m{metric_realm="prod"}[1h]) / 120',
        'stall:observed_6m{metric_realm="prod"}[1h]) / 60',
    ),
    Variant(
        "a window that a tenth of its samples will do for",
        "coverage/samples",
        BUDGET,
        'stall:observed_6m{metric_realm="prod"}[1h]) >= 60',
        'stall:observed_6m{metric_realm="prod"}[1h]) >= 12',
    ),
    Variant(
        "more samples than there are",
        "coverage/samples",
        HEARTBEAT,
        'up{metric_realm="prod", job="prometheus"}[6m]) >= 22',
        'up{metric_realm="prod", job="prometheus"}[6m]) >= 25',
    ),
    Variant(
        "a week that two samples will do for",
        "coverage/contract",
        BUDGET,
        'stall:observed_6m{metric_realm="prod"}[7d]) >= 2880',
        'stall:observed_6m{metric_realm="prod"}[7d]) >= 2',
    ),
    Variant(
        "a mean of a day that an hour will do for",
        "coverage/contract",
        LYAPUNOV,
        'created:increase_1h{metric_realm="prod"}[24h]) >= 1440',
        'created:increase_1h{metric_realm="prod"}[24h]) >= 120',
    ),
    Variant(
        "a number that no mean of the day is needed for",
        "coverage/contract",
        LYAPUNOV,
        "clamp_min(4.0 - realm:duri_ev_created:mean_24h{",
        "clamp_min(4.0 - realm:duri_ev_created:increase_1h{",
    ),
    Variant("a value of five minutes ago", "window/offset", HEARTBEAT, AGE_EXPR, f"{AGE_EXPR} offset 5m"),
    # alert
    Variant(
        "one name for two alerts",
        "alert/name-unique",
        WARNINGS,
        "alert: L4WarnDrRestoreSlow",
        "alert: L4WarnErrorBudgetLow",
    ),
    Variant("no severity", "alert/labels", WARNINGS, "severity: warning\n", ""),
    Variant(
        "a severity that no route knows", "alert/labels", ABORT, "severity: critical", "severity: Critical!"
    ),
    Variant("no next step", "alert/annotations", WARNINGS, "next_step: Read", "note: Read"),
    Variant(
        "a label that the alert does not have",
        "alert/template",
        WARNINGS,
        "description: Share spent {{ $value",
        "description: Share of {{ $labels.instance }} spent {{ $value",
    ),
    Variant(
        "an alert on a yes or no",
        "alert/always-fires",
        WARNINGS,
        'node_textfile_scrape_error{metric_realm="prod"} > 0',
        'node_textfile_scrape_error{metric_realm="prod"}',
    ),
    Variant("an alert with bool", "alert/always-fires", WARNINGS, "> 720", "> bool 720"),
    # alerting
    Variant("an Alertmanager without routes", "alerting/parse", ALERTING, "route:", "way:"),
    Variant("a torn alertmanager.yml", "alerting/parse", ALERTING, "route:", "route: ["),
    Variant(
        "aborts routed to nobody",
        "alerting/receiver",
        ALERTING,
        "webhook_configs: [{ url: http://pager:8080/on-call, send_resolved: true }]",
        "webhook_configs: []",
    ),
    Variant(
        "a receiver that is not there",
        "alerting/receiver",
        ALERTING,
        "- receiver: on-call",
        "- receiver: nobody",
    ),
    Variant(
        "a route before the others that takes everything",
        "alerting/receiver",
        ALERTING,
        "routes:",
        "routes:\n  - receiver: void",
    ),
    Variant(
        "a matcher that nobody can read",
        "alerting/receiver",
        ALERTING,
        'matchers: [l4="abort"]',
        "matchers: ['l4 is abort']",
    ),
    Variant(
        "aborts by day only",
        "alerting/muted",
        ALERTING,
        'matchers: [l4="abort"]',
        'matchers: [l4="abort"]\nactive_time_intervals: [day]',
    ),
    Variant(
        "an abort kept back by a warning",
        "alerting/inhibited",
        ALERTING,
        "receivers:",
        'inhibit_rules: [{ source_matchers: [l4="warning"], target_matchers: [\'l4=~"ab.*"\'] }]\n\nreceivers:',
    ),
    Variant(
        "an inhibition of everything",
        "alerting/inhibited",
        ALERTING,
        "receivers:",
        "inhibit_rules: [{ source_match: { severity: page }, target_match_re: { alertname: .* } }]\n\nreceivers:",
    ),
    # waiver
    Variant(
        "an exception without a reason",
        "waiver/invalid",
        CANARY,
        "- record: duri_canary_samples_15m",
        f"# l4gate-lint: disable=rules/name owner=sre {UNTIL}\n- record: duri_canary_samples_15m",
    ),
    Variant(
        "an exception from no check",
        "waiver/invalid",
        CANARY,
        "- record: duri_canary_samples_15m",
        f'# l4gate-lint: disable=rules/nmae reason="x" owner=sre {UNTIL}\n- record: duri_canary_samples_15m',
    ),
    Variant(
        "an exception for ever",
        "waiver/invalid",
        CANARY,
        "- record: duri_canary_samples_15m",
        '# l4gate-lint: disable=rules/name reason="x" owner=sre until=9999-12-31\n- record: duri_canary_samples_15m',
    ),
    Variant(
        "an exception that has ended",
        "waiver/expired",
        CANARY,
        "- record: duri_canary_samples_15m",
        '# l4gate-lint: disable=rules/name reason="x" owner=sre until=2020-01-31\n- record: duri_canary_samples_15m',
    ),
    Variant(
        "an exception for nothing",
        "waiver/unused",
        CANARY,
        "- record: duri_canary_samples_15m",
        f'# l4gate-lint: disable=rules/name reason="x" owner=sre {UNTIL}\n- record: duri_canary_samples_15m',
    ),
)
