"""Finding programs: settings, PATH, cache, Debian, nearest. The programs are scripts that only know --version."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from fixtures.strangers import needs_root
from fixtures.writer import NOBODY
from l4gate.base import ProgramMissing, UsageError
from l4gate.programs import Program, find_program, image_contents
from l4gate.programs import cache as programs_cache
from l4gate.programs.debian import DebianFile
from l4gate.programs.program import RELEASES
from l4gate.settings import GENERATIONS, load_settings, values

ROOT = Path(__file__).parents[2]

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


def _change_unseen(folder: Path) -> None:
    """Another content of the same size in the same file, with its old times."""
    before = (folder / "prometheus").stat()
    _change(folder)
    os.utime(folder / "prometheus", ns=(before.st_atime_ns, before.st_mtime_ns))


def _link(folder: Path) -> None:
    (folder / "prometheus").rename(folder / "elsewhere")
    (folder / "prometheus").symlink_to("elsewhere")


def _pipe(folder: Path) -> None:
    (folder / "prometheus").unlink()
    os.mkfifo(folder / "prometheus", 0o755)


def _open_to_the_group(folder: Path) -> None:
    (folder / "prometheus").chmod(0o775)


def _pipe_for_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json", 0o644)


def _open_manifest(folder: Path) -> None:
    (folder / "manifest.json").chmod(0o666)


def _deep_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


DAMAGE = (
    *(_truncate, _change, _change_unseen, _remove, _link, _pipe, _open_to_the_group),
    *(_tear_manifest, _empty_manifest, _strange_manifest, _pipe_for_manifest, _open_manifest, _deep_manifest),
)


@pytest.mark.parametrize("damage", DAMAGE)
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

    with pytest.raises(UsageError, match="expected a cache folder that can be written"):
        find_program("prometheus", "3.5", tmp_path / "cache")


def test_path_stands_in_where_nothing_can_be_kept(archive: Archive, tmp_path: Path) -> None:
    """Without a place to keep programs the nearest on PATH must do, and be said."""
    (tmp_path / "cache").write_text("")
    fake_program(tmp_path / "bin/prometheus", "2.51.0")

    assert find_program("prometheus", "3.5", tmp_path / "cache").origin == "PATH, nearest to the wanted 3.5"


# The folder that is spoilt, below the one of all tests, and how.
OPEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "the cache is everybody's": ("above/cache", lambda path: path.chmod(0o777)),
    "the cache is everybody's, and sticky": ("above/cache", lambda path: path.chmod(0o1777)),
    "the cache is the group's": ("above/cache", lambda path: path.chmod(0o770)),
    "the folder of programs is everybody's": ("above/cache/programs", lambda path: path.chmod(0o777)),
    "the generation is everybody's": ("above/cache/programs/3.5", lambda path: path.chmod(0o777)),
    "a folder above is everybody's": ("above", lambda path: path.chmod(0o777)),
}
GIVEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "the cache is another's": ("above/cache", lambda path: os.chown(path, NOBODY, NOBODY)),
    "the generation is another's": ("above/cache/programs/3.5", lambda path: os.chown(path, NOBODY, NOBODY)),
    "a folder above is another's": ("above", lambda path: os.chown(path, NOBODY, NOBODY)),
}


def _refused(cache: Path, folder: Path, archive: Archive) -> None:
    """No program of the cache is taken, whoever asks, and the folder that others can get at is named."""
    for name in ("prometheus", "promtool"):
        with pytest.raises(
            UsageError, match="expected a cache folder that nobody else can write to"
        ) as caught:
            find_program(name, "3.5", cache)
        assert f": {folder} belongs to" in str(caught.value) or f"write to {folder} (" in str(caught.value)
        assert "L4_CACHE_DIR" in caught.value.next_step
    with pytest.raises(UsageError):
        image_contents(("prometheus",), "3.5", cache)
    with pytest.raises(UsageError):
        load_settings({}, {"L4_CACHE_DIR": str(folder)})
    assert archive.asked == ["sid"]


@pytest.mark.parametrize("where", [*OPEN, *(pytest.param(each, marks=needs_root) for each in GIVEN)])
def test_a_cache_that_others_can_get_at_is_refused(where: str, archive: Archive, tmp_path: Path) -> None:
    """What somebody else could have put into the cache must not be run, nor repaired: he could do it again."""
    find_program("prometheus", "3.5", tmp_path / "above/cache")
    name, spoil = (OPEN | GIVEN)[where]
    spoil(tmp_path / name)

    _refused(tmp_path / "above/cache", tmp_path / name, archive)


def test_links_to_the_cache_are_followed(archive: Archive, tmp_path: Path) -> None:
    """A link to a cache must be taken, and refused if anything on the way it leads is open to others."""
    find_program("prometheus", "3.5", tmp_path / "above/cache")
    (tmp_path / "one").symlink_to(f"../{tmp_path.name}/two")
    (tmp_path / "two").symlink_to(tmp_path / "above/cache")
    find_program("prometheus", "3.5", tmp_path / "one")
    (tmp_path / "above").chmod(0o777)

    _refused(tmp_path / "one", tmp_path / "above", archive)


@needs_root
def test_a_link_of_another_user_is_refused(archive: Archive, tmp_path: Path) -> None:
    """A link that somebody else made, and can have lead elsewhere tomorrow, must not be followed."""
    find_program("prometheus", "3.5", tmp_path / "cache")
    (tmp_path / "one").symlink_to(tmp_path / "cache")
    os.chown(tmp_path / "one", NOBODY, NOBODY, follow_symlinks=False)

    _refused(tmp_path / "one", tmp_path / "one", archive)


@needs_root
def test_a_program_of_another_user_is_fetched_again(archive: Archive, tmp_path: Path) -> None:
    """A file in the cache that belongs to somebody else, such as a hard link of his, must be replaced, not run."""
    folder = find_program("prometheus", "3.5", tmp_path / "cache").path.parent
    os.chown(folder / "prometheus", NOBODY, NOBODY)

    assert find_program("prometheus", "3.5", tmp_path / "cache").path.stat().st_uid == os.geteuid()
    assert archive.asked == ["sid", "sid"]


def test_a_loose_umask_opens_nothing(archive: Archive, tmp_path: Path) -> None:
    """What is made under a umask that lets others write must be for this user alone, and be used by the next run."""
    before = os.umask(0)
    try:
        find_program("prometheus", "3.5", tmp_path / "above/cache")
    finally:
        os.umask(before)
    made = [tmp_path / "above", *(tmp_path / "above").rglob("*")]

    find_program("prometheus", "3.5", tmp_path / "above/cache")

    assert archive.asked == ["sid"]
    assert [path for path in made if path.stat().st_mode & 0o022] == []


@pytest.mark.parametrize(
    "found",
    ["relative", "", "/dev/null", "/srv/a\nb", "{folder}/dangling", "{folder}/circle", "{folder}/file"],
)
def test_what_cannot_be_a_cache_is_refused(found: str, tmp_path: Path) -> None:
    """A name that is no folder, nor can become one, must be refused as a setting, in one line that repeats it."""
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").touch()
    text = found.format(folder=tmp_path)

    with pytest.raises(UsageError, match=r"expected an? .*path.*, found") as caught:
        values.cache_folder(text)

    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


FULL = """
import sys
from pathlib import Path
from l4gate.base import UsageError
from l4gate.programs import cache, find_program
from l4gate.programs.debian import DebianFile
def fetch_files(wanted, suite, into):
    (into / "prometheus").write_bytes(b"x" * (1 << 20))
cache.fetch_files = fetch_files
try:
    find_program("prometheus", "3.5", Path(sys.argv[1]))
except UsageError as error:
    sys.exit(str(error))
"""


@needs_root
@pytest.mark.parametrize("how", ["size=64k", "ro"])
def test_a_full_or_closed_file_system_is_said(how: str, tmp_path: Path) -> None:
    """Where nothing can be written the user must read one sentence, and that it is his to name another place."""
    (tmp_path / "disk").mkdir()
    mount = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount -t tmpfs -o mode=700,{how} none "$1" && shift && exec "$@"',
    ]
    if subprocess.run([*mount, "sh", tmp_path / "disk", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount a file system of its own")

    done = subprocess.run(
        [*mount, "sh", tmp_path / "disk", sys.executable, "-c", FULL, tmp_path / "disk/cache"],
        env={**os.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "expected a cache folder that can be written" in done.stderr


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

    names = ("prometheus", "promtool", "pushgateway", "node_exporter")
    programs, rest = image_contents(names, "3.5", tmp_path / "cache")

    folder = tmp_path / "cache/programs/3.5"
    assert {name: program.path for name, program in programs.items()} == {
        name: folder / name for name in names
    }
    assert rest == {"libc.so.6": folder / "libc.so.6", "busybox": folder / "busybox"}


def test_without_fetching_only_what_is_there_counts(archive: Archive, tmp_path: Path) -> None:
    """A caller that may not fetch must get an error, and nobody may be asked."""
    with pytest.raises(ProgramMissing, match="no whole set of programs"):
        find_program("promtool", "3.5", tmp_path / "cache", fetch=False)

    assert archive.asked == []
