"""Finding programs: settings, PATH, cache, Debian, nearest. The programs are scripts that only know --version."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from l4gate.base import ProgramMissing
from l4gate.programs import Program, find_program, image_contents
from l4gate.programs import cache as programs_cache
from l4gate.programs.debian import DebianFile
from l4gate.programs.program import RELEASES
from l4gate.settings import GENERATIONS

VERSIONS = {
    "bookworm": {
        "prometheus": "2.42.0+ds",
        "promtool": "2.42.0+ds",
        "pushgateway": "1.5.1",
        "node-exporter": "1.5.0",
    },
    "trixie": {
        "prometheus": "2.53.3",
        "promtool": "2.53.3",
        "pushgateway": "1.11.0",
        "node-exporter": "1.9.0",
    },
    "sid": {
        "prometheus": "3.5.3+ds1",
        "promtool": "3.5.3+ds1",
        "pushgateway": "1.11.2",
        "node-exporter": "1.11.1",
    },
}


def fake_program(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{path.name}, version {version} (branch: x)'\n")
    path.chmod(0o755)
    return path


class Archive:
    """Stands for Debian's archive: hands out scripts, counts how often it was asked, and can be unreachable."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.reachable = True
        self.refused: set[str] = set()  # suites whose index apt does not take, such as an expired one
        self.versions = VERSIONS

    def fetch_files(self, wanted: Mapping[str, Sequence[str]], suite: str, into: Path) -> list[DebianFile]:
        self.asked.append(suite)
        if not self.reachable or suite in self.refused:
            message = "no network."
            raise ProgramMissing(message, next_step="find one.")
        files = [DebianFile(into / "libc.so.6", "libc6", "2.43-7", suite)]
        files.append(DebianFile(into / "busybox", "busybox-static", "1.37-1", suite))
        for file in files:
            shutil.copy("/bin/sh", file.path)
        for name, version in self.versions[suite].items():
            own = name if name.startswith("prom") else f"prometheus-{name}"
            files.append(DebianFile(fake_program(into / own, version), own, f"{version}-1", suite))
        return files


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Archive:
    """An archive that can be seen being asked, and a PATH without any of the programs."""
    archive = Archive()
    monkeypatch.setattr(programs_cache, "fetch_files", archive.fetch_files)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("PROMETHEUS", "PROMTOOL", "PUSHGATEWAY", "NODE_EXPORTER"):
        monkeypatch.delenv(f"L4_{name}", raising=False)
    return archive


def test_every_generation_has_a_suite() -> None:
    """What settings offer must be what can be fetched."""
    assert tuple(RELEASES) == GENERATIONS


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", ["prometheus", "promtool", "pushgateway", "node_exporter"])
def test_a_fetched_program_names_its_package(
    name: str, generation: str, archive: Archive, tmp_path: Path
) -> None:
    """A program from Debian must be of the wanted generation and name its suite, package and version."""
    program = find_program(name, generation, tmp_path / "cache")

    suite = RELEASES[generation].suite
    version = VERSIONS[suite][name.replace("_", "-")]
    package = name if name.startswith("prom") else f"prometheus-{name.replace('_', '-')}"
    assert program.version == version
    assert program.origin == f"Debian {suite} package {package} {version}-1"
    assert program.path == tmp_path / "cache/programs" / generation / name


def test_a_second_run_asks_nobody(archive: Archive, tmp_path: Path) -> None:
    """Once fetched, the programs must be found offline."""
    find_program("prometheus", "3.5", tmp_path / "cache")
    archive.reachable = False

    find_program("node_exporter", "3.5", tmp_path / "cache")

    assert archive.asked == ["sid"]


def test_a_setting_wins(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program named by its variable must be taken whatever its version, and be said."""
    monkeypatch.setenv("L4_PROMETHEUS", str(fake_program(tmp_path / "mine", "2.45.1")))

    program = find_program("prometheus", "3.5", tmp_path / "cache")

    assert program == Program("prometheus", tmp_path / "mine", "2.45.1", "setting L4_PROMETHEUS")
    assert archive.asked == []


def test_a_wrong_setting_is_an_error(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that names something else must not be passed over in silence."""
    monkeypatch.setenv("L4_PUSHGATEWAY", str(tmp_path / "gone"))

    with pytest.raises(ProgramMissing) as caught:
        find_program("pushgateway", "3.5", tmp_path / "cache")

    assert str(caught.value) == (
        f"L4_PUSHGATEWAY names '{tmp_path}/gone', which is not a pushgateway that can be run. "
        "Next: correct or unset L4_PUSHGATEWAY."
    )


def test_a_fitting_program_on_path_wins(archive: Archive, tmp_path: Path) -> None:
    """A program on PATH of the wanted generation must be taken, also under Debian's name."""
    path = fake_program(tmp_path / "bin/prometheus-node-exporter", "1.11.7")

    program = find_program("node_exporter", "3.5", tmp_path / "cache")

    assert program == Program("node_exporter", path, "1.11.7", "PATH")
    assert archive.asked == []


def test_another_generation_on_path_is_passed_over(archive: Archive, tmp_path: Path) -> None:
    """A program on PATH of another generation must not stand in for one that can be fetched."""
    fake_program(tmp_path / "bin/prometheus", "3.51.0")

    assert find_program("prometheus", "3.5", tmp_path / "cache").version == "3.5.3+ds1"


def test_the_nearest_is_taken_and_said(archive: Archive, tmp_path: Path) -> None:
    """Where the wanted generation cannot be had, the nearest cached one must be taken, and its origin says so."""
    for generation in ("2.42", "2.53"):
        find_program("prometheus", generation, tmp_path / "cache")
    archive.reachable = False

    program = find_program("prometheus", "3.5", tmp_path / "cache")

    assert program.version == "2.53.3"
    assert program.origin == "Debian trixie package prometheus 2.53.3-1, nearest to the wanted 3.5"
    assert program.wanted == "3.5"


def test_a_refused_suite_is_replaced_by_the_one_before(archive: Archive, tmp_path: Path) -> None:
    """Where only bookworm and trixie can be had, trixie's must be taken for sid's, and said where it is another."""
    archive.refused.add("sid")

    found = {name: find_program(name, "3.5", tmp_path / "cache") for name in ("prometheus", "pushgateway")}

    assert {name: (each.version, each.wanted) for name, each in found.items()} == {
        "prometheus": ("2.53.3", "3.5"),
        "pushgateway": ("1.11.0", ""),  # the same release as in sid
    }
    assert archive.asked == ["sid", "trixie"]  # what was refused is not asked for again by each program


def test_path_is_the_last_resort(archive: Archive, tmp_path: Path) -> None:
    """Offline and with an empty cache, a program of another generation on PATH must be taken, and that must be said."""
    fake_program(tmp_path / "bin/prometheus", "2.51.0")
    archive.reachable = False

    assert find_program("prometheus", "3.5", tmp_path / "cache").origin == "PATH, nearest to the wanted 3.5"


def test_a_suite_that_moved_on_is_said(archive: Archive, tmp_path: Path) -> None:
    """If the suite has a newer program by now, it must be taken and said."""
    archive.versions = {**VERSIONS, "sid": {**VERSIONS["sid"], "prometheus": "3.9.0"}}

    program = find_program("prometheus", "3.5", tmp_path / "cache")

    assert program.origin == "Debian sid package prometheus 3.9.0-1, nearest to the wanted 3.5"
    assert program.wanted == "3.5"


def test_a_moved_suite_is_said_once(archive: Archive, tmp_path: Path) -> None:
    """If what a moved suite has is taken for another generation, only the wanted one must be named."""
    archive.versions = {**VERSIONS, "sid": {**VERSIONS["sid"], "prometheus": "3.9.0"}}
    archive.refused |= {"trixie", "bookworm"}

    program = find_program("prometheus", "2.53", tmp_path / "cache")

    assert program.origin == "Debian sid package prometheus 3.9.0-1, nearest to the wanted 2.53"


def test_nothing_anywhere_names_all_places(archive: Archive, tmp_path: Path) -> None:
    """When nothing can be had the message must name every place that was looked at, and the archive's reason."""
    archive.reachable = False

    with pytest.raises(ProgramMissing) as caught:
        find_program("node_exporter", "2.42", tmp_path / "cache")

    assert str(caught.value) == (
        "expected node_exporter of generation 2.42, found none: L4_NODE_EXPORTER is not set, no node_exporter or "
        f"prometheus-node-exporter on PATH, none in {tmp_path}/cache, and Debian: no network. Next: find one."
    )


def _truncate(folder: Path) -> None:
    os.truncate(folder / "prometheus", 10)


def _change(folder: Path) -> None:
    content = (folder / "prometheus").read_bytes()
    (folder / "prometheus").write_bytes(content[:-1] + b"#")


def _remove(folder: Path) -> None:
    (folder / "pushgateway").unlink()


def _tear_manifest(folder: Path) -> None:
    os.truncate(folder / "manifest.json", 40)


def _empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


def _strange_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('["prometheus"]')


@pytest.mark.parametrize(
    "damage", [_truncate, _change, _remove, _tear_manifest, _empty_manifest, _strange_manifest]
)
def test_a_torn_cache_is_repaired(damage, archive: Archive, tmp_path: Path) -> None:  # noqa: ANN001
    """Whatever happened to the cached files, the next run must fetch them again instead of running them."""
    folder = find_program("prometheus", "3.5", tmp_path / "cache").path.parent
    damage(folder)

    program = find_program("prometheus", "3.5", tmp_path / "cache")

    assert archive.asked == ["sid", "sid"]
    assert program.path.read_text().endswith("(branch: x)'\n")


def test_a_copied_cache_is_used(archive: Archive, tmp_path: Path) -> None:
    """A cache that was restored from elsewhere (new times and inodes, same content) must be good."""
    find_program("prometheus", "3.5", tmp_path / "cache")
    shutil.copytree(tmp_path / "cache", tmp_path / "restored", copy_function=shutil.copy)

    find_program("prometheus", "3.5", tmp_path / "restored")

    assert archive.asked == ["sid"]


def test_no_half_fetched_folder_stays(archive: Archive, tmp_path: Path) -> None:
    """After a fetch that failed, nothing but the lock must remain."""
    archive.reachable = False

    with pytest.raises(ProgramMissing):
        find_program("prometheus", "3.5", tmp_path / "cache")

    assert [path.name for path in (tmp_path / "cache/programs/3.5").iterdir()] == ["lock"]


def test_a_cache_that_cannot_be_written_is_said(archive: Archive, tmp_path: Path) -> None:
    """A cache folder that is in fact a file must end in a clear message, not a traceback."""
    (tmp_path / "cache").write_text("")

    with pytest.raises(ProgramMissing, match="expected a cache folder that can be written"):
        find_program("prometheus", "3.5", tmp_path / "cache")


def _find(cache: Path, asked: Path) -> None:
    archive = Archive()
    programs_cache.fetch_files = archive.fetch_files  # type: ignore[assignment]
    for name in ("prometheus", "promtool", "pushgateway", "node_exporter"):
        find_program(name, "3.5", cache)
    asked.write_text(json.dumps(archive.asked))


def test_runs_at_once_fetch_once(archive: Archive, tmp_path: Path) -> None:
    """Runs that start together on an empty cache must fetch once between them, and all succeed."""
    context = multiprocessing.get_context("fork")
    runs = [
        context.Process(target=_find, args=(tmp_path / "cache", tmp_path / f"asked{i}")) for i in range(4)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)

    assert [run.exitcode for run in runs] == [0, 0, 0, 0]
    assert sorted(json.loads((tmp_path / f"asked{i}").read_text()) for i in range(4)) == [[], [], [], ["sid"]]


def test_images_get_what_they_need(archive: Archive, tmp_path: Path) -> None:
    """For images there must be Debian's programs, whatever is on PATH, and what these need to run."""
    fake_program(tmp_path / "bin/prometheus", "3.5.9")

    programs, rest = image_contents("3.5", tmp_path / "cache")

    folder = tmp_path / "cache/programs/3.5"
    assert {name: program.path for name, program in programs.items()} == {
        name: folder / name for name in ("prometheus", "promtool", "pushgateway", "node_exporter")
    }
    assert rest == {"libc.so.6": folder / "libc.so.6", "busybox": folder / "busybox"}


def test_without_fetching_only_what_is_there_counts(archive: Archive, tmp_path: Path) -> None:
    """A caller that may not fetch must get an error, and nobody may be asked."""
    with pytest.raises(ProgramMissing, match="no whole set of programs"):
        find_program("promtool", "3.5", tmp_path / "cache", fetch=False)

    assert archive.asked == []
