"""Options, header and wiring of the suite; what it provides is in fixtures/, what it claims in tests/."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from l4gate.errors import UsageError
from l4gate.settings import OPTIONS, load_settings

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

pytest_plugins = [
    "fixtures.settings",
    "fixtures.recorder",
    "fixtures.checks",
    "fixtures.profiles",
    "fixtures.sandbox",
    "fixtures.writer",
]

MARKERS = {
    "l4_gate": "the gate: GO, HOLD or ABORT",
    "gate(id)": "the gate of l4gate.gates.GATES that this test answers",
    "promql_unit": "required check: promtool tests of every rule and alert",
    "obs_lint": "required check: configuration and rules",
    "sandbox_smoke_60s": "required check: cold machine to GO, ABORT, rollback, GO",
    "canary_quorum_pass": "required check: canary sample size, agreement and failure ratio",
    "error_budget_burn_ok": "required check: share of the error budget used over 7 and 30 days",
    "dr_rehearsal_24h_pass": "required check: a certified day and a real restore drill",
    "dr_rehearsal": "the nightly rehearsal: a live day, histories, restore drills",
    "faults": "the fault catalogue on a real stack",
    "containers": "needs a container engine (L4_REQUIRE_CONTAINERS=1 makes a missing one a failure)",
    "scaled": "scaled time held against its theoretical bounds on a real server",
    "nightly": "too long for every commit; run by the nightly job",
}
_SLOW = ("dr_rehearsal", "nightly")
_EXIT_USAGE = 2
_HOMES = {"l4_gate": "gate", "faults": "faults"}  # the folder of all tests that have this marker


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds one option per setting; an unknown one of ours is a usage error with our exit code, not pytest's."""
    group = parser.getgroup("l4", "L4 gate (each also as environment variable, --l4-url as L4_URL)")
    known = {f"--l4-{option.name}" for option in OPTIONS} | {"--l4-profile"}
    for argument in sys.argv[1:]:
        name = argument.partition("=")[0]
        if name.startswith("--l4-") and name not in known:
            _usage(f"unknown option {name}; known: {', '.join(sorted(known))}")
    for option in OPTIONS:
        action = "store_true" if option.flag else "append" if option.repeatable else "store"
        group.addoption(
            f"--l4-{option.name}", action=action, dest=f"l4_{option.dest}", default=None, help=option.help
        )
    group.addoption(
        "--l4-profile", choices=("default", "nightly"), default="default", help="how much is rehearsed"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Reads the settings once, before anything is started."""
    # Not at the top: pytest rewrites the assertions of its plugins before they are imported for the first time.
    from fixtures.recorder import GateRecorder
    from fixtures.settings import SETTINGS

    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    given = {option.dest: getattr(config.option, f"l4_{option.dest}") for option in OPTIONS}
    try:
        config.stash[SETTINGS] = load_settings(given)
    except UsageError as error:
        _usage(str(error))
    config.pluginmanager.register(GateRecorder(config), "l4-gate-recorder")
    signal.signal(signal.SIGTERM, _terminated)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """
    Leaves the other folders alone when the gate (or the fault catalogue) alone is asked for: it has to answer soon.

    Every gate's test lives in tests/gate (tests/unit/test_gates.py), and one that is not collected is not a GO.
    """
    tests = config.rootpath / "tests"
    asked = str(config.option.markexpr or "").strip()
    home = _HOMES.get(asked)
    if home and collection_path.parent == tests and collection_path.name != home:
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Leaves out what takes long, unless it is asked for: by -m, by the nightly profile or by the name of its file.

    pytest's last line counts what was left out as deselected.
    """
    named = any(".py" in argument for argument in config.args)
    if config.option.markexpr or config.option.l4_profile == "nightly" or named:
        return
    slow = [item for item in items if any(item.get_closest_marker(name) for name in _SLOW)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The settings of this run."""
    from fixtures.settings import SETTINGS

    settings = config.stash[SETTINGS]
    where = (
        settings.url or f"{settings.stack}, Prometheus {settings.generation}, time factor {settings.factor:g}"
    )
    return [f"l4gate: {where}; realm {', '.join(settings.realms)}; deadline {settings.deadline:g} s"]


def _usage(message: str) -> NoReturn:
    sys.stderr.write(f"l4gate: {message}\n")
    raise SystemExit(_EXIT_USAGE)


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends the run as Ctrl-C does, so that fixtures stop what they started."""
    raise KeyboardInterrupt
