"""`l4gate decide` and `l4gate doctor` as commands, and what every verb says of arguments that it does not know."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.contract import RECORDED
from fixtures.wire import serve, success
from l4gate import cli
from l4gate.base import Verdict
from l4gate.cli import VERBS
from l4gate.settings import OPTIONS, VARIABLES

SECRET = "SECRET"
# Makes a scratch folder in $TMPDIR, says which, and waits to be killed.
HOLDER = """
import sys
from l4gate.machine import scratch
with scratch("held") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def command(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell would call it."""
    return run("-m", "l4gate", *args, **environment)


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(name="nobody")
def _nobody() -> Iterator[str]:
    """A URL at which nobody listens, and nobody else can begin to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


# decide


def test_decide_without_a_server_holds(nobody: str) -> None:
    """Where nobody answers the command must exit 10, and say HOLD, the cause, the address and what to do."""
    done = command("decide", "--url", nobody, "--deadline", "1")

    assert done.returncode == Verdict.HOLD.exit_code, done.stderr
    assert done.stdout.startswith("L4 gate: HOLD")
    assert nobody.removeprefix("http://") in done.stdout
    assert "next" in done.stdout
    assert "GO" not in done.stdout.split()


def test_decide_as_json_has_the_decision_and_its_evidence(nobody: str) -> None:
    """JSON must hold verdict, exit code and, for every realm, causes, warnings and evidence, and nothing beside it."""
    done = command("decide", "--url", nobody, "--deadline", "1", "--realm", "prod", "--realm", "eu", "--json")

    told = json.loads(done.stdout)
    assert (told["verdict"], told["exit_code"]) == ("HOLD", done.returncode)
    assert [realm["realm"] for realm in told["realms"]] == ["prod", "eu"]
    for realm in told["realms"]:
        assert realm["verdict"] == "HOLD"
        assert set(realm["causes"][0]) >= {"stage", "code", "expected", "found", "where", "next_step"}
        readings = realm["evidence"]["readings"]
        assert readings
        assert {each["value"] for each in readings.values()} == {None}


def test_decide_of_an_empty_server_holds() -> None:
    """A server that answers everything and has nothing must be HOLD: no answer is taken for a good value."""

    def empty(connection: socket.socket, line: str) -> None:
        if "time%28%29" in line:
            data: object = {"resultType": "scalar", "result": [1.7e9, "1700000000"]}
        elif "/rules" in line:
            data = {"groups": []}
        elif "/targets" in line:
            data = {"activeTargets": []}
        else:
            data = {"resultType": "vector", "result": []}
        connection.sendall(success(data))

    with serve(empty) as (url, seen):
        done = command("decide", "--url", url, "--deadline", "1", "--json")

    assert seen
    assert done.returncode == Verdict.HOLD.exit_code, done.stderr
    assert json.loads(done.stdout)["verdict"] == "HOLD"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "decide needs a server to judge"),
        (("--url", "nowhere"), "--url: expected a URL"),
        (("--url", f"http://u:{SECRET}@h"), "found one with credentials in it"),
        (("--url", "http://h", "--deadline", "soon"), "--deadline: expected a number"),
        (("--url", "http://h", "--realm", 'a"b'), "--realm: expected a realm"),
        (("--url", "http://h", "--foreign-rules", "maybe"), "expected one of differ, ignore"),
        (("--url", "http://h", "--config-dir", "/nonexistent"), "expected a folder with a prometheus.yml"),
        (("--url",), "expected one argument"),
    ],
)
def test_decide_refuses_what_it_cannot_use(args: tuple[str, ...], said: str) -> None:
    """A wrong call must exit 2 with one sentence on stderr, nothing on stdout, and no secret."""
    done = command("decide", *args)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert SECRET not in done.stderr


@pytest.mark.parametrize("option", ["--rules-url", "--scrape-url", "--shard-url"])
@pytest.mark.parametrize(
    "verb", [("reload",), ("rollback",), ("watch", "--for", "1h", "--rollback")], ids=lambda verb: verb[0]
)
def test_what_several_programs_share_is_not_changed(
    verb: tuple[str, ...], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rules or targets are another server's, a change must be refused at once: exit 2, and one sentence."""
    monkeypatch.setenv(f"L4_{option.strip('-').upper().replace('-', '_')}", "http://127.0.0.1:9")

    done = command(*verb, "--url", "http://127.0.0.1:9", "--live-dir", str(tmp_path))

    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert f"{verb[0]} changes a server that scrapes and evaluates itself, and {option} says" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


# What every verb says of its arguments


def called(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Exit code and what was printed, without a process for each of so many cases."""
    try:
        code = cli.main(list(args))
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capsys.readouterr()


@pytest.fixture(name="_unset", autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says of the run that these tests are part of, except where its programs are."""
    for option in OPTIONS:
        if option.name not in ("cache-dir", "generation"):
            monkeypatch.delenv(option.env, raising=False)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("decide", "--ulr", f"http://u:{SECRET}@h"), "unknown option --ulr"),
        (("decide", f"--ulr=http://u:{SECRET}@h"), "unknown option --ulr"),
        (("decide", "--json", "--token", SECRET, "--url=http://h"), "unknown option --token"),
        (("decide", "--token", f"--{SECRET}"), "unknown option --token"),
        (("decide", f"-p{SECRET}"), "unknown option -p"),
        (("faults", "--token", SECRET), "unknown option --token"),
        (("--ulr", f"http://u:{SECRET}@h", "decide"), "unknown option --ulr"),
        ((f"--ulr=http://u:{SECRET}@h",), "unknown option --ulr"),
        ((f"http://u:{SECRET}@h",), "invalid choice"),
        (("decide", f"http://u:{SECRET}@h"), "1 argument too many"),
        (("lint", f"http://u:{SECRET}@h"), "found none in"),
        (("lint", ".", f"http://h/?token={SECRET}"), "1 argument too many"),
        (("lint", "--only", f"http://u:{SECRET}@h"), "expected a check"),
        (("faults", f"u:{SECRET}@h"), "invalid choice"),
        (("decide", f"--json=http://u:{SECRET}@h"), "explicit argument"),
        (("checkpoint", f"--keep=http://u:{SECRET}@h"), "invalid int value"),
        (("decide", "--realm", f"http://u:{SECRET}'\"\\@h"), "expected a realm"),
        (("decide", "--deadline", f"https://{SECRET}@h"), "expected a number"),
        (("decide", "--basic-auth-file", f"u:{SECRET}@h"), "expected a readable file"),
        (("certify", "--url=http://h", "--window", f"http://u:{SECRET}@h"), "duration"),
        (("diff", "--url=http://h", f"http://u:{SECRET}@h"), "found none in"),
    ],
)
def test_no_message_repeats_a_secret(
    args: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message must name an unknown option but never its value, and no part of any argument's credentials."""
    code, out, err = called(capsys, *args)

    assert (code, out) == (2, "")
    assert said in err
    assert SECRET not in err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_what_it_does_not_know(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb must have a help, and exit 2 on an option of which it knows nothing, naming the option alone."""
    code, out, _ = called(capsys, verb, "--help")
    assert (code, out.partition(" [")[0]) == (0, f"usage: l4gate {verb}")

    refused = called(capsys, verb, "--no-such-option", SECRET)

    assert refused == (2, "", f"l4gate {verb}: unknown option --no-such-option. See l4gate {verb} --help.\n")


@pytest.mark.parametrize(
    ("option", "verbs"),
    [
        ("--live-dir", ["watch", "reload", "checkpoint", "rollback"]),
        ("--state-dir", ["watch", "checkpoint", "rollback"]),
    ],
)
def test_verbs_that_take_a_folder(option: str, verbs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The folders of a server must be options of the verbs that change it, and of those alone."""
    assert [verb for verb in VERBS if f" {option} DIR" in called(capsys, verb, "--help")[1]] == verbs


def test_a_mistyped_option_does_not_show_its_secret() -> None:
    """The command itself must exit 2 on a mistyped --url, with a sentence without the URL."""
    done = command("decide", "--ulr", f"http://u:{SECRET}@h")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "l4gate decide: unknown option --ulr. See l4gate decide --help.\n"


# doctor


@pytest.fixture(name="left")
def _left(tmp_path: Path) -> Path:
    """The scratch folder of a process that was killed; nothing else of it is there any more."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    folder = Path(holder.stdout.readline().strip())
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert folder.is_dir()
    return folder


def test_doctor_lists_and_reaps_the_leftovers_of_the_dead(left: Path, tmp_path: Path) -> None:
    """A dead owner's folder must be listed, as text and JSON, until --reap removes it and says so."""
    listed = command("doctor", TMPDIR=str(tmp_path))
    as_json = json.loads(command("doctor", "--json", TMPDIR=str(tmp_path)).stdout)
    there = left.is_dir()
    # Of all runs that are dead, only this one: --reap takes along what others keep on this machine.
    only = f"reaper.is_dead = lambda run_id, _age: run_id == {left.name.partition('-')[2]!r}"
    reaped = run(
        "-c",
        f"import sys\nfrom l4gate import cli\nfrom l4gate.stack import reaper\n{only}\nsys.exit(cli.main())",
        *("doctor", "--reap"),
        TMPDIR=str(tmp_path),
    )
    after = json.loads(command("doctor", "--json", TMPDIR=str(tmp_path)).stdout)

    assert f"left folder {left} of run " in listed.stdout
    assert "l4gate doctor --reap removes all of it now" in listed.stdout
    assert [each for each in as_json["leftovers"] if each.startswith(f"folder {left} ")]
    assert as_json["reaped"] is False
    assert there
    assert f"gone folder {left} of run " in reaped.stdout
    assert not left.exists()
    assert not [each for each in after["leftovers"] if str(left) in each]


def test_doctor_says_what_a_run_would_find() -> None:
    """Text and JSON must name every program, tool and the rules, with the same answer as the exit code."""
    text, as_json = command("doctor"), command("doctor", "--json")

    told = json.loads(as_json.stdout)
    names = ["python", "prometheus", "promtool", "pushgateway", "node_exporter", "alertmanager", "amtool"]
    names += ["bash", "curl", "flock"]
    assert list(told["findings"]) == [*names, "rules"]
    assert (told["ready"], text.returncode, as_json.returncode) == (True, 0, 0), text.stdout
    assert told["findings"]["python"]["found"].endswith(sys.executable)
    assert int(told["findings"]["rules"]["found"].split()[0]) >= len(RECORDED)
    for name in (*names, "rules"):
        mark = "near" if "wanted" in told["findings"][name] else "ok"
        assert f"{mark:<4} {name:<14} {told['findings'][name]['found']}\n" in text.stdout
    assert text.stdout.splitlines()[-1].startswith("ready: ")


def test_doctor_says_what_is_in_force() -> None:
    """Text and JSON must show every setting with its origin and without a secret; a wrong one is exit code 10."""
    environ = {"L4_URL": f"http://u:{SECRET}@h", "L4_DEADLINE": "7"}
    text = command("doctor", "--generation", "3.5", **environ)
    as_json = command("doctor", "--generation", "3.5", "--json", **environ)

    told = json.loads(as_json.stdout)
    assert (told["ready"], text.returncode) == (False, Verdict.HOLD.exit_code)
    assert list(told["settings"]) == [each.env for each in (*OPTIONS, *VARIABLES)]
    assert told["settings"]["L4_DEADLINE"] == {"value": "7", "origin": "environment"}
    assert told["settings"]["L4_GENERATION"] == {"value": "3.5", "origin": "option"}
    assert "found one with credentials in it" in told["settings"]["L4_URL"]["wrong"]
    for name, setting in told["settings"].items():
        mark = "BAD" if "wrong" in setting else "set"
        assert f"{mark:<4} {name:<24} {setting['value']} ({setting['origin']})" in text.stdout
    assert text.stdout.splitlines()[-1] == "not ready: correct or unset L4_URL"
    assert SECRET not in text.stdout + text.stderr + as_json.stdout + as_json.stderr


def test_doctor_names_what_is_missing() -> None:
    """A program that a sandbox needs and that is not there must be a line, and exit code 10."""
    text = command("doctor", L4_PROMETHEUS="/does/not/exist")
    as_json = command("doctor", "--json", L4_PROMETHEUS="/does/not/exist")

    told = json.loads(as_json.stdout)
    assert (text.returncode, as_json.returncode) == (Verdict.HOLD.exit_code,) * 2
    assert told["ready"] is False
    assert not told["findings"]["prometheus"]["ok"]
    missing = [line for line in text.stdout.splitlines() if line.startswith("MISS ")]
    assert [line.split()[1] for line in missing] == ["prometheus"]
    assert "/does/not/exist" in missing[0]
    assert text.stdout.splitlines()[-1].startswith("not ready: ")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A PATH as on a distribution without apt: what the heartbeat needs, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "curl", "flock"):
        (folder / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
    return folder


def test_doctor_says_what_to_do_without_apt(elsewhere: Path, tmp_path: Path) -> None:
    """Without apt, programs and engine doctor must be HOLD, name what was looked for, and give each way out."""
    nothing_there = {"PATH": str(elsewhere), "DOCKER_HOST": "tcp://127.0.0.1:1"}
    done = command("doctor", "--cache-dir", str(tmp_path / "cache"), **nothing_there)

    *lines, last = done.stdout.splitlines()
    assert done.returncode == Verdict.HOLD.exit_code, done.stdout
    assert [line.split()[1] for line in lines if line.startswith("MISS ")] == [
        *("prometheus", "promtool", "pushgateway", "node_exporter")
    ]
    assert "expected Debian's apt-get" in done.stdout
    for way in ("on PATH", "L4_PROMETHEUS=", "use Debian", "a container engine"):
        assert way in last


def test_doctor_says_another_generation_plainly(elsewhere: Path, tmp_path: Path) -> None:
    """Where the wanted generation cannot be had doctor must say what was wanted, what was found, and why."""
    for name, version in (
        ("prometheus", "2.53.3"),
        ("promtool", "2.53.3"),
        ("pushgateway", "1.11.0"),
        ("node_exporter", "1.9.0"),
    ):
        # Scripts that know their version: no machine lacks one generation at will.
        (elsewhere / name).write_text(f"#!/bin/sh\necho '{name}, version {version} (branch: x)'\n")
        (elsewhere / name).chmod(0o755)
    (elsewhere / "sh").symlink_to("/bin/sh")
    asked = ("doctor", "--generation", "3.5", "--cache-dir", str(tmp_path / "cache"))

    text = command(*asked, PATH=str(elsewhere))
    told = json.loads(command(*asked, "--json", PATH=str(elsewhere)).stdout)

    assert text.returncode == Verdict.GO.exit_code, text.stdout
    assert "near prometheus     wanted generation 3.5, found 2.53.3 (PATH)\n" in text.stdout
    assert "ok   pushgateway    1.11.0 (PATH)\n" in text.stdout  # the same release in both generations
    assert text.stdout.count("\nwhy  expected Debian's apt-get") == 1
    assert told["findings"]["prometheus"]["wanted"] == "3.5"
    assert "apt-get" in told["findings"]["prometheus"]["why"]


def test_doctor_refuses_arguments() -> None:
    """A wrong call must exit 2."""
    assert command("doctor", "now").returncode == 2
    assert command("doctor", "--generation", "1.0").returncode == 2
