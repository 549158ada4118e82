"""The heartbeat script's sequence and lock: no number twice, none lost, whatever happens to the file or the run."""

from __future__ import annotations

import fcntl
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.contract import RAW_SEQ, RAW_TS
from fixtures.writer import CRON_TOOLS, Pushgateway, Scripted, Writer, exposed, read_only_writer
from l4gate.base import wait_until

BROKEN_STATES = {
    "lost": None,
    "empty": b"",
    "newline": b"\n",
    "binary": b"\x00\xff\xfe\x001795\n",
    "zeros-of-a-crash": b"\x00" * 14,
    "number-with-nul": b"1\x002\n",
    "negative": b"-5\n",
    "fraction": b"12.5\n",
    "words": b"seventeen\n",
    "cut": b"17",
    "two-lines": b"17\n18\n",
    "spaces": b" 17 \n",
    "above-exact": b"9007199254740993\n",
    "above-int64": b"99999999999999999999\n",
    "long": b"1" * 100_000,
    "octal": b"0\n",
    "leading-zeros": b"0000000000000008\n",
}


def break_state(writer: Writer, content: bytes | None) -> None:
    if content is None:
        writer.state.unlink()
    else:
        writer.state.write_bytes(content)


def forget(writer: Writer) -> None:
    """Loses all that the host remembers."""
    writer.state.unlink()
    for path in writer.textfile_dir.iterdir():
        path.unlink()


def test_each_run_counts_one(writer: Writer) -> None:
    """The sequence must rise by exactly one from run to run, and the state file hold the number published last."""
    numbers = [writer.beat() for _ in range(4)]

    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert writer.state.read_text() == f"{numbers[-1]}\n"


def test_number_is_exact_in_a_sample(writer: Writer, pushgateway: Pushgateway) -> None:
    """What the Pushgateway shows as a float must be the very number of the file."""
    number = writer.beat()

    assert number < 2**53
    assert int(pushgateway.shown()[RAW_SEQ].sample.value) == number


def test_number_is_stored_before_it_is_published(writer: Writer, scripted: Scripted) -> None:
    """When a push arrives, the state file must already hold its number: a crash cannot publish it again."""
    stored: list[int] = []
    writer.beat()
    scripted.on_push = lambda: stored.append(int(writer.state.read_text()))

    writer.beat(env={"DURI_PUSHGATEWAY_URL": scripted.url})

    assert stored == scripted.sequences()


@pytest.mark.parametrize("content", BROKEN_STATES.values(), ids=list(BROKEN_STATES))
def test_broken_state_repeats_nothing(writer: Writer, content: bytes | None) -> None:
    """Whatever the state file holds, the next number must be larger than every number published, and be stored."""
    last = [writer.beat() for _ in range(3)][-1]
    break_state(writer, content)

    number = writer.beat()

    assert last < number < 2**53
    assert writer.beat() == number + 1


@pytest.mark.parametrize("content", BROKEN_STATES.values(), ids=list(BROKEN_STATES))
def test_broken_state_without_other_memory(writer: Writer, scripted: Scripted, content: bytes | None) -> None:
    """With the .prom files and the Pushgateway's memory gone too, an unusable state must still repeat nothing."""
    env = {"DURI_PUSHGATEWAY_URL": scripted.url}
    last = [writer.beat(env=env) for _ in range(3)][-1]
    forget(writer)
    if content is not None:
        writer.state.write_bytes(content)

    writer.beat(env=env)

    if content not in (b"0\n", b"0000000000000008\n"):  # well-formed: nothing shows that they are old
        assert last < scripted.sequences()[-1] < 2**53


def test_old_state_repeats_nothing(writer: Writer) -> None:
    """A state file from a backup must be outvoted by the .prom file."""
    old = writer.beat()
    last = [writer.beat() for _ in range(3)][-1]
    writer.state.write_text(f"{old}\n")

    assert writer.beat() == last + 1


def test_pushgateway_remembers(writer: Writer, clock: Callable[[str], dict[str, str]]) -> None:
    """A host that lost its files, and whose clock starts in 1970, must go on from what the Pushgateway shows."""
    last = writer.beat()
    forget(writer)

    assert writer.beat(env=clock("30.000000")) == last + 1


def test_number_is_kept_when_the_folder_takes_no_new_file(writer: Writer, tools: Callable[..., str]) -> None:
    """If the state cannot be replaced by renaming, as on a full disk, its bytes must be replaced in place."""
    last = writer.beat()
    full = tools(*CRON_TOOLS, "curl", mv='case "$*" in *sequence) exit 1 ;; *) exec /bin/mv "$@" ;; esac')

    assert writer.beat(env={"PATH": full}) == last + 1
    assert writer.state.read_text() == f"{last + 1}\n"
    assert not list(writer.state_dir.glob(".sequence*"))


def test_unwritable_state_is_told_and_repeats_nothing(writer: Writer, scripted: Scripted) -> None:
    """If the number cannot be kept at all, both paths must go on with numbers of the clock; exit 1 must say why."""
    env = {"DURI_PUSHGATEWAY_URL": scripted.url}
    writer.beat(env=env)
    writer.state.unlink()
    writer.state.mkdir()

    for _ in range(2):
        done = writer.run(env=env)
        assert done.returncode == 1
        assert f"cannot keep the sequence in {writer.state}; counting by the clock" in done.stderr

    numbers = scripted.sequences()
    assert len(numbers) == 3
    assert numbers == sorted(set(numbers))
    assert writer.sequence() == numbers[-1]


def test_read_only_host_repeats_nothing(scripted: Scripted) -> None:
    """When neither state nor files can be written any more, the push must go on with numbers of the clock."""
    with read_only_writer(scripted.url) as (writer, options):
        for _ in range(2):
            done = writer.run(**options)
            assert done.returncode == 1
            assert "cannot keep the sequence" in done.stderr
            assert "cannot write the .prom files" in done.stderr

    numbers = scripted.sequences()
    assert len(numbers) == 3
    assert numbers == sorted(set(numbers))


def test_state_folder_that_cannot_be_made(writer: Writer) -> None:
    """Without a place for the lock nothing must be delivered: exit 69, with the folder's name."""
    done = writer.run(env={"DURI_STATE_DIR": "/dev/null/state"})

    assert done.returncode == 69
    assert "cannot make the folder /dev/null/state; nothing delivered" in done.stderr


def test_hundred_runs_at_once(writer: Writer, scripted: Scripted) -> None:
    """Runs that exit 0 must push as many distinct numbers, consecutive and in order; no reader must see a torn file."""
    env = {"DURI_PUSHGATEWAY_URL": scripted.url}
    before = writer.beat(env=env)
    torn: list[str] = []
    over = threading.Event()
    reader = threading.Thread(target=watch_files, args=(writer, over, torn))
    reader.start()

    processes = [writer.start(env=env) for _ in range(100)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    over.set()
    reader.join()

    delivered = sum(code == 0 for _, _, code in ends)
    assert {code for _, _, code in ends} <= {0, 75}
    assert delivered >= 1
    assert scripted.sequences()[1:] == list(range(before + 1, before + 1 + delivered))
    assert writer.sequence() == before + delivered
    assert torn == []
    assert len(list(writer.textfile_dir.iterdir())) == 2


def watch_files(writer: Writer, over: threading.Event, torn: list[str]) -> None:
    """Reads as node-exporter does, without pause, and keeps what is not a whole file."""
    while not over.is_set():
        for name in (RAW_TS, RAW_SEQ):
            text = writer.file(name)
            if not text.endswith("\n") or exposed(text).keys() != {name}:
                torn.append(text)


def test_lock_held_by_another_run(writer: Writer, hanging_url: str) -> None:
    """A run that cannot get the lock must exit 75, name the pid and command that have it, and use no number."""
    number = writer.beat()
    env = {"DURI_PUSHGATEWAY_URL": hanging_url, "DURI_PUSH_SECONDS": "1.5"}
    with writer.start(env=env) as holder:
        wait_until(
            lambda: writer.sequence() > number, deadline_seconds=5, interval_seconds=0.01, what="a beat"
        )
        done = writer.run(env={"DURI_LOCK_SECONDS": "0.1"})
        holder.communicate(timeout=10)

    assert done.returncode == 75
    lock = writer.state_dir / "lock"
    assert f"waited 0.1 s for {lock}, held by pid {holder.pid} (/bin/bash " in done.stderr
    assert "nothing was done" in done.stderr
    assert writer.beat() == number + 2


def test_lock_held_by_a_stranger(writer: Writer) -> None:
    """A lock that another program took without signing it must be named too; by default the wait must be 5 s."""
    writer.beat()
    with (writer.state_dir / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        done = writer.run()

    assert done.returncode == 75
    assert 4.5 <= time.monotonic() - began <= 8  # 5.1 is usual
    assert f"held by pid {Path('/proc/self').resolve().name} (" in done.stderr


def test_push_of_a_killed_run_is_not_overtaken(writer: Writer, hanging_url: str) -> None:
    """While the push of a killed run is on its way nobody else must publish; then the sequence must go on."""
    number = writer.beat()
    with writer.start(env={"DURI_PUSHGATEWAY_URL": hanging_url, "DURI_PUSH_SECONDS": "1.5"}) as killed:
        wait_until(
            lambda: writer.sequence() > number, deadline_seconds=5, interval_seconds=0.01, what="a beat"
        )
        killed.send_signal(signal.SIGKILL)
        refused = writer.run(env={"DURI_LOCK_SECONDS": "0.1"})

        assert refused.returncode == 75
        assert "it has ended; a process that it started, " in refused.stderr
        assert writer.beat() == number + 2
