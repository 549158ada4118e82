"""What the server counts of a rule in a fleet: how many series there are, and how many are recorded as given."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from l4gate import promql
from l4gate.programs import Promtool, host_promtool
from l4gate.rules import Recording
from l4gate.rules.model import Rule
from l4gate.settings import Settings
from l4gate.verdict.recounting import _ONE_SERIES, _counted

AT: Final = 60.0
RULE: Final = Recording(
    Rule("record", "recorded", 'max by (realm) (given{realm=~".+"})', {}), "g", frozenset()
)
CASES: Final[dict[str, tuple[dict[str, str], dict[str, str], int, int]]] = {
    # what is recorded and what is given, by realm; how many series, how many of them the same
    "the same": ({"a": "1", "b": "0"}, {"a": "1", "b": "0"}, 2, 2),
    "another value": ({"a": "1", "b": "1"}, {"a": "1", "b": "0"}, 2, 1),
    "recorded alone": ({"a": "1", "b": "0"}, {"a": "1"}, 2, 1),
    "given alone": ({"a": "1"}, {"a": "1", "b": "0"}, 2, 1),
    "another realm": ({"a": "1"}, {"b": "1"}, 2, 0),
    "infinite": ({"a": "Inf", "b": "-Inf"}, {"a": "Inf", "b": "-Inf"}, 2, 2),
    "infinite otherwise": ({"a": "Inf"}, {"a": "-Inf"}, 1, 0),
    "a rounding": ({"a": "0.30000000000000004"}, {"a": "0.3"}, 1, 1),
    "no number": ({"a": "NaN"}, {"a": "1"}, 1, 0),
}


@pytest.fixture(name="promtool", scope="module")
def _promtool(settings: Settings) -> Promtool:
    return host_promtool(settings.generation, settings.cache_dir)


@pytest.mark.parametrize("case", CASES)
def test_series_and_those_that_are_the_same_are_counted(
    case: str, tmp_path: Path, promtool: Promtool
) -> None:
    """The one number must say both counts, whatever is recorded, given, missing or no finite number."""
    recorded, given, series, same = CASES[case]
    inputs = [("recorded", recorded), ("given", given)]
    lines = [
        f"      - {{ series: '{name}{{realm=\"{realm}\"}}', values: '{value} {value} {value} {value}' }}"
        for name, values in inputs
        for realm, value in values.items()
    ]
    expression = promql.to_text(_counted(RULE, AT))
    expected = f"{series * _ONE_SERIES + same:.0f}"
    test = tmp_path / "count_test.yml"
    test.write_text(
        "\n".join(
            [
                "rule_files: []",
                "evaluation_interval: 30s",
                "tests:",
                "  - interval: 30s",
                "    input_series:",
                *lines,
                "    promql_expr_test:",
                f"      - expr: '{expression}'",
                "        eval_time: 1m",
                f"        exp_samples: [{{ labels: '{{}}', value: {expected} }}]",
            ]
        )
    )

    result = promtool.run("test", "rules", test.name, folder=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
