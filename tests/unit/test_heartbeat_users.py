"""Two users of the heartbeat script in one folder: side by side, and killed among the links of a third one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.contract import RAW_SEQ, RAW_TS
from fixtures.strangers import as_user, needs_root, shared_folder, shared_writer
from fixtures.writer import NOBODY, Scripted, scripted_gateway

STRANGER = NOBODY - 1
SECRET = "precious 1\n"
QUICK, ALL = 80, pytest.param(1000, marks=pytest.mark.nightly)
# Puts links, FIFOs, files and folders wherever a run might look, and says at the end what it put there.
ATTACK = """
import os, sys, time
folder, victim, user, *names = sys.argv[1:]
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
placed, last = set(), 0
print("started", flush=True)
while os.getppid() == int(os.environ["PARENT"]):
    pid = int(open("/proc/loadavg").read().split()[-1])
    for near in range(max(last, pid), pid + 12):
        for name in names:
            path = f"{folder}/.{name}.{near}.tmp"
            try:
                (os.symlink if near % 3 else os.link)(victim, path)
                placed.add(path)
            except OSError:
                pass
    last = pid + 12
    for number, name in enumerate(names):
        try:
            os.mkfifo(f"{folder}/{name}.prom") if number % 2 else os.symlink(victim, f"{folder}/{name}.prom")
        except OSError:
            pass
    with open(f"{folder}/placed.new", "w") as file:
        file.write("\\n".join(placed))
    os.replace(f"{folder}/placed.new", f"{folder}/placed")
    time.sleep(0.002)
"""


@pytest.mark.parametrize("runs", [40, pytest.param(300, marks=pytest.mark.nightly)])
def test_two_writers_share_a_folder(tmp_path: Path, scripted: Scripted, runs: int) -> None:
    """Runs of two state folders that write the same files at once must all deliver, and leave nothing behind."""
    one, two = (shared_writer(tmp_path, name, scripted.url, os.geteuid()) for name in ("one", "two"))

    def run(number: int) -> tuple[int, str]:
        done = (one, two)[number % 2].run()
        return done.returncode, done.stderr

    with ThreadPoolExecutor(2) as pool:
        failed = [end for end in pool.map(run, range(runs)) if end != (0, "")]

    assert failed == []
    assert {path.name for path in one.textfile_dir.iterdir()} == {f"{RAW_TS}.prom", f"{RAW_SEQ}.prom"}


@needs_root
@pytest.mark.parametrize("runs", [QUICK, ALL])
def test_killed_and_concurrent_runs_of_two_users(runs: int) -> None:
    """Among a third user's links, killed runs of two must tear nothing, repeat nothing, touch nothing foreign."""
    names = {0: (RAW_TS, RAW_SEQ), NOBODY: ("other_ts", "other_seq")}
    chance = random.Random(runs)  # noqa: S311 - the same moments in every run of the test
    with shared_folder() as folder, scripted_gateway() as first, scripted_gateway() as second:
        gateways = {0: first, NOBODY: second}
        victim = folder / "victim"
        victim.write_text(SECRET)
        victim.chmod(0o666)  # whoever follows a link succeeds, whoever it is
        writers = {uid: shared_writer(folder, f"user {uid}", gateways[uid].url, uid) for uid in names}
        for uid, (ts, seq) in names.items():
            writers[uid].environment |= {"DURI_TIME_METRIC": ts, "DURI_SEQUENCE_METRIC": seq}
            assert writers[uid].run(**as_user(uid)).returncode == 0
        files = writers[0].textfile_dir
        proms = [files / f"{name}.prom" for pair in names.values() for name in pair]

        def run(number: int) -> int:
            uid = (0, NOBODY)[number % 2]
            with writers[uid].start(**as_user(uid)) as process:
                if number % 3:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(delays[number])
                    process.kill()
                process.communicate(timeout=30)
                return process.returncode

        delays = [chance.uniform(0.002, 0.06) for _ in range(runs)]
        torn: list[str] = []
        over = threading.Event()
        reader = threading.Thread(target=watch, args=(proms, over, torn))
        reader.start()
        everybody = [name for pair in names.values() for name in pair]
        command = [
            sys.executable,
            "-c",
            ATTACK,
            str(files),
            str(victim),
            str(STRANGER),
            *everybody,
            "third_ts",
        ]
        environ = {"PARENT": str(os.getpid())}
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as attack:
            assert attack.stdout
            attack.stdout.readline()
            with ThreadPoolExecutor(4) as pool:
                codes = list(pool.map(run, range(runs)))
            attack.kill()
        over.set()
        reader.join()
        last = [writers[uid].run(**as_user(uid)) for uid in names]

        assert set(codes) <= {0, -9}
        assert min(codes.count(-9), codes.count(0)) > runs / 10
        assert [(done.returncode, done.stderr) for done in last] == [(0, "")] * 2
        assert torn == []
        assert victim.read_text() == SECRET
        for uid in names:
            numbers = [
                int(request.body.rsplit(" ", 1)[1])
                for request in gateways[uid].requests
                if request.method == "PUT"
            ]
            assert numbers == sorted(set(numbers))
        placed = set((files / "placed").read_text().split("\n"))
        assert len(placed) > runs
        left = {
            str(path)
            for path in files.iterdir()
            if path.lstat().st_uid != STRANGER and not path.samefile(victim)
        }
        assert {path for path in placed if not os.path.lexists(path)} == set()
        assert left == {str(path) for path in proms}


def pushed(gateway: Scripted) -> list[int]:
    """The numbers that arrived, in order, whatever the metric's name is."""
    return [int(each.body.rsplit(" ", 1)[1]) for each in gateway.requests if each.method == "PUT"]


def watch(files: list[Path], over: threading.Event, torn: list[str]) -> None:
    """Reads as node-exporter does and keeps what is no whole file."""
    while not over.is_set():
        for file in files:
            text = file.read_text()
            if not (
                text.startswith(f"# HELP {file.stem} ") and text.endswith("\n") and text.count("\n") == 3
            ):
                torn.append(text)
