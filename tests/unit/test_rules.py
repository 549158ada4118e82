"""Rule files read strictly, with the place of everything; rules compared by what they mean."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.contract import CONTRACT
from l4gate.base import ApiBadAnswer, RuleError
from l4gate.promql import Number, walk
from l4gate.rules import (
    RuleGroup,
    diff_rules,
    groups_from_api,
    load_rule_file,
    load_rules,
    parse_rule_text,
    rules_hash,
    rules_in,
)
from l4gate.settings import repository_config_dir

RULES = """\
groups:
  - name: g
    interval: 30s
    rules:
      - record: r
        expr: |
          # why
          sum by (b, a) (
            x{realm="prod"} > 120
          )
        labels: {realm: prod}
      - alert: A
        expr: r{realm="prod"} != 1
        for: 5m
        labels: {l4: abort, n: 5}
        annotations: {summary: something}
"""


def groups(text: str = RULES) -> tuple[RuleGroup, ...]:
    return parse_rule_text(text, "f.yml")


BAD_FILES = [
    ("", "f.yml:1:1: expected a YAML document, found an empty file."),
    ("groups: []\n", "f.yml:1:9: expected at least one group, found none."),
    ("rules: []\n", "f.yml:1:1: expected one of the keys groups, found 'rules'."),
    ("groups: {\n", "f.yml:2:1: expected one YAML document, found: did not find expected node content"),
    (
        RULES.replace("interval", "intervall"),
        "f.yml:3:5: expected one of the keys name, interval, limit, rules, found",
    ),
    (
        RULES.replace("for: 5m", "fro: 5m"),
        "f.yml:14:9: expected one of the keys alert, expr, for, keep_firing_for",
    ),
    (
        RULES.replace("record: r", "record: r\n        for: 5m"),
        "f.yml:6:9: expected one of the keys record, expr",
    ),
    (RULES.replace("for: 5m", "expr: up"), "f.yml:14:9: expected each key once, found 'expr' a second time."),
    (RULES.replace("for: 5m", "for: 5"), "f.yml:14:14: expected a Prometheus duration"),
    (RULES.replace("for: 5m", "for:"), "f.yml:14:13: expected a text, found nothing."),
    (
        RULES.replace("alert: A", "alert: A\n        record: B"),
        "f.yml:12:9: expected a rule with either record or alert",
    ),
    (RULES + RULES[8:], "f.yml:17:5: expected each group name once, found 'g' a second time."),
    (RULES.replace("!= 1", "!= = 1"), "f.yml:13:15: expected PromQL, found a fault"),
    (RULES.replace("> 120", "> foo(120)"), "f.yml:9:31: expected PromQL, found a fault (unknown function"),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_bad_file_is_refused_with_its_place(text: str, message: str) -> None:
    """What Prometheus would misread, or we would, must be refused with file, line and column."""
    with pytest.raises(RuleError) as caught:
        groups(text)

    assert message in str(caught.value)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A rule file that is not there, or a folder without any, must not count as no rules."""
    with pytest.raises(RuleError, match="expected a readable rule file"):
        load_rule_file(tmp_path / "a.rules.yml")
    with pytest.raises(RuleError, match="found none"):
        load_rules(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.rules.yml").write_text(RULES)
    (tmp_path / "rules" / "b.rules.yml").symlink_to("gone")
    with pytest.raises(RuleError, match=r"b\.rules\.yml: expected a readable rule file"):
        load_rules(tmp_path)


def test_rules_at_hand_are_those_in_a_folder(tmp_path: Path) -> None:
    """Files that are at hand must be the same rules as in a folder, whatever the order, and others be passed over."""
    files = {
        "rules/b/c.rules.yml": RULES.replace("name: g", "name: c").encode(),
        "targets/x.rules.yml": b"[",
        "rules/notes.yml": b"[",
        "rules/a.rules.yml": RULES.replace("    interval: 30s\n", "").encode(),
        "prometheus.yml": b"global: {evaluation_interval: 20s}\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    found = rules_in(files, folder=tmp_path)

    assert found == load_rules(tmp_path)
    assert [group.file for group in rules_in(files)] == ["rules/a.rules.yml", "rules/b/c.rules.yml"]
    assert found[0].interval_seconds == 20
    with pytest.raises(RuleError, match=r"^rules/a\.rules\.yml: expected a readable rule file"):
        rules_in({"rules/a.rules.yml": b"\xff"})


STYLES = [
    "a +\n          {quoted} +\n\n          b_c",
    "|\n          # comment\n          a +\n\n            {quoted} + b_c",
    "|2-\n            a +\n          {quoted} + b_c",
    ">-\n          a\n          + {quoted}\n\n          + b_c",
    "'a + {single} + b_c'",
    '"a + {double} +\\n \\\n          b_c +\n\n          d"',
    "&anchor a + {quoted}",
    "!!str a + {quoted}",
]


@pytest.mark.parametrize("style", STYLES)
def test_every_character_has_its_place(style: str) -> None:
    """In every YAML style, line and column of a character must lead to that character in the file."""
    expr = style.format(quoted='x{l="é#"}', single="x{l=''q''}", double='x{l=\\"\\\\\\\\d\\"}')
    text = f"groups:\n  - name: g\n    rules:\n      - record: r\n        expr: {expr}\n        labels: {{a: b}}\n"
    lines = text.split("\n")
    (rule,) = groups(text)[0].rules

    for offset, char in enumerate(rule.expr):
        line, column = rule.position(offset)
        found = lines[line - 1][column - 1 :][:1]
        assert char.isspace() or found in (char, "\\"), f"{char!r} at {line}:{column} is {found!r}"


def test_positions_of_a_rule() -> None:
    """A rule must know where it and its keys stand, and where a part of its expression stands."""
    rule = groups()[0].rules[0]
    (number,) = [node for node in walk(rule.tree) if isinstance(node, Number)]

    assert rule.line == 5
    assert rule.position(rule.tree.span.start) == (8, 11)
    assert rule.position(number.span.start) == (9, 31)
    assert groups()[0].rules[1].lines["labels.l4"] == 15


def test_interval_comes_from_the_config(tmp_path: Path) -> None:
    """A group without an interval must get the global one, else Prometheus' default of a minute."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.rules.yml").write_text(RULES.replace("    interval: 30s\n", ""))

    assert load_rules(tmp_path)[0].interval_seconds == 60
    (tmp_path / "prometheus.yml").write_text("global: {evaluation_interval: 20s}\n")
    assert load_rules(tmp_path)[0].interval_seconds == 20


SAME = [
    RULES.replace("# why", "# because"),
    RULES.replace("sum by (b, a) (", "sum by (a, b) ((").replace("120\n          )", "120.0\n          ))"),
    RULES.replace("for: 5m", "for: 300s"),
    RULES.replace("{l4: abort, n: 5}", "{n: '5', l4: abort}"),
    RULES.replace("something", "else"),
]
CHANGES = [
    (RULES.replace("120", "121"), '+    expr: sum by (a, b) (x{realm="prod"} > 121)'),
    (RULES.replace("for: 5m", "for: 4m59s"), "+    for: 4m59s"),
    (RULES.replace("for: 5m", "keep_firing_for: 5m"), "+    keep_firing_for: 5m"),
    (RULES.replace("l4: abort, n", "l4: warn, n"), '+    labels: l4="warn", n="5"'),
    (RULES.replace("interval: 30s", "interval: 1m"), "+group g, every 1m"),
    (RULES.replace("interval: 30s", "interval: 30s\n    limit: 3"), "+group g, every 30s, limit 3"),
    (RULES.replace("alert: A", "alert: B"), "+  alert B"),
    (RULES.replace("record: r", "record: q"), "+  record q"),
    (RULES.replace("name: g", "name: h"), "+group h, every 30s"),
    (RULES + "      - {record: s, expr: up}\n", "+  record s"),
    (RULES.replace("      - alert: A", "      - {record: s, expr: up}\n      - alert: A"), "+  record s"),
]


@pytest.mark.parametrize("text", SAME)
def test_same_meaning_is_equal(text: str) -> None:
    """Rules that mean the same must have the same hash and no difference."""
    assert diff_rules(groups(), groups(text)) == ""
    assert rules_hash(groups()) == rules_hash(groups(text))


@pytest.mark.parametrize(("text", "line"), CHANGES)
def test_change_is_shown(text: str, line: str) -> None:
    """Anything that changes what rules do must change the hash and stand in the difference."""
    assert line in diff_rules(groups(), groups(text)).splitlines()
    assert rules_hash(groups()) != rules_hash(groups(text))


def test_missing_and_extra_groups_differ() -> None:
    """A group that only one side has must be a difference, whichever side it is."""
    assert diff_rules(groups(), ()) != ""
    assert diff_rules((), groups()) != ""
    assert diff_rules(groups(), groups() * 2) != ""


def test_order_of_groups_is_no_difference() -> None:
    """Groups run independently, so their order must not matter; rules run in order, so theirs must."""
    one, other = groups()[0], replace(groups()[0], name="h")
    turned = replace(one, rules=one.rules[::-1])

    assert diff_rules((one, other), (other, one)) == ""
    assert diff_rules((one,), (turned,)) != ""


FOREIGN = "groups: [{name: theirs, rules: [{record: up_count, expr: count(up)}]}]"


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        (FOREIGN, True),
        (FOREIGN.replace("up_count", "duri_heartbeat_ok"), False),
        (FOREIGN.replace("count(up)", "count(duri_heartbeat_ok)"), False),
        (FOREIGN.replace("count(up)", "'count({__name__=~\"d.*\"})'"), False),
        (FOREIGN.replace("expr:", "labels: {l4: abort}, expr:"), False),
        (FOREIGN.replace("record: up_count", "alert: A"), False),
        (FOREIGN.replace("theirs", "g"), False),
    ],
)
def test_foreign_groups(text: str, ignored: bool) -> None:
    """By default every group counts; "ignore" must leave out only what neither makes nor uses anything of ours."""
    loaded = (*groups(), *groups(text))

    assert diff_rules(groups(), loaded) != ""
    assert (diff_rules(groups(), loaded, only_of=CONTRACT) == "") is ignored


@pytest.mark.parametrize(
    ("expr", "ignored"),
    [
        ("+".join(["up"] * 900), True),
        ("future_function(up)", True),
        ("+".join([*["up"] * 900, "duri_heartbeat_ok"]), False),
        ("future_function(duri_heartbeat_ok)", False),
        ('future_function({"duri_heartbeat_ok"})', False),
        (r'future_function({"\x64uri_heartbeat_ok"})', False),
        ('future_function({__name__=~"d.*"})', False),
    ],
)
def test_foreign_expressions_that_are_not_understood(expr: str, ignored: bool) -> None:
    """What is too much for us or of a later version must be let be only if no word in it can be a name of ours."""
    rule = replace(groups(FOREIGN)[0].rules[0], expr=expr)
    loaded = (*groups(), RuleGroup("theirs", 30.0, (rule,)))

    assert diff_rules(groups(), loaded) != ""
    assert (diff_rules(groups(), loaded, only_of=CONTRACT) == "") is ignored


def test_unknown_expression_on_the_server_differs() -> None:
    """An expression that our parser does not know must differ, and never stop the comparison."""
    rule = replace(groups()[0].rules[0], expr="future_function(x)")
    loaded = (replace(groups()[0], rules=(rule, *groups()[0].rules[1:])),)

    assert '+    expr: (not understood) "future_function(x)"' in diff_rules(groups(), loaded).splitlines()


@pytest.mark.parametrize("data", [{}, {"groups": None}, {"groups": [{}]}, {"groups": "x"}, {"groups": [[1]]}])
def test_other_answers_are_refused(data: Any) -> None:
    """An answer that is not a list of rule groups must be an error, not an empty list."""
    with pytest.raises(ApiBadAnswer, match="expected rule groups"):
        groups_from_api(data)


def test_every_abort_input_is_missed() -> None:
    """A person must be told of each metric that an abort watches and that is missing, by the name of the metric."""
    (rule,) = (
        rule
        for group in load_rules(repository_config_dir())
        for rule in group.rules
        if rule.name == "L4WarnAbortInputMissing"
    )
    wanted = {each.metric for each in CONTRACT.abort.conditions}

    assert set(re.findall(r"absent\(\s*(\w+)\{", rule.expr)) == wanted
    assert set(re.findall(r'"metric", "(\w+)"', rule.expr)) == wanted
