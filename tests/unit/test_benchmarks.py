"""What `make bench` and `make claims` keep of what they have measured, and what they say of what they could not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import claims, collisions, trials
from benchmarks.__main__ import Row
from benchmarks.claims import CLAIMS
from benchmarks.draws import Files
from benchmarks.mismatches import checked_folder, noticed
from benchmarks.outcome import Outcome
from benchmarks.pushed_places import pushed
from benchmarks.trials import healthy
from fixtures.contract import DEFAULT_REALM, JOB_NODE_EXPORTER
from fixtures.writer import CRON_TOOLS, Pushgateway
from l4gate.base import StackError
from l4gate.programs import host_promtool
from l4gate.sandbox import HOUR_SECONDS
from l4gate.settings import Settings, repository_config_dir
from tests.support.histories.describe import Event, What

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="measuring")
def _measuring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Runs `make bench` with these rows in place of its own, which take minutes."""

    def run(*rows: Row, arguments: tuple[str, ...] = ()) -> int:
        monkeypatch.setattr(bench, "rows", lambda _times, _stacks: list(rows))
        return bench.main(["--report-dir", str(tmp_path), *arguments])

    return run


@pytest.fixture(name="no_engine")
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")


def never() -> list[float]:
    pytest.fail("what needs containers was measured without an engine")


def kept(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "l4-bench.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("no_engine")
def test_bench_without_an_engine_measures_the_rest(
    measuring: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a container engine the table must say what was left out and why; what was measured alone is judged."""
    rows = (
        Row("floor", lambda: [1.0, 3.0, 2.0]),
        Row("processes", lambda: [2.2], 1.15, "floor"),
        Row("containers", never, 1.4, "floor", engine=True),
    )

    code = measuring(*rows)

    table = capsys.readouterr().out
    assert code == 0
    assert table == (tmp_path / "l4-bench.md").read_text()
    lines = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if "|" in line]
    said = {cells[1]: cells[2:-1] for cells in lines}
    assert said["floor"] == ["3", "2.000", "1.000", "3.000", "", "", ""]
    assert said["processes"] == ["1", "2.200", "2.200", "2.200", "1.10", "1.15 x", "yes"]
    assert said["containers"] == ["0", "", "", "", "", "1.4 x", "left out"]
    assert "containers: not measured, because no container engine answers: unix:///nonexistent" in table
    assert [row["name"] for row in kept(tmp_path)] == ["floor", "processes", "containers"]


@pytest.mark.usefixtures("no_engine")
def test_bench_fails_where_containers_were_asked_for(measuring: Callable[..., int]) -> None:
    """Without a container engine, a call that asks for containers, or measures nothing at all, must NOT exit 0."""
    containers = Row("containers", never, 1.4, engine=True)

    assert measuring(Row("floor", lambda: [1.0]), containers, arguments=("--stack", "containers")) == 1
    assert measuring(containers) == 1


def test_a_bar_that_does_not_hold_is_shown(
    measuring: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A row above its bar, or a measurement that fails, must be in the table and the exit code; the rest goes on."""

    def broken() -> list[float]:
        message = "the gate ended with 10"
        raise RuntimeError(message)

    assert measuring(Row("slow", lambda: [3.1], 3.0), Row("next", lambda: [1.0], 3.0)) == 1
    assert "NO " in capsys.readouterr().out
    assert measuring(Row("broken", broken, 3.0), Row("next", lambda: [1.0], 3.0)) == 1
    table = capsys.readouterr().out
    assert "FAILED" in table
    assert "broken: not measured, because the gate ended with 10" in table
    assert "| next " in table
    with pytest.raises(SystemExit, match="2"):
        measuring(Row("next", lambda: [1.0]), arguments=("--only", "nothing like it"))


def test_an_interrupted_bench_keeps_its_rows(measuring: Callable[..., int], tmp_path: Path) -> None:
    """What was measured before Ctrl-C must be in the folder, called not ended, without a row of an older run."""

    def interrupted() -> list[float]:
        raise KeyboardInterrupt

    assert measuring(Row("older", lambda: [1.0])) == 0

    with pytest.raises(KeyboardInterrupt):
        measuring(Row("first", lambda: [1.5], 3.0), Row("second", interrupted))

    (row,) = kept(tmp_path)
    assert (row["name"], row["seconds"], row["bar"]) == ("first", [1.5], 3.0)
    table = (tmp_path / "l4-bench.md").read_text()
    assert "| first " in table
    assert "older" not in table
    assert "Not ended: 1 of 2 rows were measured." in table


def test_bench_measures_for_real(tmp_path: Path) -> None:
    """The command itself must leave the row and the table that it prints in the folder."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--runs=1", "--only=obs-lint", f"--report-dir={tmp_path}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "L4_URL"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    (row,) = kept(tmp_path)
    assert row["name"] == "obs-lint", done.stderr
    assert done.stdout == (tmp_path / "l4-bench.md").read_text()


def test_the_bars_of_the_whole_gate() -> None:
    """The whole gate must be held to 12 s with processes and 18 s with containers."""
    bars = {row.name: row.bar for row in bench.rows(1, ("processes", "containers")) if "whole" in row.name}

    assert bars == {
        "processes: pytest -m l4_gate, whole": 12.0,
        "containers: pytest -m l4_gate, whole": 18.0,
    }


def test_claims_keep_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each claim must be in the folder before the next is measured; one that cannot be measured must be no success."""
    seen: list[dict[str, object]] = []

    def measure(_settings: object) -> Outcome:
        seen.append(json.loads((tmp_path / "l4-claims.json").read_text()))
        return Outcome(10_000, 0, "by a test")

    def fail(_settings: object) -> Outcome:
        message = "no stack"
        raise StackError(message)

    first, second, third = (
        replace(claim, measure=how) for claim, how in zip(CLAIMS, (measure, measure, fail), strict=False)
    )
    monkeypatch.setattr(claims, "CLAIMS", (first, second, third))

    code = claims.main(["--report-dir", str(tmp_path)])

    assert code == 1
    assert [(each["complete"], len(each["claims"])) for each in seen] == [(False, 0), (False, 1)]
    told = json.loads((tmp_path / "l4-claims.json").read_text())
    assert [claim["answer"] for claim in told["claims"]] == ["yes", "yes", "not measured"]
    assert told["complete"] is True
    table = (tmp_path / "l4-claims.md").read_text()
    assert table == capsys.readouterr().out
    assert f"{third.name}: not measured, no stack" in table


@pytest.mark.parametrize(("seen", "said"), [(0, ("not shown", 0)), (1, ("NO", 1))])
def test_only_a_contradicted_claim_fails(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    seen: int,
    said: tuple[str, int],
) -> None:
    """What too few trials cannot show must not fail the command, and must not read as if it had been shown."""
    answer, code = said
    claim = replace(CLAIMS[-1], measure=lambda _settings: Outcome(20, seen, "by a test"))
    monkeypatch.setattr(claims, "CLAIMS", (claim,))

    assert claims.main(["--report-dir", str(tmp_path)]) == code

    table = capsys.readouterr().out
    assert f"| {answer} " in table
    assert f"a trial is {claim.trial}. by a test" in table


def test_the_page_names_every_claim() -> None:
    """docs/claims.md must have each claim with what is asserted, as the command has it."""
    page = (ROOT / "docs" / "claims.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.startswith("|")]

    asserted = {cells[1]: cells[2] for cells in rows}

    assert {
        each.name: f"< {each.asserted:g}" if each.asserted else "never" for each in CLAIMS
    }.items() <= asserted.items()


def test_no_alarm_of_an_instance_is_lost(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance whose beats stop for a while must count as one with alarms; a healthy one must have none."""
    end = time.time() // 60 * 60 - HOUR_SECONDS
    silence = Event(HOUR_SECONDS, What.WRITER_DOWN, lasts=600.0)
    monkeypatch.setattr(trials, "INSTANCES", 2)
    monkeypatch.setattr(
        trials,
        "healthy",
        lambda seed: replace(healthy(seed), events=(silence,) if seed else healthy(seed).events),
    )

    well, ill = trials.evaluated((settings, end, 0))

    assert (well.alarms, well.aborts) == (0, 0)
    assert 0 < ill.alarms < ill.evaluations == well.evaluations
    assert ill.aborts == 1


def test_runs_that_do_not_wait_for_each_other_collide(
    pushgateway: Pushgateway, tools: Callable[..., str], tmp_path: Path
) -> None:
    """A round must be clean as the script is, and a collision where its lock does nothing."""
    unlocked = {"PATH": tools(*CRON_TOOLS, "curl", flock="exit 0")}

    right = collisions.one_round(pushgateway, tmp_path / "right")
    wrong = [collisions.one_round(pushgateway, tmp_path / f"wrong {number}", unlocked) for number in range(5)]

    assert right == collisions.Round("", 0)
    assert any(each.wrong for each in wrong)


def test_a_run_that_gives_up_is_counted(
    pushgateway: Pushgateway, tools: Callable[..., str], tmp_path: Path
) -> None:
    """Runs that give up their wait for the lock and say so must be counted, and be no collision."""
    held = {"PATH": tools(*CRON_TOOLS, "curl", flock="exit 75")}

    assert collisions.one_round(pushgateway, tmp_path / "held", held) == collisions.Round("", 2)


KINDS_OF_PLACES = {
    *(
        "matcher",
        "by",
        "on",
        "label of a record",
        "label of a alert",
        "label of a target list",
        "static label",
    ),
    *("job_name", "honor_labels", "source label", "regex of relabelling"),
}


@pytest.fixture(name="files", scope="module")
def _files() -> Files:
    return Files.read(repository_config_dir())


def test_a_draw_can_hit_every_kind_of_place(files: Files) -> None:
    """Every kind of place of a label must be among those that are drawn from, and each must have a way that matters."""
    assert {each.kind for each in files.places} == KINDS_OF_PLACES
    for kind in KINDS_OF_PLACES:
        of_kind = [each for each in files.places if each.kind == kind]
        assert any(files.drawn(each, way) for each in of_kind for way in each.ways), kind


def test_a_place_is_changed_alone(files: Files) -> None:
    """A draw must change one file, and leave what it was drawn from as it was: the next draw begins there."""
    before = json.dumps(files.documents)

    made = [files.drawn(each, next(iter(each.ways))) for each in files.places]

    assert {len(each.changed) for each in made if each} == {1}
    assert json.dumps(files.documents) == before


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("matcher", "other value"),
        ("matcher", "regex in place of equality"),
        ("label of a record", "removed"),
        ("honor_labels", "other value"),
        ("static label", "other name"),
    ],
)
def test_a_wrong_draw_is_noticed(files: Files, kind: str, way: str, settings: Settings) -> None:
    """A place made wrong must be noticed by the checks, and the same place left as it is must not be."""
    place = next(each for each in files.places if each.kind == kind and way in each.ways)
    made = files.drawn(place, way)
    assert made
    promtool = host_promtool(settings.generation, settings.cache_dir)

    with checked_folder(files) as folder:
        unchanged = replace(made, changed={name: files.documents[name] for name in made.changed})
        assert noticed(made, files, folder, promtool)
        assert not noticed(unchanged, files, folder, promtool)


def test_what_changes_nothing_is_drawn_again(files: Files) -> None:
    """An equality written as a regex must be no mismatch, nor a step that a later one makes superfluous."""
    matcher = next(each for each in files.places if each.kind == "matcher" and DEFAULT_REALM in each.where)
    dropped = next(
        each
        for each in files.places
        if each.kind == "regex of relabelling" and JOB_NODE_EXPORTER in each.where
    )

    window = next(each for each in files.places if each.where.endswith("{window=6h}"))

    assert files.drawn(window, "regex in place of equality") is None
    assert files.drawn(matcher, "regex in place of equality") is not None
    assert files.drawn(matcher, "the same as a regex") is None
    assert files.drawn(matcher, "other value") is not None
    assert files.drawn(dropped, "alternative 0 removed") is None


def test_pushes_are_drawn_with_every_label() -> None:
    """Realm, job and instance of the heartbeat, and realm and job of the service, must be among what is sent wrong."""
    sent = pushed()

    assert {
        "heartbeat, realm",
        "push of the heartbeat, job",
        "push of the heartbeat, instance",
    } <= sent.keys()
    assert {
        "push of the service, realm",
        "push of the service, job",
        "text file of the heartbeat, realm",
    } <= sent.keys()
