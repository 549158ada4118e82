"""What `make factor` measures; the measurement itself takes minutes and is the nightly job's."""

from __future__ import annotations

import pytest

from benchmarks import factor
from l4gate.settings import GATE_FACTOR


@pytest.mark.parametrize(
    ("found", "code"), [([], 0), (["run 1: HOLD in place of GO"], 1)], ids=["right", "wrong"]
)
def test_the_factor_of_the_gate_is_measured_and_judged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: list[str], code: int
) -> None:
    """Unless told otherwise it must measure the factor that the gate uses, and a wrong run at it must be exit 1."""
    asked: list[float] = []

    def trial(value: float, runs: int, stack: str) -> list[str]:
        asked.append(value)
        return found

    monkeypatch.setattr(factor, "trial", trial)

    assert factor.main(["--runs", "1", "--neighbours", "0"]) == code
    assert asked == [GATE_FACTOR]
    assert capsys.readouterr().out.startswith(f"factor {GATE_FACTOR:g}: {len(found)} of 1 runs wrong")
