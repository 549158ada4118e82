"""Options, header and wiring of the suite; what it provides is in fixtures/, what it claims in tests/."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from l4gate import pytest_first
from l4gate.base import UsageError, Verdict
from l4gate.pytest_first import PREFIX
from l4gate.settings import GATE_FACTOR, PYTEST_OPTIONS, SANDBOX_FACTOR, Settings, load_settings

pytest_plugins = [
    "fixtures.settings",
    "fixtures.recorder",
    "fixtures.shown",
    "fixtures.checks",
    "fixtures.judging",
    "fixtures.profiles",
    "fixtures.sandbox",
    "fixtures.writer",
    "fixtures.neighbours",
    "fixtures.promtool_items",
]

MARKERS = {
    "l4_gate": "the gate: GO, HOLD or ABORT",
    "gate(id)": "the gate of l4gate.contract.gates.GATES that this test answers",
    "promql_unit": "required check: promtool tests of every rule and alert",
    "obs_lint": "required check: configuration and rules",
    "sandbox_smoke_60s": "required check: cold machine to GO, ABORT, rollback, GO",
    "canary_quorum_pass": "required check: canary sample size, agreement and failure ratio",
    "error_budget_burn_ok": "required check: share of the error budget used over 7 and 30 days",
    "dr_rehearsal_24h_pass": "required check: a certified day and a real restore drill",
    "dr_rehearsal": "the rehearsal: a live day, recorded days, restore drills in a row",
    "faults": "the fault catalogue on a real stack",
    "chromium": "opens a report in a browser (L4_REQUIRE_CHROMIUM=1 makes a missing one a failure)",
    "containers": "needs a container engine (L4_REQUIRE_CONTAINERS=1 makes a missing one a failure)",
    "scaled": "scaled time held against its theoretical bounds on a real server",
    "alone": "measures time against bounds: no other test of the run beside it (fixtures/neighbours.py)",
    "nightly": "too long for every commit; run by the nightly job",
    "variants": "the same rules and faults on other engines, at other time factors and for fleets; run nightly",
    "mutants": "rules with one slip in them, which the tests of the rules must notice; half an hour of both cores",
}
_SLOW = ("dr_rehearsal", "nightly", "variants", "mutants")
_GATE_HOME = "gate"
# The folders of all tests that have this marker.
_HOMES = {pytest_first.MARKER: (_GATE_HOME,), "faults": ("faults", "second")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds one option per setting; an unknown one of ours is a usage error with our exit code, not pytest's."""
    group = parser.getgroup("l4", "L4 gate (each also as environment variable, --l4-url as L4_URL)")
    known = {f"{PREFIX}{option.name}" for option in PYTEST_OPTIONS}
    for argument in sys.argv[1:]:
        name = argument.partition("=")[0]
        if name.startswith(PREFIX) and name not in known:
            pytest_first.stop(UsageError(f"unknown option {name}; known: {', '.join(sorted(known))}"))
    for option in PYTEST_OPTIONS:
        group.addoption(
            f"{PREFIX}{option.name}",
            action=option.action,
            dest=f"l4_{option.dest}",
            default=None,
            help=option.help,
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """
    Reads the settings once, before anything is started, and lets no call that asks for the gate exit 0 without a GO.

    A call that asks for it may yet run no test at all: --collect-only, --version, or a plugin that takes the run over.
    """
    # Not at the top: pytest rewrites the assertions of its plugins before they are imported for the first time.
    from fixtures.recorder import RECORDER, GateRecorder
    from fixtures.settings import SETTINGS

    asked = pytest_first.asks_for_gate(str(config.option.markexpr or ""))
    try:
        given = {option.dest: getattr(config.option, f"l4_{option.dest}") for option in PYTEST_OPTIONS}
        factor = GATE_FACTOR if asked else SANDBOX_FACTOR
        settings = load_settings(given, prefix=PREFIX, sandbox_factor=factor)
        config.stash[SETTINGS] = settings
        if asked:
            _one_process(config)
            pytest_first.begin_gate_run(settings)
            _sound(settings)
        recorder = GateRecorder(config, asked=asked)
        if config.pluginmanager.register(recorder, RECORDER) is None:
            message = f"expected the plugin {RECORDER}, found it switched off (-p no:{RECORDER})."
            raise UsageError(message, next_step="leave it on: without it no gate is counted.")
    except UsageError as error:
        pytest_first.stop(error)
    code = yield
    if asked and code == 0 and not recorder.is_go:
        return Verdict.HOLD.exit_code
    return code


def pytest_configure(config: pytest.Config) -> None:
    """Declares the markers."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def _sound(settings: Settings) -> None:
    """Refuses to judge by a folder that the lint does not pass, and leaves a HOLD that says so."""
    from l4gate.lint import ensure_sound

    try:
        ensure_sound(settings.config_dir, settings.contract)
    except UsageError as error:
        pytest_first.begin_gate_run(settings, error.message)
        raise


def _one_process(config: pytest.Config) -> None:
    """Refuses what would spread the gate's tests over processes that know nothing of each other."""
    if getattr(config.option, "numprocesses", None) or getattr(config.option, "dist", "no") != "no":
        message = "expected the gate in one process, found workers asked for (-n or --dist)."
        raise UsageError(message, next_step="leave out -n: a gate run is one scenario on one stack.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """
    Leaves the other folders alone when the gate (or the fault catalogue) alone is asked for: it has to answer soon.

    Every gate's test lives in tests/gate (tests/unit/test_gates.py), and one that is not collected is not a GO.
    """
    tests = config.rootpath / "tests"
    asked = str(config.option.markexpr or "").strip()
    homes = _HOMES.get(asked)
    if homes and collection_path.parent == tests and collection_path.name not in homes:
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Leaves out the gate, and what takes long, unless it is asked for: by -m or by the name of its file.

    The gate is a run of its own, not one test among others: see tests/gate_runs. pytest's last line counts what was
    left out as deselected.
    """
    markexpr = str(config.option.markexpr or "")
    named = {Path(argument.partition("::")[0]).name for argument in config.args}
    by_file = any(name.endswith(".py") for name in named)
    unasked = set() if markexpr or by_file else set(_SLOW)
    gate = {item for item in items if item.path.parent.name == _GATE_HOME}
    gate_named = not named.isdisjoint({_GATE_HOME, *(item.path.name for item in gate)})
    if not hasattr(config, "workerinput") and (gate_named or pytest_first.asks_for_gate(markexpr)):
        gate.clear()
    out = [item for item in items if item in gate or any(item.get_closest_marker(name) for name in unasked)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The settings of this run."""
    from fixtures.settings import SETTINGS

    settings = config.stash[SETTINGS]
    where = (
        settings.url or f"{settings.stack}, Prometheus {settings.generation}, time factor {settings.factor:g}"
    )
    return [f"l4gate: {where}; realm {', '.join(settings.realms)}; deadline {settings.deadline:g} s"]
