"""
The promtool tests of the rules, translated for vmalert-tool, which evaluates them as VictoriaMetrics and vmalert do.

Translated at every run and never kept: another name for one field, the group of each alert named, and the numbers
compared here, since vmalert-tool compares them to the last digit and VictoriaMetrics keeps twelve.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from l4gate.base import RuleError, parse_duration
from l4gate.machine import environment_of, scratch
from l4gate.programs import Program, release_of
from l4gate.rules import RuleGroup, load_rules
from tests.support.promtool_tests import TestFile

_CLOSE: Final = 1e-9  # VictoriaMetrics keeps numbers as decimals of 12 to 15 digits
_TIMEOUT_SECONDS: Final = 240.0  # the longest, histories of 20 h, takes 27 s
_READS_NAN_SINCE: Final = (1, 145)  # that of Debian sid; 1.112 of trixie refuses NaN and Inf among the values
_NOT_FINITE: Final = re.compile(r"\b(?:NaN|Inf)\b")
_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_NUMBER: Final = " # case "  # a comment in MetricsQL, by which an answer says what it is of
_EXPRESSION: Final = re.compile(
    rf"expr: ({_STRING}), time: \S+?,\s*(?:exp: (.*)\n\s+got: (.*)|(err: .*))", re.ASCII
)
_ALERT: Final = re.compile(
    r"testGroupName: (\d+),\s+groupname: (\S+), alertname: (\S+), time: (\S+?),\s+exp:(.*?),\s+got:(.*?)"
    r"(?=\s+testGroupName: |\s+expr: |\] \d{4}/|\Z)",
    re.DOTALL,
)
_SAMPLE: Final = re.compile(rf'(\{{(?:[^"}}]|{_STRING})*\}}) ([^\s,\]]+)')


@dataclass(frozen=True)
class Difference:
    """An expectation of a promtool test that vmalert-tool does not find met: of what, and both sides."""

    group: str
    what: str
    eval_time: str
    expected: str
    found: str

    def __str__(self) -> str:
        """What is looked at, and when."""
        return f"{self.what} at {self.eval_time}"

    @property
    def values(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The numbers that were expected and found, in the order of their labels."""
        expected, found = _samples(self.expected), _samples(self.found)
        return tuple(expected.values()), tuple(found.values())


def differences(file: TestFile, config_dir: Path, tool: Program) -> tuple[Difference, ...]:
    """
    Runs a promtool test file through vmalert-tool, against the rules in a configuration folder.

    Raises:
        RuleError: if vmalert-tool fails for anything but an expectation, with what it says.
    """
    groups = load_rules(config_dir)
    document = _readable(file, tool)
    with scratch("vmalert-tool") as folder:
        (folder / file.path.name).write_text(translated(document, file.rule_files, groups, config_dir))
        done = subprocess.run(
            [tool.path, "unittest", "--files", str(folder / file.path.name)],
            env={**os.environ, **environment_of(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    output = done.stdout + done.stderr
    found, told = [], 0
    for difference in _told(output, document):
        told += 1
        if not _alike(difference):
            found.append(difference)
    if bool(told) is not bool(done.returncode) or (not told and "SUCCESS" not in output):
        message = (
            f"{file.path}: expected an answer to every expectation, found {done.returncode}: {output[-2000:]}"
        )
        raise RuleError(message)
    return tuple(found)


def left_out(file: TestFile, tool: Program) -> frozenset[str]:
    """The names of the tests in a file that have values which this vmalert-tool cannot read."""
    read = {test["name"] for test in _readable(file, tool)["tests"]}
    return frozenset(group.name for group in file.groups) - read


def _readable(file: TestFile, tool: Program) -> dict[str, Any]:
    """What a vmalert-tool can read of a test file, all its scalars as text."""
    found: dict[str, Any] = yaml.load(file.document.text, Loader=yaml.BaseLoader)  # noqa: S506 - makes only text
    if release_of(tool.version) < _READS_NAN_SINCE:
        found["tests"] = [
            test
            for test in found["tests"]
            if not any(_NOT_FINITE.search(each["values"]) for each in test.get("input_series", ()))
        ]
    return found


def translated(
    document: Mapping[str, Any], rule_files: tuple[str, ...], groups: tuple[RuleGroup, ...], config_dir: Path
) -> str:
    """A promtool test file, all its scalars as text, as vmalert-tool reads it; groups in the order of the files."""
    loaded = {str(Path(group.file).name): group for group in groups}
    used = [loaded[Path(name).name] for name in rule_files]
    group_of = {rule.name: group.name for group in used for rule in group.rules if rule.kind == "alert"}
    made = {
        "rule_files": [str((config_dir / name).resolve()) for name in rule_files],
        "evaluation_interval": document["evaluation_interval"],
        "group_eval_order": [group.name for group in used],
        "tests": [_test(number, test, group_of) for number, test in enumerate(document["tests"])],
    }
    return yaml.safe_dump(made, sort_keys=False, width=10_000)


def _test(number: int, test: Mapping[str, Any], group_of: Mapping[str, str]) -> dict[str, Any]:
    made = {
        "name": str(number),
        "interval": test["interval"],
        "input_series": list(test.get("input_series", ())),
        "metricsql_expr_test": [
            {
                "expr": f"{case['expr']}{_NUMBER}{number}.{index}",
                "eval_time": case["eval_time"],
                "exp_samples": [_sample(each, group_of) for each in case["exp_samples"]],
            }
            for index, case in enumerate(test.get("promql_expr_test", ()))
        ],
        "alert_rule_test": [
            {**case, "groupname": group_of[case["alertname"]]} for case in test.get("alert_rule_test", ())
        ],
    }
    return {key: value for key, value in made.items() if value}


def _sample(sample: Mapping[str, str], group_of: Mapping[str, str]) -> dict[str, Any]:
    labels = "" if sample["labels"] == "{}" else sample["labels"]
    alert = re.match(r'ALERTS\{alertname="(\w+)"', labels)
    if alert:  # vmalert names the group in every alert
        labels = labels.replace("ALERTS{", f'ALERTS{{alertgroup="{group_of[alert[1]]}", ', 1)
    return {"labels": labels, "value": float(sample["value"].replace(".inf", "inf"))}


def _told(output: str, document: Mapping[str, Any]) -> Iterator[Difference]:
    """What vmalert-tool found to be otherwise, as it says it."""
    tests = document["tests"]
    for match in _EXPRESSION.finditer(output):
        expr = json.loads(match[1])
        number, index = map(int, expr.rpartition(_NUMBER)[2].split("."))
        case = tests[number]["promql_expr_test"][index]
        yield Difference(
            tests[number]["name"], case["expr"], case["eval_time"], match[2] or "", match[3] or match[4]
        )
    for match in _ALERT.finditer(output):
        test, alert, at = tests[int(match[1])], match[3], parse_duration(match[4])
        (time,) = {
            case["eval_time"]
            for case in test["alert_rule_test"]
            if case["alertname"] == alert and parse_duration(case["eval_time"]) == at
        }
        yield Difference(test["name"], alert, time, match[5], match[6])


def _alike(difference: Difference) -> bool:
    """Whether the two sides differ in digits alone that VictoriaMetrics does not keep."""
    expected, found = _samples(difference.expected), _samples(difference.found)
    return (
        bool(expected)
        and expected.keys() == found.keys()
        and all(math.isclose(expected[labels], found[labels], rel_tol=_CLOSE) for labels in expected)
    )


def _samples(text: str) -> dict[str, float]:
    return {labels: float(value) for labels, value in sorted(_SAMPLE.findall(text))}
