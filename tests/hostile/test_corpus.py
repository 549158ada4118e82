"""Every command against a part of the corpus; all of it is for `make hostile`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.__main__ import table
from tests.hostile.running import DEADLINE, ROOM, VERBS, Case, Outcome, cases_of, run_all, what_is_wrong
from tests.hostile.servers import PASSWORD, TOKEN

INPUTS = 150  # of each verb, at least
SAMPLE = 2  # of each verb, for every commit


@pytest.mark.parametrize("verb", VERBS)
def test_there_are_enough_inputs(verb: str) -> None:
    """Each verb must meet so many inputs, each under a name of its own."""
    cases = VERBS[verb][0]

    assert len(cases) >= INPUTS
    assert len(set(cases)) == len(cases)


@pytest.mark.alone
def test_nothing_hostile_does_harm(tmp_path: Path) -> None:
    """Every command must end in time and in words: no traceback, signal, secret or control character."""
    # A reload that a server does not prove is waited for; those that the files refuse are not.
    outcomes = run_all([verb for verb in VERBS if verb != "reload"], tmp_path, sample=SAMPLE)
    outcomes += run_all(["reload"], tmp_path, case="prometheus.yml", sample=SAMPLE)

    assert len(outcomes) >= SAMPLE * len(VERBS)
    wrong = [f"{each.verb} against {each.case}: {sorted(each.wrong)}" for each in outcomes if each.wrong]
    assert wrong == [], table(outcomes)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("traceback", {"said": "Traceback (most recent call last):\n"}),
        ("traceback", {"said": "thread '<unnamed>' panicked at src/lib.rs\n"}),
        ("signal", {"code": -11}),
        ("late", {"seconds": DEADLINE + ROOM + 0.1}),
        ("secret", {"said": f"token {TOKEN}."}),
        ("secret", {"written": PASSWORD}),
        ("control", {"said": "\x1b[31mred"}),
        ("control", {"said": "\u202etxt.exe"}),
        ("memory", {"megabytes": 401}),
        ("code", {"code": 0}),
        ("code", {"code": 3}),
    ],
)
def test_each_harm_is_seen(kind: str, changes: dict[str, object]) -> None:
    """The corpus must be able to fail: each harm alone must be found, and without it none."""
    fine = {"code": 10, "seconds": 0.1, "megabytes": 50, "said": "HOLD\n\tfine\n"}

    def found(ended: dict[str, object]) -> frozenset[str]:
        return what_is_wrong(Case([]), **ended)  # type: ignore[arg-type]

    assert found(fine) == frozenset()
    assert found({**fine, **changes}) == {kind}


def test_a_sample_is_spread_over_all_inputs() -> None:
    """A sample must take the first and later ones of each verb, and the whole must take them all."""
    verbs = list(VERBS)
    whole, part = cases_of(verbs), cases_of(verbs, sample=SAMPLE)

    assert len(whole) == sum(len(cases) for cases, _ in VERBS.values())
    for verb in verbs:
        mine = [case for each, case in part if each == verb]
        assert SAMPLE <= len(mine) <= 2 * SAMPLE
        assert VERBS[verb][0].index(mine[-1]) >= len(VERBS[verb][0]) // 2


def test_the_table_has_a_line_for_each_verb() -> None:
    """The table must count inputs and harms of each verb, with the longest time and the most memory."""
    outcomes = [
        Outcome("lint", "a", -9, 2.0, 50, frozenset({"signal"})),
        Outcome("lint", "b", 10, 0.1, 70, frozenset()),
    ]

    (row,) = table(outcomes).splitlines()[1:]
    assert row.split() == ["lint", "2", "0", "1", "0", "0", "0", "0", "2.0", "s", "70", "MB"]
