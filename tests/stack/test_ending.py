"""
Nothing is left behind: however and whenever a run ends, and whoever else is on the machine.

Runs are ended by signals, so each gets its own handling of them: that of this process depends on who started it.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from fixtures.launcher import launched
from fixtures.stacks import SOURCE, Opener
from l4gate.base import RuleError, wait_until
from l4gate.cli import main
from l4gate.machine import new_run_id, owner_of
from l4gate.settings import Settings
from l4gate.stack import find_engine, remove_leftovers, survey
from l4gate.stack.engine import RUN_LABEL, USER_LABEL, labelled, labels_of
from l4gate.stack.reaper import Leftover, reap

# A run of its own, which says in which phase it is and stays there until it is ended or told to go on.
RUN = """
import json, sys
from dataclasses import replace
from pathlib import Path
from l4gate.settings import load_settings
from l4gate.stack import StackSpec, open_stack

kind, generation, source, phase, keep = sys.argv[1:]

def reached(name, **facts):
    print(json.dumps({"phase": name, **facts}), flush=True)
    if name == phase:
        sys.stdin.readline()

settings = load_settings({"stack": kind, "keep_stack": keep == "keep"})
spec = StackSpec(60.0, ("prod",), generation, Path(source), lambda *_: reached("history"))
reached("start")
with open_stack(settings, spec, lambda text: None) as stack:
    reached("open", run=stack.run_id, prometheus=stack.prometheus_url, folder=str(stack.run_dir))
    if phase == "loading":
        print(json.dumps({"phase": "loading"}), flush=True)
    stack.load_rules()
    reached("loaded")
    if phase == "error":
        raise SystemExit(5)
reached("closed")
"""
PHASES: dict[str, Callable[[Path], bool]] = {
    "checks": lambda base: any(base.glob("checks-*/l4gate-*/promtool-*")),
    "start": lambda base: any(base.glob("run-*/pids/pushgateway")) or any(base.glob("run-*/data/*")),
    "judging": lambda base: any(base.glob("run-*/config/rules/*")) and any(base.glob("run-*/heartbeat/*")),
    "smoke": lambda base: any(
        "to be rolled back" in path.read_text() for path in base.glob("run-*/config/prometheus.yml")
    ),
    "rollback": lambda base: any(base.glob("check-*")),
}
# One of each for every commit, in different phases.
AT_ONCE = (("checks", "INT"), ("start", "TERM"), ("judging", "KILL"))
Starter = Callable[..., "Run"]


class Run:
    """A run in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.facts: dict[str, str] = {}

    def reach(self, phase: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            self.facts |= said
            if said["phase"] == phase:
                return
        pytest.fail(f"the run ended with {self.process.wait()} before it reached {phase!r}")

    def end(self, how: signal.Signals | None = None) -> int:
        if how is not None:
            self.process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            self.process.communicate("\n", timeout=60)
        return self.process.wait(60)


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A TMPDIR for these runs alone, so that nothing else on this machine is counted or reaped."""
    tmp_path_factory.getbasetemp()  # before pytest too is told to use the other folder
    with tempfile.TemporaryDirectory(prefix="l4-") as folder:
        yield Path(folder)


@pytest.fixture
def start(settings: Settings, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    """Starts runs; those that still live at the end are killed, and everything is reaped."""
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    runs: list[Run] = []

    def starts(kind: str, phase: str, *, keep: bool = False) -> Run:
        command = [
            *launched(),
            "-c",
            RUN,
            kind,
            settings.generation,
            str(SOURCE),
            phase,
            "keep" if keep else "",
        ]
        run = Run(
            subprocess.Popen(
                command,
                cwd=SOURCE.parent,
                env={**os.environ, "TMPDIR": str(temporary), "L4_CACHE_DIR": str(settings.cache_dir)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        runs.append(run)
        return run

    yield starts
    for run in runs:
        with suppress(ProcessLookupError):
            run.process.kill()
        run.process.communicate()
    remove_leftovers(_of(run.facts.get("run") for run in runs))
    reap(engine=True)


@pytest.fixture
def gate(
    settings: Settings, start: Starter, temporary: Path, tmp_path: Path
) -> Iterator[Callable[..., Gate]]:
    """Starts whole gate runs, as a user does; those that still live at the end are killed, then all is reaped."""
    gates: list[Gate] = []

    def starts(kind: str, handler: str) -> Gate:
        log = tmp_path / "log"
        options = [
            f"--l4-stack={kind}",
            f"--l4-generation={settings.generation}",
            f"--l4-report-dir={tmp_path}",
        ]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("L4_", "PYTEST"))
        }
        environment |= {"TMPDIR": str(temporary), "L4_CACHE_DIR": str(settings.cache_dir)}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*launched(handler), "-m", "pytest", "-m", "l4_gate", "-p", "no:cacheprovider", *options],
                cwd=SOURCE.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        gates.append(Gate(process, log, temporary / f"l4gate-{os.getuid()}"))
        return gates[-1]

    yield starts
    for each in gates:
        each.process.kill()
        each.process.wait()


class Gate:
    """A gate run in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, base: Path) -> None:
        self.process = process
        self.log = log
        self.base = base

    def reach(self, phase: str) -> None:
        def reached() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"the gate ended before it reached {phase!r}:\n{self.log.read_text()}")
            try:
                return PHASES[phase](self.base)
            except FileNotFoundError:  # a file that has just been replaced
                return False

        wait_until(
            reached,
            deadline_seconds=120,
            interval_seconds=0.005,
            what=f"the phase {phase}",
            last_seen=self.log.read_text,
        )

    def end(self, how: signal.Signals) -> int:
        """As Ctrl-C in a terminal does it, SIGINT goes to the whole group; the others to the run alone."""
        if how is signal.SIGINT:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        return self.process.wait(60)


def left(temporary: Path) -> list[str]:
    """What is there of any run that used this folder: folders and processes."""
    base = temporary / f"l4gate-{os.getuid()}"
    found = [str(path) for path in (*temporary.glob("*"), *base.glob("*"))]
    return found + [f"process {pid}" for pid in processes(f"{base}/")]


def processes(place: str) -> list[str]:
    """The PID and command of each process in whose environment there is something below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if place.encode() in (path / "environ").read_bytes():
                found.append(f"{path.name} {(path / 'cmdline').read_bytes()!r}")
    return found


def in_engine(run: Run | Gate) -> list[str]:
    """Containers and networks of a run; the engine may hold those of others at the same time."""
    owners = ((each, owner_of(each.run_id)) for each in labelled())
    return [f"{each.kind} {each.name}" for each, owner in owners if owner and owner.pid == run.process.pid]


def assert_gone(run: Run | Gate, temporary: Path) -> None:
    assert left(temporary) == []
    # Another run that reaps at the same moment may be the one that removes a container, and not be done yet.
    wait_until(
        lambda: not in_engine(run),
        deadline_seconds=10,
        interval_seconds=0.05,
        what="no container and no network of the run",
        last_seen=lambda: ", ".join(in_engine(run)),
    )


@pytest.mark.parametrize("phase", ["start", "history", "open", "loading", "loaded"])
def test_a_killed_run_is_reaped(kind: str, phase: str, start: Starter, temporary: Path) -> None:
    """Whatever phase a run is killed in, the next one must remove its processes, folders, containers, networks."""
    run = start(kind, phase)
    run.reach(phase)
    run.end(signal.SIGKILL)
    assert phase == "start" or left(temporary), "the run left nothing, so this proves nothing"

    reap(engine=kind == "containers")

    assert_gone(run, temporary)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("phase", ["history", "open"])
def test_a_stopped_run_cleans_up(
    kind: str, phase: str, how: signal.Signals, start: Starter, temporary: Path
) -> None:
    """Ctrl-C, SIGTERM and a closed terminal must leave nothing, without another run's help."""
    run = start(kind, phase)
    run.reach(phase)

    assert run.end(how) != 0
    assert_gone(run, temporary)


@dataclass(frozen=True)
class Ending:
    """How a gate run is ended: of which kind, in which phase, by which signal, and how it was made to take SIGINT."""

    phase: str
    how: str
    kind: str = "processes"
    handler: str = "SIG_DFL"


ENDINGS = [
    *(
        pytest.param(
            Ending(phase, how),
            id=f"{phase}-{how}",
            marks=() if (phase, how) in AT_ONCE else pytest.mark.nightly,
        )
        for phase, how in itertools.product(PHASES, ("INT", "TERM", "KILL"))
    ),
    pytest.param(Ending("start", "INT", handler="SIG_IGN"), id="start-INT-ignored"),
    pytest.param(
        Ending("smoke", "TERM", kind="containers"),
        id="smoke-TERM-containers",
        marks=(pytest.mark.containers, pytest.mark.nightly),
    ),
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_gate_leaves_nothing(
    ending: Ending,
    gate: Callable[..., Gate],
    temporary: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    Whatever phase a gate run is ended in, nothing of it may stay, without help; after SIGKILL its checks must be gone.

    What SIGKILL leaves, doctor must list and remove. A SIGINT that was ignored by inheritance must end it too.
    """
    if ending.kind == "containers":
        request.getfixturevalue("engine_required")
    run = gate(ending.kind, ending.handler)
    run.reach(ending.phase)
    assert left(temporary), "there is nothing to be left, so this proves nothing"

    assert run.end(signal.Signals[f"SIG{ending.how}"]) != 0, run.log.read_text()

    if ending.how == "KILL":
        wait_until(
            lambda: not processes(f"{run.base}/checks-"),
            deadline_seconds=1,
            interval_seconds=0.01,
            what="the checks to end by themselves",
            last_seen=lambda: repr(processes(f"{run.base}/checks-")),
        )
        folders = [str(path) for path in run.base.glob("*")]
        main(["doctor"])
        listed = capsys.readouterr().out
        assert [path for path in folders if f"left folder {path} " not in listed] == []
        main(["doctor", "--reap"])
    assert_gone(run, temporary)


def test_a_failed_run_cleans_up(kind: str, start: Starter, temporary: Path) -> None:
    """An error in the body must leave nothing."""
    run = start(kind, "error")
    run.reach("loaded")

    assert run.end() == 5
    assert_gone(run, temporary)


def test_a_live_run_is_left_alone(kind: str, start: Starter, temporary: Path) -> None:
    """Reaping must not touch a run whose process lives, neither its own nor that of a neighbour that died."""
    live, dead = start(kind, "open"), start(kind, "open")
    live.reach("open")
    dead.reach("open")
    dead.end(signal.SIGKILL)

    reaped = reap(engine=kind == "containers")

    assert dead.facts["run"] in {each.run_id for each in reaped}
    assert requests.get(f"{live.facts['prometheus']}/-/ready", timeout=5).ok
    assert Path(live.facts["folder"]).is_dir()
    assert live.end() == 0
    assert_gone(live, temporary)
    assert_gone(dead, temporary)


@pytest.mark.alone  # another test's `doctor --reap` removes what is kept on this machine
def test_a_kept_stack_stays(
    kind: str, start: Starter, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack that was kept must outlive its run and the next runs, until it is removed on purpose."""
    run = start(kind, "", keep=True)
    run.reach("closed")
    assert run.end() == 0

    for folder in (tmp_path, temporary):  # the next run may have another TMPDIR
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        reap(engine=kind == "containers")
        assert requests.get(f"{run.facts['prometheus']}/-/ready", timeout=5).ok
        assert {each.kept for each in _of([run.facts["run"]])} == {True}

    remove_leftovers(_of([run.facts["run"]]))
    assert_gone(run, temporary)


@pytest.mark.containers
def test_other_containers_are_left_alone(engine_required: None, opener: Opener) -> None:
    """The user's own containers, labelled by somebody else, of another user or not at all, must not be touched."""
    client = find_engine().client()
    with opener("containers"):
        image = next(iter(client.images.list(filters={"label": "l4gate.service=pushgateway"}))).id
    boot, namespace, pid, _, nonce = new_run_id().split("-")
    dead = f"{boot}-{namespace}-{pid}-1-{nonce}"  # no process has started that early
    mine = [
        client.containers.create(image, labels=labels)
        for labels in (
            {},
            labels_of("mine"),
            labels_of("0-1-2-3-notours"),
            {RUN_LABEL: dead, USER_LABEL: "1"},
        )
    ]
    try:
        reap(engine=True)

        found = {each.id for each in client.containers.list(all=True)}
        assert {each.id for each in mine} <= found
    finally:
        for each in mine:
            each.remove(force=True)
        client.close()


def test_a_missing_source_leaves_nothing(
    kind: str, opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack that cannot be configured must not leave the half of it that had started."""
    before = _of_this_process()  # the gate's own stack, when the whole suite runs
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with pytest.raises(RuleError, match=r"prometheus\.yml"), opener(kind, source=tmp_path):
        pass

    assert left(tmp_path) == []
    assert _of_this_process() == before


def _of_this_process() -> set[tuple[str, str, str]]:
    """Kind, name and run of what the engine holds for this very process."""
    return {
        (each.kind, each.name, each.run_id)
        for each in labelled()
        if (owner := owner_of(each.run_id)) and owner.pid == os.getpid()
    }


def _of(run_ids: Iterable[str | None]) -> list[Leftover]:
    """What dead runs have left, of these runs only: what a developer has kept on this machine is not ours to remove."""
    wanted = set(run_ids)
    return [each for each in survey() if each.run_id in wanted]


def test_ctrl_c_in_the_terminal_spares_the_services(start: Starter, temporary: Path) -> None:
    """Ctrl-C goes to every process of the terminal; only the run must act on it, then end the services in order."""
    run = start("processes", "open")
    run.reach("open")

    # Stopped it is not dead yet, however hard it was hit: other runs on this machine leave what is its alone.
    run.process.send_signal(signal.SIGSTOP)
    os.killpg(
        run.process.pid, signal.SIGQUIT
    )  # a program in Go ends at this one, and catches most others in silence

    services = {path.name: path.read_text() for path in Path(run.facts["folder"], "pids").iterdir()}
    assert run.process.pid not in {os.getsid(int(each.split()[0])) for each in services.values()}
    assert "prometheus" in services
    assert requests.get(f"{run.facts['prometheus']}/-/ready", timeout=5).ok
