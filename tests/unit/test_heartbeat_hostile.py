"""The heartbeat script in hostile folders: links, FIFOs, files and folders of others."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.contract import RAW_SEQ, RAW_TS
from fixtures.strangers import needs_root, shared_folder, shared_writer
from fixtures.writer import CRON_TOOLS, NOBODY, Scripted, Writer
from l4gate.base import wait_until

SECRET = "precious 1\n"


def plant(path: Path, what: str, victim: Path) -> None:
    """Puts something that is no file of its own under a name that the script uses."""
    path.unlink(missing_ok=True)
    if what == "link":
        path.symlink_to(victim)
    elif what == "dangling":
        path.symlink_to(victim.with_name("made"))
    elif what == "second-name":
        path.hardlink_to(victim)
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "zeros":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, 8 << 30)


@pytest.mark.parametrize("what", ["link", "dangling", "second-name", "fifo", "folder", "zeros", "huge"])
@pytest.mark.parametrize("name", ["lock", "sequence", f"{RAW_TS}.prom", f"{RAW_SEQ}.prom"])
def test_nothing_is_followed_or_waited_for(writer: Writer, tmp_path: Path, name: str, what: str) -> None:
    """Whatever lies under a name of the script must not be opened, written or waited for; numbers must go on."""
    victim = tmp_path / "victim"
    victim.write_text(SECRET)
    victim.chmod(0o640)
    last = writer.beat()
    folder = writer.textfile_dir if name.endswith(".prom") else writer.state_dir
    plant(folder / name, what, victim)
    began = time.monotonic()

    done = writer.run()

    assert time.monotonic() - began < 4.5  # 0.1 is usual; a lock is waited for 5
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == (SECRET, 0o640)
    assert not (tmp_path / "made").exists()
    if name == "lock" and what != "huge":
        assert done.returncode == 69
        assert f"expected {writer.state_dir}/lock to be a file of user " in done.stderr
        assert done.stderr.count("\n") == 1
    elif what == "folder":
        assert done.returncode == 1
        assert ("cannot keep the sequence in " if name == "sequence" else "cannot overwrite ") in done.stderr
        assert done.stderr.count("\n") == 1
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert not (folder / name).is_symlink()
        assert (folder / name).stat().st_size < 1000 or name == "lock"
        assert writer.sequence() > last


@pytest.mark.parametrize("what", ["link", "second-name"])
def test_full_disk_writes_through_no_link(
    writer: Writer, tools: Callable[..., str], tmp_path: Path, what: str
) -> None:
    """What replaces the bytes of the state in place on a full disk must not do so in somebody else's file."""
    victim = tmp_path / "victim"
    writer.beat()
    victim.write_text("17\n")
    plant(writer.state, what, victim)
    full = tools(*CRON_TOOLS, "curl", mv='case "$*" in *sequence) exit 1 ;; *) exec /bin/mv "$@" ;; esac')

    done = writer.run(env={"PATH": full})

    assert done.returncode == 1
    assert "cannot keep the sequence in " in done.stderr
    assert victim.read_text() == "17\n"


def test_state_is_for_its_user_alone(writer: Writer) -> None:
    """State folder, state and lock must be closed to others: who can open the lock can hold it."""
    writer.beat(umask=0o000)

    modes = {
        path.name: path.stat().st_mode & 0o777 for path in [writer.state_dir, *writer.state_dir.iterdir()]
    }
    assert modes == {writer.state_dir.name: 0o700, "lock": 0o600, "sequence": 0o600}


def test_older_lock_is_closed_and_stays_the_lock(writer: Writer) -> None:
    """A lock of mode 0644 that a run of an older version holds must be closed to others, and be waited for."""
    writer.state_dir.mkdir(mode=0o755)
    lock = writer.state_dir / "lock"
    lock.touch(mode=0o644)
    lock.chmod(0o644)
    inode = lock.stat().st_ino
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert writer.run(env={"DURI_LOCK_SECONDS": "0.1"}).returncode == 75

    assert (lock.stat().st_ino, lock.stat().st_mode & 0o777) == (inode, 0o600)
    writer.beat()


def test_exchanged_lock_is_no_lock(writer: Writer) -> None:
    """A run that waited for a lock which is another file by then must do nothing: numbers could repeat."""
    number = writer.beat()
    lock = writer.state_dir / "lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        inode = lock.stat().st_ino
        with writer.start() as waiting:
            wait_until(
                lambda: waiters(inode),
                deadline_seconds=5,
                interval_seconds=0.01,
                what="a run that waits",
            )
            lock.unlink()
            lock.touch(mode=0o600)
            fcntl.flock(held, fcntl.LOCK_UN)
            _, words = waiting.communicate(timeout=10)

    assert waiting.returncode == 75
    assert f"{lock} was exchanged while this run waited for it; nothing was done" in words
    assert writer.sequence() == number


def waiters(inode: int) -> str:
    lines = Path("/proc/locks").read_text().splitlines()
    return "\n".join(line for line in lines if "->" in line and f":{inode} " in line)


@needs_root
@pytest.mark.parametrize(
    ("mode", "owner", "lock_owner", "code"),
    [
        (0o700, NOBODY, None, 69),
        (0o777, 0, None, 69),
        (0o775, 0, None, 69),
        (0o1777, 0, NOBODY, 69),
        (0o1777, 0, 0, 0),
        (0o1777, 0, None, 0),
        (0o755, 0, None, 0),
    ],
)
def test_state_folder_of_others_is_refused(
    writer: Writer, mode: int, owner: int, lock_owner: int | None, code: int
) -> None:
    """Where somebody else could hold the lock nothing must be done: exit 69 and one sentence."""
    writer.state_dir.mkdir()
    writer.state_dir.chmod(mode)
    if lock_owner is not None:
        (writer.state_dir / "lock").touch()
        os.chown(writer.state_dir / "lock", lock_owner, lock_owner)
    os.chown(writer.state_dir, owner, owner)
    before = sorted(writer.state_dir.iterdir())

    done = writer.run()

    assert done.returncode == code
    assert done.stderr.count("\n") == (code != 0)
    if code:
        assert done.stderr.startswith("textfile_heartbeat.sh: expected ")
        assert "nothing delivered" in done.stderr
        assert sorted(writer.state_dir.iterdir()) == before
        assert not list(writer.textfile_dir.iterdir())


@needs_root
def test_link_of_others_is_no_folder(writer: Writer, tmp_path: Path) -> None:
    """A link that another user put where a folder should be must not be followed; one of root must."""
    target = tmp_path / "target"
    for name, code in (("state_dir", 69), ("textfile_dir", 1)):
        target.mkdir(mode=0o700)
        path: Path = getattr(writer, name)
        if path.exists():
            path.rename(path.with_name(f"old {name}"))
        path.symlink_to(target)
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

        assert writer.run().returncode == code
        assert not list(target.iterdir())
        os.chown(path, 0, 0, follow_symlinks=False)
        writer.beat()
        path.unlink()
        target.rename(path)


@needs_root
def test_files_of_others_stay(scripted: Scripted) -> None:
    """In a folder for all nothing of another user must be read, replaced or removed, whatever its name is."""
    with shared_folder() as folder:
        writer = shared_writer(folder, "root", scripted.url)
        writer.beat()
        mark = f"{writer.state_dir.stat().st_dev}-{writer.state_dir.stat().st_ino}"
        theirs = [writer.textfile_dir / f".{RAW_TS}.{each}.tmp" for each in ("4711", f"{mark}.x", "other.x")]
        prom = writer.textfile_dir / f"{RAW_SEQ}.prom"
        prom.unlink()
        for path in (*theirs, prom):
            path.write_text(f'{RAW_SEQ}{{a="b"}} 9007199254740000\n')
            os.chown(path, NOBODY, NOBODY)
        own = writer.textfile_dir / f".{RAW_TS}.{mark}.y.tmp"
        own.touch()

        done = writer.run()

        assert done.returncode == 1
        assert f"{RAW_SEQ}.prom is of another user" in done.stderr
        assert done.stderr.count("\n") == 1
        assert all(path.stat().st_uid == NOBODY and path.stat().st_size for path in (*theirs, prom))
        assert not own.exists()
        assert scripted.sequences()[-1] == scripted.sequences()[0] + 1


@pytest.mark.parametrize("what", ["state", "files", "holder", "realm", "url"])
def test_no_control_character_is_said(writer: Writer, tmp_path: Path, what: str) -> None:
    """Names, settings and the arguments of other processes must reach the terminal as printable characters only."""
    evil = "x\x1b]0;\x07\x9b\u009b2J\u202e\udcff"
    if what == "holder":
        writer.beat()
        code = "import fcntl,sys; f=open(sys.argv[1]); fcntl.flock(f,2); print(flush=True); sys.stdin.read()"
        command = [sys.executable, "-c", code, str(writer.state_dir / "lock"), evil]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            holder.stdout.readline()
            done = writer.run(env={"DURI_LOCK_SECONDS": "0.1"}, errors="surrogateescape")
            holder.communicate()
        assert f"held by pid {holder.pid} (" in done.stderr
    else:
        name = {"state": "STATE_DIR", "files": "TEXTFILE_DIR", "realm": "REALM", "url": "PUSHGATEWAY_URL"}[
            what
        ]
        value = f"http://{evil[-4:]}:1" if what == "url" else evil if what == "realm" else f"/dev/null/{evil}"
        done = writer.run(env={f"DURI_{name}": value}, errors="surrogateescape")

    assert done.returncode != 0
    assert all(" " <= each <= "~" or each == "\n" for each in done.stderr), done.stderr
