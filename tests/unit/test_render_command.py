"""`l4gate render` writes what a server of other realms loads, and nothing over anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from l4gate import cli
from l4gate.contract import load_contract
from l4gate.rules import load_rules, realms_listed, rendered_rules, rules_hash

SOURCE = Path("prometheus")


def test_rendered_fleet_is_what_the_gate_expects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder must hold the rules that a judge of the same file of realms expects on the server."""
    (tmp_path / "fleet.txt").write_text("eu-1\neu-2\nus-1\n")
    code = cli.main(["render", str(tmp_path / "fleet"), "--realm", f"@{tmp_path}/fleet.txt"])

    written = load_rules(tmp_path / "fleet")
    realms = ("eu-1", "eu-2", "us-1")
    assert code == 0
    assert rules_hash(written) == rules_hash(rendered_rules(SOURCE, factor=1, realms=realms))
    assert realms_listed(written, load_contract(SOURCE)) == realms
    assert "rules for 3 realms, from eu-1 to us-1" in capsys.readouterr().out


def test_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is not empty must be refused with one sentence, and stay as it is."""
    (tmp_path / "prometheus.yml").write_text("mine")
    code = cli.main(["render", str(tmp_path), "--realm", "eu-1"])

    assert code == 2
    assert "expected a new or empty folder" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
