"""
The rules mean the same on VictoriaMetrics and vmalert: their promtool tests, translated, pass there as well.

What that engine defines otherwise is listed with its reason and its size in vmalert_differences.yml, and nothing else
may differ. Bookworm's package has no vmalert-tool; that of trixie (1.112) listens on one port, and runs by night.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from l4gate.base import ProgramMissing
from l4gate.contract import load_contract
from l4gate.programs import Program, release_of, vmalert_tool
from l4gate.rules import all_rules, load_rules
from l4gate.settings import GENERATIONS, Settings
from tests.support.promtool_tests import LONG, TestFile, load_test_file, load_test_files
from tests.support.vmalert_tests import Difference, differences, left_out

SOURCE: Final = Path("prometheus")
CONTRACT: Final = load_contract(SOURCE)
LISTED: Final = Path(__file__).with_name("vmalert_differences.yml")
PAGE: Final = Path("docs/engines.md")
LATER: Final = "one-evaluation-later"
# What decides is held by day. These have long series, which take vmalert-tool 7 s of processor time each.
BY_NIGHT: Final = (*LONG, "watchdog_test", "error_budget_test", "warnings_test")
NEWEST: Final = GENERATIONS[-1]

Case = tuple[str, str]  # the name of a test, and an expectation of it


@dataclass(frozen=True)
class Reason:
    """Why results differ, with which releases, by how much at most, and in which cases of which test file."""

    name: str
    given: Mapping[str, Any]

    def holds_for(self, release: tuple[int, int]) -> bool:
        """Whether a release of VictoriaMetrics differs for it."""
        since, until = self.given.get("since"), self.given.get("until")
        return (since is None or release >= release_of(since)) and (
            until is None or release < release_of(until)
        )

    def cases(self, file: str) -> Iterator[Case]:
        """What differs for it in a test file."""
        for group, cases in self.given["cases"].get(file, {}).items():
            for case in cases:
                yield group, case

    def everything(self) -> Iterator[str]:
        """What is looked at, without the time, in all files."""
        for file in self.given["cases"]:
            for _group, case in self.cases(file):
                yield case.rpartition(" at ")[0]

    def allows(self, difference: Difference) -> bool:
        """Whether it differs by no more than the reason says."""
        most, added = self.given.get("most"), self.given.get("added")
        expected, found = difference.values
        if most is None and added is None:
            return True
        pairs = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
        if added is not None:
            return bool(pairs) and all(there - here == added for here, there in pairs)
        return bool(pairs) and all(abs(there - here) <= most * here for here, there in pairs)


REASONS: Final = tuple(Reason(name, given) for name, given in yaml.safe_load(LISTED.read_text()).items())


def tool_of(generation: str, settings: Settings) -> Program:
    """vmalert-tool of a Debian suite; without one there is nothing to test."""
    try:
        return vmalert_tool(generation, settings.cache_dir)
    except ProgramMissing as error:
        pytest.skip(f"vmalert-tool of generation {generation}: {error.message}")


def runs() -> Iterator[Any]:
    """Every test file with the two vmalert-tools that there are."""
    for file in load_test_files(Path("tests/promql")):
        for generation in GENERATIONS[-2:]:
            by_night = generation != NEWEST or file.path.stem.endswith(BY_NIGHT)
            yield pytest.param(
                file,
                generation,
                id=f"{file.path.stem}-{generation}",
                # the older one listens on one port, and can run only once at a time
                marks=[pytest.mark.variants, pytest.mark.xdist_group("vmalert-tool")] if by_night else [],
            )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("file", "generation"), list(runs()))
def test_nothing_differs_but_what_is_listed(file: TestFile, generation: str, settings: Settings) -> None:
    """Every expectation must be met there too, but those listed, which must differ as their reason says."""
    tool = tool_of(generation, settings)
    release, out = release_of(tool.version), left_out(file, tool)
    listed = {
        case: reason
        for reason in REASONS
        if reason.holds_for(release)
        for case in reason.cases(file.path.name)
        if case[0] not in out
    }

    found = {(each.group, str(each)): each for each in differences(file, SOURCE, tool)}

    assert {case: found[case] for case in found.keys() - listed.keys()} == {}
    assert listed.keys() - found.keys() == set(), "no longer differs: take it off the list"
    assert [each for case, each in found.items() if not listed[case].allows(each)] == []


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        pytest.param("heartbeat", "> bool\n", ">= bool\n", marks=pytest.mark.variants),
        pytest.param("heartbeat", "< bool 120", "< bool 180", marks=pytest.mark.variants),
        ("canary", "            14.5", "            1.5"),
        ("abort", "> 0.3", "> 3.0"),
    ],
)
def test_a_damaged_rule_is_noticed(
    file: str, right: str, wrong: str, tmp_path: Path, settings: Settings
) -> None:
    """A slip in a rule must show as a difference that is not listed, else these runs would prove nothing."""
    tool = tool_of(NEWEST, settings)
    folder = tmp_path / SOURCE
    shutil.copytree(SOURCE, folder)
    rules = folder / "rules" / f"{file}.rules.yml"
    assert right in rules.read_text()
    rules.write_text(rules.read_text().replace(right, wrong))
    test = load_test_file(Path(f"tests/promql/{file}_test.yml").resolve())
    listed = {case for reason in REASONS for case in reason.cases(test.path.name)}

    found = differences(test, folder, tool)

    assert {(each.group, str(each)) for each in found} - listed


def test_what_decides_is_not_on_the_list() -> None:
    """What decides must not differ, but that the mean of a day's events is known an evaluation later."""
    conditions = {each.metric for each in CONTRACT.abort.conditions}
    shares = {
        name for name, each in CONTRACT.recorded.items() if each.unit == "share" or name in CONTRACT.decisive
    }
    decisive = {*CONTRACT.decisive, *conditions, *shares} - {"duri_dr_success_ratio_7d"}
    late = Counter(name for reason in REASONS if reason.name == LATER for name in reason.everything())

    for reason in REASONS:
        if reason.name not in (LATER, "withdrawn-as-it-comes"):
            assert decisive.isdisjoint(reason.everything())
    assert decisive & late.keys() == {"duri_lyapunov_v"}


def test_the_list_is_in_the_docs() -> None:
    """The page about engines must name every rule that differs under its reason, and none besides."""
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    reasons = {reason.name for reason in REASONS}
    told = {
        (row[2].strip(), name.strip(" `"))
        for row in rows
        if row[2].strip() in reasons
        for name in row[1].split(",")
    }
    names = {rule.name for rule in all_rules(load_rules(SOURCE))}
    listed = {(reason.name, name) for reason in REASONS for name in names & set(reason.everything())}
    # Seen through ALERTS in the histories, and by the same two steps in every one of them.
    alerts = {(LATER, name) for name in names if name.startswith("L4WarnErrorBudgetBurns")}

    assert told == listed | alerts
