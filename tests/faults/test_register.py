"""Claims about the register of faults that need no stack."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from fixtures.catalogue import FAULTS
from l4gate.base import Verdict
from l4gate.cli import main
from l4gate.faults.model import Liar
from l4gate.verdict import Stage


def test_at_least_fifty_faults_of_every_stage() -> None:
    """At least 50 faults must be there, with every stage of the data path among them."""
    stages = Counter(fault.stage for fault in FAULTS)

    assert len(FAULTS) >= 50
    assert set(stages) == set(Stage)


def test_ids_are_unique() -> None:
    """Every id must name one fault."""
    repeated = [fault_id for fault_id, count in Counter(fault.id for fault in FAULTS).items() if count > 1]

    assert not repeated


def test_what_is_expected_is_whole() -> None:
    """A fault that is not GO must have a cause, `stage/code`; a GO none."""
    for fault in FAULTS:
        assert (fault.verdict is Verdict.GO) == (not fault.cause), fault.id
        for cause in (fault.cause, *fault.also, *fault.warnings):
            assert not cause or Stage[cause.partition("/")[0].upper()] in Stage, fault.id


def test_no_lie_makes_a_go_or_an_abort() -> None:
    """No lie must be expected to make a GO of what is broken, or an ABORT of a service that is healthy."""
    lies = [fault for fault in FAULTS if fault.lie]

    assert not [fault.id for fault in lies if fault.lie and fault.lie.achieves(fault.verdict) is Verdict.GO]
    assert not [
        fault.id for fault in lies if fault.lie and fault.lie.achieves(fault.verdict) is Verdict.ABORT
    ]
    assert not [
        fault.id for fault in lies if fault.lie and fault.lie.healthy and fault.verdict is Verdict.ABORT
    ]
    assert not [
        fault.id for fault in lies if fault.lie and not fault.lie.healthy and fault.verdict is Verdict.GO
    ]


def test_every_liar_is_heard_in_both_directions() -> None:
    """Everybody who can lie must be in the register, and somebody who hides what is broken and who feigns it."""
    lies = [fault.lie for fault in FAULTS if fault.lie]

    assert {lie.by for lie in lies} == set(Liar)
    assert {(lie.says, lie.healthy) for lie in lies} >= {(Verdict.GO, False), (Verdict.ABORT, True)}


@pytest.mark.parametrize(
    "arguments",
    [
        ("inject", "writer/died", "--url", "http://127.0.0.1:9"),
        ("inject", "writer/no-such-fault"),
        ("inject",),
        ("list", "writer/died"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """A URL, an unknown id or a missing one must be a usage error (exit 2) before anything is started."""
    assert main(["faults", *arguments]) == 2
    assert capsys.readouterr().err.startswith("l4gate: ")


def test_list_as_json_is_the_register(capsys: pytest.CaptureFixture[str]) -> None:
    """`l4gate faults list --json` must print every fault of the register."""
    assert main(["faults", "list", "--json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == [fault.id for fault in FAULTS]
