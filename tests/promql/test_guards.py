"""What promtool does not notice about its own tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from l4gate.rules import all_rules, load_rules
from tests.support.promtool_tests import load_test_files
from tests.support.rule_coverage import (
    COVERAGE_FILE,
    load_reasons,
    named_windows,
    problems,
    table,
)

if TYPE_CHECKING:
    from l4gate.settings import Settings

pytestmark = pytest.mark.promql_unit
HERE = Path(__file__).parent


def test_every_rule_is_tested_in_every_situation_or_has_a_reason(settings: Settings) -> None:
    """There must be no rule without tests, expectation about no rule, "nothing" without a control, foreign interval."""
    found = list(
        problems(load_rules(settings.config_dir), load_test_files(HERE), load_reasons(HERE / COVERAGE_FILE))
    )

    assert found == []


def test_the_table_has_a_line_for_every_rule(settings: Settings) -> None:
    """What `python -m tests.support.rule_coverage` prints must have one line for each rule, and no cell missing."""
    groups = load_rules(settings.config_dir)
    shown = table(groups, load_test_files(HERE), load_reasons(HERE / COVERAGE_FILE))

    assert re.findall(r"^\| `([^`]+)` \|", shown, re.MULTILINE) == [rule.name for rule in all_rules(groups)]
    assert "MISSING" not in shown


def test_names_say_the_windows_that_are_looked_at(settings: Settings) -> None:
    """A rule whose name ends in a window, or a branch labelled with one, must have ranges of exactly that window."""
    windows = list(named_windows(load_rules(settings.config_dir)))

    assert windows
    assert [each for each in windows if each.named != each.looked_at] == []
