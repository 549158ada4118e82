"""Every supported generation of the programs, as processes and as containers, asked for a GO."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l4gate.base import Verdict
from l4gate.sandbox import open_sandbox
from l4gate.settings import GENERATIONS, Settings
from l4gate.stack import PROMETHEUS

# Six take some 50 s; what starts containers of the generations that are not the default is left to the nightly job.
_IN_CONTAINERS = [
    pytest.param("containers", generation, marks=[pytest.mark.containers, *slow])
    for generation in GENERATIONS
    for slow in [[] if generation == GENERATIONS[-1] else [pytest.mark.nightly]]
]


@pytest.mark.parametrize(
    ("kind", "generation"),
    [*(("processes", generation) for generation in GENERATIONS), *_IN_CONTAINERS],
    indirect=["kind"],
)
def test_every_generation_comes_to_go(
    kind: str, generation: str, settings: Settings, pytestconfig: pytest.Config
) -> None:
    """A healthy stack of each generation must be GO; one that cannot be had is replaced, and that is said."""
    asked = replace(settings, stack=kind, generation=generation, url=None, keep_stack=False)
    with open_sandbox(asked) as sandbox:
        stack = sandbox.stack
        (look,) = sandbox.judge.judge(asked.deadline)
        version, origin = stack.versions[PROMETHEUS], stack.origins[PROMETHEUS]

    assert look.decision.verdict is Verdict.GO, "\n".join(map(str, look.decision.causes))
    assert look.measurement.rules is not None
    assert look.measurement.rules.count > 0
    if not version.startswith(f"{generation}."):
        terminal = pytestconfig.pluginmanager.getplugin("terminalreporter")
        terminal.write_line(f"\nasked for generation {generation}, GO with {version} ({origin})")
        assert f"nearest to the wanted {generation}" in origin or origin.startswith("setting "), origin
