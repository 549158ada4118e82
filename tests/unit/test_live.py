"""The live folder: one configuration at a time, whatever happens to who changes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from l4gate.base import OperationRefused, StackError, UsageError
from l4gate.operations import read_configuration
from l4gate.operations.configuration import Configuration
from l4gate.operations.live_folder import switch

OLD = Configuration(
    {"prometheus.yml": b"old: 1\n", "rules/a.rules.yml": b"old a\n", "rules/gone.rules.yml": b"old\n"}
)
NEW = Configuration(
    {"prometheus.yml": b"new: 1\n", "rules/a.rules.yml": b"new a\n", "targets/t.yml": b"- targets: []\n"}
)

# Runs switch() again and again, each time killed before a later change on the disk (Python announces each one),
# and tells what the folder held then and after the next whole run.
KILLER = """
import json, os, shutil, signal, sys
from pathlib import Path
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.live_folder import switch

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.chmod", "os.chown", "ctypes.dlsym"}
folder, linked = Path(sys.argv[1]), sys.argv[2] == "linked"
old, new, other = (Configuration({k: v.encode() for k, v in each.items()}) for each in json.loads(sys.argv[3]))
outcomes, left = [], []
for count in range(1, 1000):
    live = folder / str(count)
    live.mkdir()
    old.write(live)
    if linked:
        switch(live, other)
        switch(live, old)
    child = os.fork()
    if child == 0:
        seen = 0
        def hook(event, args):
            global seen
            if event in CHANGES or event == "open" and set(args[1] or "") & set("wxa+"):
                seen += 1
                if seen == count:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        switch(live, new)
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    found = read_configuration(live).hash
    outcomes.append({old.hash: "old", new.hash: "new"}.get(found, "half"))
    switch(live, other)
    switch(live, new)
    left.append(sorted(path.name.split("-")[0] for path in (live / ".l4gate").iterdir()))
    outcomes.append("recovered" if read_configuration(live).hash == new.hash else "lost")
    shutil.rmtree(live)
    if not killed:
        break
print(json.dumps({"runs": count, "outcomes": outcomes, "left": left}))
"""


@pytest.fixture
def live(tmp_path: Path) -> Path:
    folder = tmp_path / "live"
    folder.mkdir()
    OLD.write(folder)
    (folder / "web.yml").write_text("not ours\n")
    return folder


@pytest.mark.parametrize("form", ["plain", "linked"])
def test_switch_killed_anywhere_leaves_old_or_new(form: str, tmp_path: Path) -> None:
    """Killed before any change on the disk, a switch must leave one whole configuration, and the next one heals."""
    contents = [
        {name: content.decode() for name, content in each.files.items()}
        for each in (OLD, NEW, Configuration({"prometheus.yml": b"other\n"}))
    ]

    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), form, json.dumps(contents)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    assert result["runs"] > 20
    assert set(result["outcomes"]) == {"old", "new", "recovered"}
    assert all(each == ["current", "generation", "lock"] for each in result["left"])


def test_switch_replaces_the_configuration_and_nothing_else(live: Path) -> None:
    """Files that are gone from the new configuration must be gone; files that are none of it must stay."""
    switch(live, NEW)

    assert read_configuration(live) == NEW
    assert not (live / "rules" / "gone.rules.yml").exists()
    assert (live / "web.yml").read_text() == "not ours\n"


def test_switch_goes_on_where_somebody_put_plain_files(live: Path) -> None:
    """An operator's own file or folder in place of a link must neither be lost nor be in the way."""
    switch(live, NEW)
    (live / "prometheus.yml").unlink()
    (live / "prometheus.yml").write_text("edited by hand\n")
    assert read_configuration(live).files["prometheus.yml"] == b"edited by hand\n"

    switch(live, OLD)

    assert read_configuration(live) == OLD


def test_links_are_relative(live: Path, tmp_path: Path) -> None:
    """A container sees the folder under another name, so no link must name the place on this host."""
    switch(live, NEW)
    moved = live.rename(tmp_path / "etc")

    assert read_configuration(moved) == NEW


def test_modes_are_taken_over(live: Path) -> None:
    """What a server's user could read before, it must be able to read after."""
    (live / "prometheus.yml").chmod(0o640)
    live.chmod(0o755)

    switch(live, NEW)

    assert (live / "prometheus.yml").stat().st_mode & 0o777 == 0o640
    assert (live / "rules").stat().st_mode & 0o777 == 0o755


def test_hash_tells_names_from_content() -> None:
    """The hash must not depend on order, and a byte that moves from a name to a content must change it."""
    files = {"prometheus.yml": b"c", "rules/ab": b"c"}

    assert Configuration(files).hash == Configuration(dict(reversed(files.items()))).hash
    assert Configuration({"a": b"bc"}).hash != Configuration({"ab": b"c"}).hash
    assert Configuration({"a": b"", "b": b""}).hash != Configuration({"a": b""}).hash


def test_folder_without_a_configuration_is_named(tmp_path: Path) -> None:
    """A folder without prometheus.yml must be a usage error that names it."""
    with pytest.raises(UsageError, match=f"prometheus.yml, rules/ and targets/ at {tmp_path}"):
        read_configuration(tmp_path)


def git(folder: Path, *arguments: str) -> None:
    identity = {"GIT_CONFIG_GLOBAL": "/dev/null", "PATH": os.environ["PATH"]}
    subprocess.run(["git", "-C", str(folder), *arguments], env=identity, check=True, capture_output=True)


def test_tracked_files_are_never_touched(live: Path) -> None:
    """A folder with files in a git work tree must be refused, byte for byte as it was; an ignored one must not."""
    git(live.parent, "init", "-q")
    (live.parent / ".gitignore").write_text("live/\n")
    switch(live, NEW)
    assert read_configuration(live) == NEW

    git(live.parent, "add", "-f", "live/prometheus.yml")
    with pytest.raises(OperationRefused, match="found the git work tree"):
        switch(live, OLD)

    assert read_configuration(live) == NEW


def test_what_cannot_be_written_is_said(live: Path) -> None:
    """A hidden folder that is a file must be an error of ours with the system's words, and change nothing."""
    (live / ".l4gate").write_text("in the way\n")

    with pytest.raises(StackError, match=r"expected to put a configuration into .*live, found: "):
        switch(live, NEW)

    assert read_configuration(live) == OLD
