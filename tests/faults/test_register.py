"""Claims about the register of faults that need no stack."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from l4gate.faults.register import FAULTS
from l4gate.faults.table import page
from l4gate.verdict import Stage, Verdict

ROOT = Path(__file__).parents[2]


def test_at_least_fifty_faults_of_every_stage() -> None:
    """At least 50 faults MUST be there, with every stage of the data path among them."""
    stages = Counter(fault.stage for fault in FAULTS)

    assert len(FAULTS) >= 50
    assert set(stages) == set(Stage)


def test_ids_are_unique() -> None:
    """Every id MUST name one fault."""
    repeated = [fault_id for fault_id, count in Counter(fault.id for fault in FAULTS).items() if count > 1]

    assert not repeated


def test_what_is_expected_is_whole() -> None:
    """A fault that is not GO MUST have a cause, `stage/code`; a GO none."""
    for fault in FAULTS:
        assert (fault.verdict is Verdict.GO) == (not fault.cause), fault.id
        for cause in (fault.cause, *fault.also, *fault.warnings):
            assert not cause or Stage[cause.partition("/")[0].upper()] in Stage, fault.id


def test_page_is_generated_from_the_register() -> None:
    """docs/faults.md MUST be what `l4gate faults list --markdown` prints."""
    assert (ROOT / "docs" / "faults.md").read_text() == page(FAULTS)
