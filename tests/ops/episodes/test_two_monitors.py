"""Two monitors over one live configuration."""

from __future__ import annotations

import pytest

from l4gate.base import Verdict
from l4gate.operations import read_configuration
from tests.ops.episodes.conftest import MONITOR_SECONDS, OFTEN, Scene


@pytest.mark.parametrize("number", OFTEN)
def test_two_monitors_roll_back_once(scene: Scene, number: int) -> None:
    """Two monitors that see the same ABORT at once must roll back once between them."""
    scene.box.force(scene.changed)
    scene.silence()

    both = [scene.monitors.start(), scene.monitors.start()]
    said = [each.communicate(timeout=MONITOR_SECONDS)[0] for each in both]

    assert [each.returncode for each in both] == [Verdict.ABORT.exit_code] * 2, said
    assert read_configuration(scene.box.live_dir) == scene.box.good
    assert scene.restored == [scene.kept.hash]
    assert sum("rolled back in" in each for each in said) == 1, said
