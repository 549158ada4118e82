"""What is judged by is linted first: by every verb with a verdict, and by the gate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.wire import always, serve, success
from l4gate.base import PROMETHEUS_DIR, UsageError
from l4gate.cli import main
from l4gate.commands._sound import _key, ensure_sound_settings
from l4gate.report import STEM
from l4gate.settings import Settings

ROOT = Path(__file__).parents[2]
ABORT = "rules/abort.rules.yml"


def copied(folder: Path, old: str = "", new: str = "") -> Path:
    """The repository's folder, with a text of its abort rules replaced."""
    shutil.copytree(PROMETHEUS_DIR, folder)
    text = (folder / ABORT).read_text()
    assert old in text
    (folder / ABORT).write_text(text.replace(old, new) if old else text)
    return folder


@pytest.fixture(name="unsound")
def _unsound(tmp_path: Path) -> Settings:
    return Settings(
        config_dir=copied(tmp_path / "prometheus", "for: 5m", "for: 99d"),
        cache_dir=tmp_path / "cache",
    )


@pytest.fixture(name="sound")
def _sound(tmp_path: Path) -> Settings:
    return Settings(config_dir=copied(tmp_path / "prometheus"), cache_dir=tmp_path / "cache")


def entries(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.cache_dir / "sound").glob("*"))


def forged(settings: Settings) -> Path:
    """An entry that says of a folder that it was clean today."""
    folder = settings.cache_dir / "sound"
    folder.mkdir(parents=True, mode=0o700)
    entry = folder / _key(settings)
    entry.touch(mode=0o600)
    return entry


@pytest.mark.parametrize("verb", ["decide", "watch", "certify", "checkpoint", "rollback"])
def test_an_unsound_folder_ends_every_verdict(
    verb: str, unsound: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A verb must end with 2, file, line, the number of others and the next step, and ask the server nothing."""
    live = ["--live-dir", str(unsound.config_dir)] if verb in ("checkpoint", "rollback") else []
    with serve(always(success({}))) as (url, seen):
        paths = ["--config-dir", str(unsound.config_dir), "--cache-dir", str(unsound.cache_dir), *live]
        code = main([verb, "--url", url, *paths])

    said = capsys.readouterr().err
    assert (code, seen) == (2, [])
    assert f"{unsound.config_dir}/{ABORT}:" in said
    assert "99d" in said
    assert "and 3 other findings" in said
    assert f"run l4gate lint {unsound.config_dir}" in said
    assert entries(unsound) == []


def test_a_clean_folder_is_linted_once(sound: Settings) -> None:
    """A clean result must be kept, alone for this user, and be found again."""
    ensure_sound_settings(sound)
    (kept,) = entries(sound)
    before = (sound.cache_dir / "sound" / kept).stat()
    ensure_sound_settings(sound)

    assert kept == _key(sound)
    assert (before.st_size, before.st_mode & 0o777) == (0, 0o600)
    assert (sound.cache_dir / "sound").stat().st_mode & 0o777 == 0o700
    assert (sound.cache_dir / "sound" / kept).stat() == before


def test_what_is_kept_is_believed(unsound: Settings) -> None:
    """An entry of this user's own must be taken, or nothing would be kept at all."""
    forged(unsound)

    ensure_sound_settings(unsound)


def linked(entry: Path) -> None:
    entry.unlink()
    entry.symlink_to(__file__)


def moved(entry: Path) -> None:
    entry.parent.rename(entry.parent.with_name("elsewhere"))
    entry.parent.symlink_to("elsewhere")


SPOILT: dict[str, Callable[[Path], object]] = {
    "the entry is for all to write": lambda entry: entry.chmod(0o602),
    "the folder is the group's": lambda entry: entry.parent.chmod(0o770),
    "the folder is everybody's": lambda entry: entry.parent.chmod(0o1777),
    "the cache folder is everybody's": lambda entry: entry.parents[1].chmod(0o777),
    "a folder above is everybody's": lambda entry: entry.parents[2].chmod(0o777),
    "the entry is a link": linked,
    "the folder is a link": moved,
    "the entry is a folder": lambda entry: (entry.unlink(), entry.mkdir()),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_another_could_have_put_there_is_not_believed(
    spoil: Callable[[Path], object], unsound: Settings
) -> None:
    """An entry in a place that somebody else can write to must NOT spare the lint."""
    spoil(forged(unsound))

    with pytest.raises(UsageError, match="expected sound rules to judge by"):
        ensure_sound_settings(unsound)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_an_entry_of_another_user_is_not_believed(unsound: Settings) -> None:
    """An entry that is somebody else's must NOT spare the lint."""
    os.chown(forged(unsound), 65534, 65534)

    with pytest.raises(UsageError):
        ensure_sound_settings(unsound)


@pytest.mark.parametrize(
    "name", [ABORT, "prometheus.yml", "contract.yml", "targets/node_exporter.yml", "rules/new.yml"]
)
def test_whatever_changes_is_linted_again(name: str, sound: Settings) -> None:
    """Any other byte in any file of the folder must be another folder."""
    before = _key(sound)
    with (sound.config_dir / name).open("a") as file:
        file.write("\n# another\n")

    assert _key(sound) != before


def test_what_is_behind_a_link_is_part_of_the_folder(sound: Settings, tmp_path: Path) -> None:
    """A rule in a folder that is a link must be part of what is known to be clean, as the lint reads it."""
    (sound.config_dir / "rules").rename(tmp_path / "elsewhere")
    (sound.config_dir / "rules").symlink_to(tmp_path / "elsewhere")
    before = _key(sound)
    (tmp_path / "elsewhere" / "abort.rules.yml").write_text("groups: []\n")

    assert before
    assert _key(sound) != before


def test_entries_of_other_days_go(sound: Settings) -> None:
    """What was clean on another day must be forgotten, because exceptions end with their day."""
    (sound.cache_dir / "sound").mkdir(parents=True, mode=0o700)
    (sound.cache_dir / "sound" / "2020-01-01-abc").touch()
    ensure_sound_settings(sound)

    assert entries(sound) == [_key(sound)]


def test_no_place_to_keep_it_is_no_obstacle(sound: Settings) -> None:
    """Where nothing can be kept a clean folder must be clean all the same."""
    sound.cache_dir.write_text("a file")

    ensure_sound_settings(sound)


def test_the_gate_refuses_an_unsound_folder(unsound: Settings, tmp_path: Path) -> None:
    """A gate run must end with 2 before anything is started, and leave a HOLD that gives the reason."""
    environment = {
        **os.environ,
        "L4_CONFIG_DIR": str(unsound.config_dir),
        "L4_REPORT_DIR": str(tmp_path / "reports"),
    }
    command = [sys.executable, "-m", "pytest", "-m", "l4_gate", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    left = json.loads((tmp_path / "reports" / f"{STEM}.json").read_text())

    assert done.returncode == 2, done.stdout
    assert f"{ABORT}:" in done.stderr
    assert left["verdict"] == "HOLD"
    assert ABORT in left["gates"][0]["message"]
