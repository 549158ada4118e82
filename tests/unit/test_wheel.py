"""The wheel: what is installed from it works without the checkout it was built from."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import l4gate
from fixtures.catalogue import FAULTS
from l4gate.base import Verdict
from l4gate.settings import Settings

ROOT = Path(__file__).parents[2]
TRAVELS = ("prometheus", "scripts/ops", "compose.observation.yml")
PACKAGED = "l4gate/_files"  # the folder in the wheel that they are in
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
SECONDS = 60

Command = Callable[..., subprocess.CompletedProcess[str]]


def called(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in an environment that knows nothing of this checkout."""
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("L4_", "PYTHON", "VIRTUAL_"))
    }
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def readme_command(verb: str) -> list[str]:
    """The words that the README has behind `pip VERB`."""
    (found,) = re.findall(rf"^\$ pip {verb} ([^#\n]*)", (ROOT / "README.md").read_text(), re.MULTILINE)
    return [str(word) for word in found.split()]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel is built into, in place of the README's dist/."""
    folder = tmp_path_factory.mktemp("dist")
    words = [str(folder) if word == "dist" else word for word in readme_command("wheel")]
    done = called(*PIP, "wheel", "--quiet", "--no-build-isolation", *words, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel of this checkout, by the name that the README gives it."""
    (word,) = readme_command("install")
    (built,) = dist.iterdir()
    assert f"dist/{built.name}" == word
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The programs' folder of a new environment with the wheel in it, outside of the checkout.

    Its dependencies are those of the environment that runs this test, read from where they are. That the checkout is
    not read with them: only a folder's own `.pth` files count, not those of a folder that one of them names.
    """
    home = tmp_path_factory.mktemp("home") / "env"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    done = called(
        *(*PIP, "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel), cwd=home
    )
    assert done.returncode == 0, done.stderr
    told = called(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home)
    Path(told.stdout.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.fixture
def command(installed: Path, tmp_path: Path, settings: Settings) -> Command:
    """Calls the installed `l4gate` from an empty folder."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return called(
            installed / "l4gate", *arguments, cwd=tmp_path, L4_CACHE_DIR=str(settings.cache_dir.resolve())
        )

    return call


def test_wheel_has_every_file_that_is_judged_or_run(wheel: Path) -> None:
    """Every file of the package and of what travels must be in the wheel byte for byte, executable if it is here."""
    with zipfile.ZipFile(wheel) as archive:
        found = {each.filename: each for each in archive.infolist()}
        for name in (*TRAVELS, "l4gate"):
            for path in (ROOT / name, *(ROOT / name).rglob("*")):
                if not path.is_file() or path.parent.name == "__pycache__":
                    continue
                inside = path.relative_to(ROOT).as_posix()
                there = found[inside if name == "l4gate" else f"{PACKAGED}/{inside}"]
                assert archive.read(there) == path.read_bytes()
                assert bool(there.external_attr >> 16 & 0o100) == os.access(path, os.X_OK), path


def test_wheel_has_nothing_else(wheel: Path) -> None:
    """Tests, what they stand on and what was generated must stay at home."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]

    stray = [
        name
        for name in names
        if not name.startswith(tuple(f"{PACKAGED}/{each}" for each in TRAVELS))
        and not (name.startswith("l4gate/") and (ROOT / name).is_file() and "__pycache__" not in name)
    ]
    assert stray == []


def test_the_installed_package_is_the_one_that_is_tested(installed: Path, tmp_path: Path) -> None:
    """What these tests call must be what came out of the wheel, and the suite's own must be the checkout's."""
    told = called(installed / "python", "-c", "import l4gate; print(l4gate.__file__)", cwd=tmp_path)

    assert Path(told.stdout.strip()).is_relative_to(installed.parent), told.stderr
    assert Path(l4gate.__file__).is_relative_to(ROOT)


def test_every_module_is_there_without_the_tests(installed: Path, tmp_path: Path) -> None:
    """Every module of the wheel must be importable where there are neither tests/ nor fixtures/."""
    code = (
        "import importlib, pkgutil, l4gate\n"
        "for each in pkgutil.walk_packages(l4gate.__path__, 'l4gate.'):\n"
        "    each.name.endswith('__main__') or print(importlib.import_module(each.name).__name__)\n"
    )
    told = called(installed / "python", "-c", code, cwd=tmp_path)

    assert told.returncode == 0, told.stderr
    files = (ROOT / "l4gate").rglob("*.py")
    assert len(told.stdout.split()) == len(list(files)) - 2  # l4gate itself, and what `python -m l4gate` runs


def test_installed_lint_finds_the_rules(command: Command) -> None:
    """`l4gate lint` without a folder must lint the rules that came with the wheel, and find nothing in them."""
    done = command("lint")

    assert done.returncode == 0, done.stdout + done.stderr


def test_installed_doctor_finds_the_rules(command: Command, installed: Path) -> None:
    """`l4gate doctor` must count the rules that came with the wheel."""
    (line,) = [each for each in command("doctor").stdout.splitlines() if " rules " in each]

    assert line.startswith("ok ")
    assert f" in {installed.parent}" in line


def test_installed_faults_are_listed(command: Command) -> None:
    """`l4gate faults list` must print the whole catalogue."""
    done = command("faults", "list")

    assert [fault.id for fault in FAULTS if fault.id not in done.stdout] == [], done.stderr


def test_installed_decide_holds_for_the_server(command: Command) -> None:
    """`l4gate decide` must hold because nobody answers there, and not for want of a file."""
    done = command("decide", "--url", "http://127.0.0.1:1", "--deadline", "1")

    assert done.returncode == Verdict.HOLD.exit_code, done.stderr
    assert done.stdout.startswith("L4 gate: HOLD")
    assert "127.0.0.1:1" in done.stdout
    told = [line for line in done.stdout.splitlines() if "config folder" not in line]
    assert "_files" not in "".join(told) + done.stderr


def test_installed_scripts_run_it(installed: Path, tmp_path: Path) -> None:
    """A script of the wheel must run the `l4gate` that it came with, also with nothing on PATH."""
    (script,) = installed.parent.rglob("l4_dryrun_decision.sh")

    done = called(script, "--help", cwd=tmp_path, PATH=os.defpath)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: l4gate decide ")


def test_installed_pytest_has_the_plugin(installed: Path, tmp_path: Path) -> None:
    """The entry points must be in the wheel: pytest loads the plugin that lets no older verdict outlive a new run."""
    wanted = {each.name for each in importlib.metadata.distribution("l4gate").entry_points}
    told = called(
        *(installed / "python", "-c"),
        "import importlib.metadata as m; print(*(each.name for each in m.distribution('l4gate').entry_points))",
        cwd=tmp_path,
    )

    assert set(told.stdout.split()) == wanted
    assert wanted == {"l4gate", "l4gate.pytest_first"}
