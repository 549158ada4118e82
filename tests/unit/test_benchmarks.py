"""What `make bench` and `make claims` keep of what they have measured, and what they say of what they could not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import claims
from benchmarks.__main__ import Row
from benchmarks.claims import CLAIMS
from benchmarks.trials import Outcome
from l4gate.base import StackError

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
    """Each claim must be in the folder before the next is measured; one that cannot be measured does not hold."""
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
    assert [claim["holds"] for claim in told["claims"]] == [True, True, False]
    assert told["complete"] is True
    table = (tmp_path / "l4-claims.md").read_text()
    assert table == capsys.readouterr().out
    assert f"{third.name}: not measured, no stack" in table
