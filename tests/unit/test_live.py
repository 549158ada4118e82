"""The live folder: one configuration at a time, whatever happens to who changes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.hostile import too_large
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
            if event in CHANGES or event == "open" and args[2] & os.O_CREAT:
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


def test_switch_leaves_what_somebody_else_made_live(live: Path) -> None:
    """A folder that holds neither of what was expected must stay as it is, and the message must say what it holds."""
    with pytest.raises(OperationRefused, match=f"somebody has made {OLD.hash[:16]} live meanwhile"):
        switch(live, NEW, replacing=(NEW,))

    assert read_configuration(live) == OLD
    switch(live, NEW, replacing=(NEW, OLD))
    assert read_configuration(live) == NEW


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


# Before each change on the disk, and at the end, everything below a folder that others could read is noted.
WATCHER = """
import json, os, stat, sys
from pathlib import Path
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.live_folder import switch

live, back = Path(sys.argv[1]), sys.argv[2] == "back"
CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.symlink", "os.chmod", "os.chown", "ctypes.dlsym"}
seen, busy = set(), False

def look(folder):
    if not folder.lstat().st_mode & stat.S_IXOTH:
        return
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            look(path)
        elif stat.S_ISREG(mode) and mode & stat.S_IROTH and b"hush" in path.read_bytes():
            seen.add(path.name)

def hook(event, args):
    global busy
    if event in CHANGES and not busy:
        busy = True
        look(live)
        busy = False

os.umask(0)
sys.addaudithook(hook)
before = read_configuration(live)
new = {name: content + b"# new" for name, content in before.files.items() if "gone" not in name}
switch(live, Configuration({**new, "rules/new.rules.yml": b"hush"}))
if back:
    switch(live, before, back=True)
hook("open", ())
print(json.dumps(sorted(seen)))
"""


@pytest.mark.parametrize("how", ["there", "back"])
@pytest.mark.parametrize("form", ["plain", "linked"])
def test_nobody_can_read_more_at_any_moment(tmp_path: Path, form: str, how: str) -> None:
    """What only its owner could read must be readable by nobody else at any moment of a switch, nor after it."""
    live = tmp_path / "live"
    live.mkdir()
    secret = Configuration(
        dict.fromkeys(("prometheus.yml", "rules/a.rules.yml", "rules/gone.rules.yml"), b"hush")
    )
    secret.write(live, access={})
    for path in (*live.rglob("*"), live, *live.parents[:2]):
        if path.is_dir():
            path.chmod(0o755)
    (live / "rules" / "open.rules.yml").write_text("for everybody\n")
    if form == "linked":
        switch(live, read_configuration(live))

    done = subprocess.run(
        [sys.executable, "-c", WATCHER, str(live), how],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == []
    assert (live / "rules" / "open.rules.yml").stat().st_mode & 0o777 == 0o644
    assert (live / "prometheus.yml").stat().st_mode & 0o777 == 0o600
    if how == "back":
        assert (live / "rules" / "gone.rules.yml").stat().st_mode & 0o777 == 0o600


def many_beside(path: Path) -> None:
    for number in range(10_001):
        path.with_name(str(number)).touch()


def in_place_of(name: str, put: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(live: Path) -> None:
        (live / "targets").mkdir()
        (live / name).unlink(missing_ok=True)
        put(live / name)

    return change


def folder_elsewhere(live: Path) -> None:
    (live / "targets").symlink_to("/etc")


HOSTILE_LIVE: dict[str, tuple[Callable[[Path], object], str]] = {
    "FIFO": (in_place_of("rules/x.rules.yml", os.mkfifo), "found a FIFO"),
    "FIFO of the configuration": (in_place_of("prometheus.yml", os.mkfifo), "found a FIFO"),
    "device": (in_place_of("rules/a.rules.yml", lambda path: path.symlink_to("/dev/zero")), "regular file"),
    "foreign file": (
        in_place_of("targets/x.yml", lambda path: path.symlink_to("/etc/passwd")),
        "leads out of",
    ),
    "foreign configuration": (
        in_place_of("prometheus.yml", lambda path: path.symlink_to("/etc/passwd")),
        "leads out of",
    ),
    "foreign folder": (folder_elsewhere, "leads out of"),
    "endless": (in_place_of("rules/x.rules.yml", too_large), "more than [0-9]+ bytes"),
    "many": (in_place_of("targets/x", many_beside), "more than 10000 files"),
    "a file for a folder": (lambda live: (live / "targets").write_text("x"), "Not a directory"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("put", "reason"), HOSTILE_LIVE.values(), ids=HOSTILE_LIVE)
def test_hostile_live_folder_is_named_and_left(
    live: Path, put: Callable[[Path], object], reason: str
) -> None:
    """A FIFO, a device, a link to what is elsewhere or a file without end must be one sentence, and nothing be read."""
    put(live)
    before = sorted(path.name for path in live.iterdir())

    with pytest.raises(UsageError, match=reason) as refused:
        read_configuration(live)
    assert refused.value.message.isprintable()
    with pytest.raises(UsageError, match=reason):
        switch(live, NEW)
    assert sorted(path.name for path in live.iterdir() if path.name != ".l4gate") == before


def test_links_within_the_folder_are_followed(live: Path) -> None:
    """A mounted ConfigMap is links to a hidden folder beside them, and must be read like files."""
    (live / "..data").mkdir()
    (live / "prometheus.yml").rename(live / "..data" / "prometheus.yml")
    (live / "prometheus.yml").symlink_to("..data/prometheus.yml")
    (live / "rules").rename(live / "..data" / "rules")
    (live / "rules").symlink_to(live / "..data" / "rules")
    (live / "rules" / ".#a.rules.yml").symlink_to("somebody@host.1:2")  # an editor's lock

    assert read_configuration(live) == OLD


def test_hidden_folder_that_is_a_link_is_refused(live: Path, tmp_path: Path) -> None:
    """A link in place of the hidden folder must be refused: what it leads to is somebody else's."""
    (tmp_path / "elsewhere").mkdir()
    (live / ".l4gate").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StackError, match="found a link"):
        switch(live, NEW)

    assert list((tmp_path / "elsewhere").iterdir()) == []
