"""The rule set of a fleet passes the check before it goes live, and a fault in it is refused as one of a realm is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from l4gate.base import OperationRefused
from l4gate.contract import Pace, load_contract
from l4gate.operations.checking import check
from l4gate.operations.configuration import read_configuration
from l4gate.programs import Promtool, host_promtool
from l4gate.rules import render
from l4gate.settings import Settings

SOURCE: Final = Path("prometheus")
REALMS: Final = ("eu-1", "prod", "eu-2")


@pytest.fixture(name="promtool")
def _promtool(settings: Settings) -> Promtool:
    return host_promtool(settings.generation, settings.cache_dir)


@pytest.mark.parametrize("factor", [1, 60])
def test_fleet_is_linted_as_the_realm_that_it_was_made_from(
    factor: float, tmp_path: Path, promtool: Promtool
) -> None:
    """A rendered fleet must pass, and with a threshold changed it must be refused with the name of the rule."""
    pace = Pace(factor, load_contract(SOURCE))
    render(SOURCE, tmp_path, factor=factor, realms=REALMS, addresses={})

    check(read_configuration(tmp_path), promtool, live_dir=tmp_path, pace=pace, realms=REALMS)

    path = tmp_path / "rules/abort.rules.yml"
    path.write_text(path.read_text().replace("> 0.3", "> 0.9"))
    with pytest.raises(OperationRefused, match="L4AbortLyapunovHigh"):
        check(read_configuration(tmp_path), promtool, live_dir=tmp_path, pace=pace, realms=REALMS)
