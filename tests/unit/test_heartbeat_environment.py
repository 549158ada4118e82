"""The heartbeat script's surroundings: cron, proxies, locales, odd paths, missing tools, and what it refuses."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from fixtures.contract import DEFAULT_REALM, RAW_SEQ, RAW_TS, REALM_LABEL
from fixtures.writer import CRON_TOOLS, Pushgateway, Writer, exposed
from l4gate.base import UsageError
from l4gate.sandbox import SCRIPT, heartbeat
from l4gate.settings import load_settings

REALMS = (
    "prod",
    "eu-1.a:b_C",
    "0",
    "x" * 64,
    "x" * 65,
    'a"b',
    "a\\b",
    "a\nb",
    "prod\n",
    "-a",
    "ü",
    " ",
    "$(id)",
    "a,b",
)


def test_only_the_named_tools_are_needed(writer: Writer, tools: Callable[..., str]) -> None:
    """curl, flock and a few of coreutils must suffice: no realpath, no jq, no sed, no env."""
    writer.beat(env={"PATH": tools(*CRON_TOOLS, "curl")})


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"])
def test_proxies_are_not_used(writer: Writer, refusing_url: str, name: str) -> None:
    """A proxy of the environment, here a dead one, must not come between the script and the Pushgateway."""
    writer.beat(env={name: refusing_url})


def test_own_curlrc_is_not_read(writer: Writer, tmp_path: Path, refusing_url: str) -> None:
    """The user's settings for curl must not change how a heartbeat is pushed."""
    (tmp_path / ".curlrc").write_text(f'connect-to = "::{refusing_url.removeprefix("http://")}"\n')

    writer.beat(env={"HOME": str(tmp_path)})


def test_german_locale(writer: Writer, tmp_path: Path, pushgateway: Pushgateway) -> None:
    """With a locale that writes a decimal comma, ts must have a point and the Pushgateway must accept it."""
    locales = tmp_path / "locales"
    locales.mkdir()
    if shutil.which("localedef"):  # without it bash warns of nothing and uses C: the claim holds all the more
        command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(locales / "de_DE.UTF-8")]
        subprocess.run(command, check=False, capture_output=True)
    writer.run(env={"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(locales)})

    assert re.search(r" \d+\.\d+\n\Z", writer.file(RAW_TS))
    assert RAW_TS in pushgateway.shown()


@pytest.mark.parametrize("folder", ["/dev/shm", "/no/such/folder"])  # noqa: S108 - another file system
def test_temporary_folder_does_not_matter(writer: Writer, folder: str) -> None:
    """TMPDIR may be on another file system or missing: temporary files must be made where they are renamed."""
    writer.beat(env={"TMPDIR": folder})


def test_realm_is_prod_by_default(writer: Writer, pushgateway: Pushgateway) -> None:
    """Without a setting, and with an empty one, both metrics must carry the realm of production."""
    writer.beat(env={"DURI_REALM": ""})

    labels = {pushgateway.shown()[name].sample.labels[REALM_LABEL] for name in (RAW_TS, RAW_SEQ)}
    assert labels == {DEFAULT_REALM}


@pytest.mark.parametrize("name", REALMS)
def test_realms_are_those_of_the_gate(writer: Writer, name: str) -> None:
    """The script must accept exactly the realms of the gate; others must be a usage error and nothing must be done."""
    done = writer.run(env={"DURI_REALM": name})

    if accepted_by_the_gate(name):
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 2
        assert done.stderr.startswith("textfile_heartbeat.sh: DURI_REALM: expected letters, digits")
        assert not writer.state_dir.exists()
        assert not list(writer.textfile_dir.iterdir())


def accepted_by_the_gate(name: str) -> bool:
    try:
        return load_settings({"realm": [name]}, environ={}).realms == (name,)
    except UsageError:
        return False


# Of another service, as its contract would have them.
OTHER_NAMES = {
    "DURI_TIME_METRIC": "pulse_written_at",
    "DURI_SEQUENCE_METRIC": "pulse_number",
    "DURI_REALM_LABEL": "zone",
    "DURI_REALM": "blue",
    "DURI_JOB": "tide",
    "DURI_INSTANCE": "quay-1",
}


def test_other_names_appear_on_both_paths(writer: Writer, pushgateway: Pushgateway) -> None:
    """Metrics, realm label, realm and grouping key must be those of the environment, with no default one left."""
    before = time.time()
    done = writer.run(env=OTHER_NAMES)

    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in writer.textfile_dir.iterdir()} == {
        "pulse_written_at.prom",
        "pulse_number.prom",
    }
    for name in ("pulse_written_at", "pulse_number"):
        written, pushed = exposed(writer.file(name))[name], pushgateway.shown()[name]
        assert written.sample.labels == {"zone": "blue"}
        assert pushed.sample.labels == {"zone": "blue", "job": "tide", "instance": "quay-1"}
        assert (written.help, written.type, written.sample.value) == (
            pushed.help,
            pushed.type,
            pushed.sample.value,
        )
    assert before <= pushgateway.shown()["pulse_written_at"].sample.value <= time.time()
    assert not {RAW_TS, RAW_SEQ} & pushgateway.shown().keys()


def test_a_lost_sequence_goes_on_under_another_name(writer: Writer, pushgateway: Pushgateway) -> None:
    """The number before must be looked for under the name of the environment, in the file and on the Pushgateway."""
    ahead = 2**52
    body = f'pulse_number{{zone="blue"}} {ahead}\n'
    requests.put(f"{pushgateway.url}/metrics/job/tide/instance/quay-1", body, timeout=5).raise_for_status()
    writer.run(env=OTHER_NAMES)
    assert exposed(writer.file("pulse_number"))["pulse_number"].sample.value > ahead

    writer.state.unlink()
    requests.delete(f"{pushgateway.url}/metrics/job/tide/instance/quay-1", timeout=5).raise_for_status()
    writer.run(env=OTHER_NAMES)
    assert exposed(writer.file("pulse_number"))["pulse_number"].sample.value > ahead + 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "DURI_TIME_METRIC",
            "pulse written",
            "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label",
        ),
        ("DURI_TIME_METRIC", "1st", "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_TIME_METRIC", "../pulse", "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_SEQUENCE_METRIC", "a:b", "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_SEQUENCE_METRIC", RAW_TS, "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_REALM_LABEL", "the-zone", "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_REALM_LABEL", 'zone="x",a', "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_REALM_LABEL", "zone\n", "DURI_*_METRIC, DURI_REALM_LABEL: expected two names and a label"),
        ("DURI_JOB", "a/b", "DURI_JOB, DURI_INSTANCE: expected letters, digits"),
        ("DURI_JOB", "x" * 65, "DURI_JOB, DURI_INSTANCE: expected letters, digits"),
        ("DURI_INSTANCE", "quay 1", "DURI_JOB, DURI_INSTANCE: expected letters, digits"),
        ("DURI_INSTANCE", "..", "DURI_JOB, DURI_INSTANCE: expected letters, digits"),
    ],
)
def test_a_name_that_cannot_be_one_is_a_usage_error(writer: Writer, name: str, value: str, said: str) -> None:
    """What cannot stand in a metric, a label or the push's path must be exit 2, one sentence, with nothing done."""
    done = writer.run(env={name: value})

    assert done.returncode == 2
    assert done.stderr.startswith(f"textfile_heartbeat.sh: {said}")
    assert done.stderr.count("\n") == 1
    assert not writer.state_dir.exists()
    assert not list(writer.textfile_dir.iterdir())


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9091", "ftp://h", "http://", "http://h/?x=1", "http://h/#x", "http://a b"]
)
def test_bad_url_is_a_usage_error(writer: Writer, url: str) -> None:
    """A URL that is not http(s)://HOST... must exit 2 before anything is touched."""
    done = writer.run(env={"DURI_PUSHGATEWAY_URL": url})

    assert done.returncode == 2
    assert done.stderr.startswith("textfile_heartbeat.sh: DURI_PUSHGATEWAY_URL: expected http://HOST:PORT")
    assert not writer.state_dir.exists()


def test_password_in_the_url_is_refused_and_not_shown(writer: Writer) -> None:
    """Credentials in the URL would reach a command line: exit 2, and the password must not be repeated."""
    done = writer.run(env={"DURI_PUSHGATEWAY_URL": "http://duri:hunter2@127.0.0.1:9091"})

    assert done.returncode == 2
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("name", ["DURI_LOCK_SECONDS", "DURI_CONNECT_SECONDS", "DURI_PUSH_SECONDS"])
@pytest.mark.parametrize("value", ["0", "0.0", "-1", "5s", "0.0001", "100", "1e3", "five"])
def test_limits_that_do_not_limit_are_refused(writer: Writer, name: str, value: str) -> None:
    """Curl takes 0 for "no limit", so a time that is or rounds to 0 must be a usage error, as must nonsense."""
    done = writer.run(env={name: value})

    assert done.returncode == 2
    assert f"found '{value}'" in done.stderr


def test_address_with_a_path_and_a_slash(writer: Writer, pushgateway: Pushgateway) -> None:
    """A slash at the end of the URL must be no second slash in the request."""
    writer.beat(env={"DURI_PUSHGATEWAY_URL": f"{pushgateway.url}/"})

    assert RAW_SEQ in pushgateway.shown()


@pytest.mark.parametrize("arguments", [["now"], ["--help", "me"], ["-x"], [""]])
def test_arguments_are_refused(writer: Writer, arguments: list[str]) -> None:
    """The script must take no argument but --help: exit 2, and nothing is done."""
    done = writer.run(*arguments)

    assert done.returncode == 2
    assert not writer.state_dir.exists()


def test_help_is_the_header(writer: Writer) -> None:
    """--help must print the header comment, which must name every variable the script reads with its true default."""
    done = writer.run("--help", env={"PATH": "/nowhere"})

    assert (done.returncode, done.stderr) == (0, "")
    code = SCRIPT.read_text()
    assert done.stdout.startswith("textfile_heartbeat.sh - ")
    assert len(done.stdout.splitlines()) == code.split("\n\n")[0].count("\n")
    documented = dict(re.findall(r"^  (DURI_\w+) +(\S+)", done.stdout, re.MULTILINE))
    read = dict(re.findall(r"\$\{(DURI_[A-Z_]+):-([^}]*)\}", code))
    assert {name: "" if value == "(none)" else value for name, value in documented.items()} == read
    assert float(read["DURI_CONNECT_SECONDS"]) == heartbeat.CONNECT_SECONDS
    assert float(read["DURI_PUSH_SECONDS"]) == heartbeat.PUSH_SECONDS


@pytest.mark.parametrize("shown", ["soon", "1795418332", "1795418332,000000", "-5.000000"])
def test_broken_clock_delivers_nothing(
    writer: Writer, clock: Callable[[str], dict[str, str]], shown: str
) -> None:
    """A clock that makes no sense must be exit 69 with what it said: a heartbeat without its time is none."""
    done = writer.run(env=clock(shown))

    assert done.returncode == 69
    assert f"expected Unix time with a fraction from the clock, found '{shown}'" in done.stderr
    assert not list(writer.textfile_dir.iterdir())


def test_bash_without_a_clock(writer: Writer, clock: Callable[[str], dict[str, str]]) -> None:
    """Where bash has no clock of its own, as bash 4, the time must be that of `date`, fraction included."""
    before = time.time()
    writer.beat(env=clock(""))

    assert before <= exposed(writer.file(RAW_TS))[RAW_TS].sample.value <= time.time()


def test_missing_flock_delivers_nothing(writer: Writer, tools: Callable[..., str]) -> None:
    """Without flock numbers could repeat, so nothing must be delivered: exit 69."""
    done = writer.run(env={"PATH": tools("mkdir", "mv", "rm", "stat", "curl")})

    assert done.returncode == 69
    assert "flock" in done.stderr
