"""The heartbeat script's two paths: what they carry, that neither stops the other, and what a failure says."""

from __future__ import annotations

import re
import resource
import signal
import ssl
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import trustme

from fixtures.contract import PUSH_INSTANCE, PUSH_JOB, RAW_SEQ, RAW_TS, REALM_LABEL
from fixtures.writer import (
    CRON_PATH,
    CRON_TOOLS,
    Exposed,
    Pushgateway,
    Scripted,
    Writer,
    exposed,
    read_only_writer,
    scripted_gateway,
)
from l4gate.base import wait_until

NAMES = (RAW_TS, RAW_SEQ)
USER_AND_PASSWORD = 'duri:a "quoted" \\path\\ ü'.encode()


def files(writer: Writer) -> dict[str, Exposed]:
    return exposed(writer.file(RAW_TS) + writer.file(RAW_SEQ))


def test_both_paths_deliver_the_same(writer: Writer, pushgateway: Pushgateway) -> None:
    """Name, HELP, TYPE and value must be equal on both paths; the push must add its grouping key and nothing else."""
    writer.beat(env={"DURI_REALM": "staging"})

    shown = pushgateway.shown()
    for name in NAMES:
        pushed, written = shown[name], files(writer)[name]
        assert (pushed.help, pushed.type) == (written.help, written.type) == (written.help, "gauge")
        assert pushed.sample.value == written.sample.value
        assert written.sample.labels == {REALM_LABEL: "staging"}
        assert pushed.sample.labels == {
            REALM_LABEL: "staging",
            "job": PUSH_JOB,
            "instance": PUSH_INSTANCE,
        }


def test_pushed_text_is_the_text_of_the_files(writer: Writer, scripted: Scripted) -> None:
    """The pushed body must be the two files one after the other, byte by byte, and end in a newline."""
    writer.beat(env={"DURI_PUSHGATEWAY_URL": scripted.url})

    [request] = [request for request in scripted.requests if request.method == "PUT"]
    assert request.body == writer.file(RAW_TS) + writer.file(RAW_SEQ)
    assert request.body.endswith("\n")
    assert request.path == f"/metrics/job/{PUSH_JOB}/instance/{PUSH_INSTANCE}"


def test_timestamp_is_now_with_a_fraction(writer: Writer) -> None:
    """`ts` must be the Unix time of the run, written with a decimal point and a fraction."""
    before = time.time()
    writer.beat()

    assert re.search(r" \d{10}\.\d{6,9}\n\Z", writer.file(RAW_TS))
    assert before <= files(writer)[RAW_TS].sample.value <= time.time()


def test_files_are_readable_for_everyone_and_alone(writer: Writer) -> None:
    """The .prom files must have mode 0644 under a strict umask, and no other file must stay beside them."""
    writer.beat(umask=0o077)

    found = {path.name: path.stat().st_mode & 0o777 for path in writer.textfile_dir.iterdir()}
    assert found == {f"{name}.prom": 0o644 for name in NAMES}


def test_push_replaces_the_whole_group(writer: Writer, pushgateway: Pushgateway) -> None:
    """What somebody left in the script's group must be gone after the next beat."""
    group = f"{pushgateway.url}/metrics/job/{PUSH_JOB}/instance/{PUSH_INSTANCE}"
    requests.put(group, data="left_over 1\n", timeout=5).raise_for_status()
    assert "left_over" in pushgateway.shown()

    writer.beat()

    assert "left_over" not in pushgateway.shown()


def test_refused_push_leaves_the_files(writer: Writer, refusing_url: str) -> None:
    """With no Pushgateway the files must be written, the exit code be 1, and stderr name path, address and reason."""
    done = writer.run(env={"DURI_PUSHGATEWAY_URL": refusing_url})

    assert done.returncode == 1
    assert done.stderr.startswith(f"textfile_heartbeat.sh: push to {refusing_url} failed: curl: (7) ")
    assert files(writer).keys() == set(NAMES)


def test_hanging_gateway_costs_five_seconds(writer: Writer, hanging_url: str) -> None:
    """By default a gateway that never answers must end the run after 5 s; the files must not wait for it."""
    writer.beat()
    before = writer.sequence()
    began = time.monotonic()
    with writer.start(env={"DURI_PUSHGATEWAY_URL": hanging_url}) as process:
        wait_until(
            lambda: writer.sequence() > before, deadline_seconds=2, interval_seconds=0.01, what="new files"
        )
        assert process.poll() is None
        _, words = process.communicate(timeout=8)

    assert process.returncode == 1
    assert 4.5 <= time.monotonic() - began <= 8  # 5.4 is usual; the limit itself is in what curl says
    assert re.search(rf"push to {hanging_url} failed: curl: \(28\) .*timed out after 5\d\d\d millisec", words)


def test_hanging_gateway_is_bounded_without_a_state_too(writer: Writer, hanging_url: str) -> None:
    """A run that first asks the Pushgateway for a lost number must keep to the same limit."""
    began = time.monotonic()
    done = writer.run(env={"DURI_PUSHGATEWAY_URL": hanging_url})

    assert done.returncode == 1
    assert time.monotonic() - began <= 8  # 4 is usual; a limit for each of the two requests would make it 10
    assert files(writer).keys() == set(NAMES)


def test_rejected_push_is_a_failure(writer: Writer, pushgateway: Pushgateway) -> None:
    """A type conflict must be exit 1 with the server's words: 400, or nothing from 1.11.0, which panics over it."""
    other = f"{pushgateway.url}/metrics/job/other"
    requests.put(other, data=f"# TYPE {RAW_TS} counter\n{RAW_TS} 1\n", timeout=5).raise_for_status()

    done = writer.run()

    assert done.returncode == 1
    said = rf"rejected with HTTP status 400: .*{RAW_TS}.* is not a (GAUGE|COUNTER)"
    assert re.search(
        rf"push to {pushgateway.url} failed: ({said}|curl: \(52\) Empty reply from server)", done.stderr
    )
    assert RAW_SEQ not in pushgateway.shown()
    assert files(writer).keys() == set(NAMES)


@pytest.mark.parametrize("status", [301, 401, 404, 500, 503])
def test_any_answer_but_2xx_is_a_failure(writer: Writer, scripted: Scripted, status: int) -> None:
    """Status and words of the answer must be in one line on stderr, cut to what a mail can bear."""
    scripted.status, scripted.answer = status, b"<html>\n<h1>no\x00\x1b[31m" + b"x" * 10_000

    done = writer.run(env={"DURI_PUSHGATEWAY_URL": scripted.url})

    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if "push to" in line]
    assert f"rejected with HTTP status {status}: <html> <h1>no" in line
    assert "\x1b" not in line
    assert len(line) < 700


@pytest.mark.parametrize("status", [200, 202])
def test_accepted_is_delivered(writer: Writer, scripted: Scripted, status: int) -> None:
    """Both ways in which Pushgateways of all versions say yes must be exit 0."""
    scripted.status = status

    writer.beat(env={"DURI_PUSHGATEWAY_URL": scripted.url})


def test_nothing_delivered(writer: Writer, refusing_url: str) -> None:
    """With neither path the exit code must be 69 and stderr must name both."""
    writer.textfile_dir.rmdir()

    done = writer.run(env={"DURI_PUSHGATEWAY_URL": refusing_url})

    assert done.returncode == 69
    assert f"push to {refusing_url} failed" in done.stderr
    assert f"cannot write the .prom files in {writer.textfile_dir}" in done.stderr


def test_missing_textfile_folder_leaves_the_push(writer: Writer, pushgateway: Pushgateway) -> None:
    """A missing folder must not be made, as node-exporter would not read it; the push must be done, exit 1."""
    writer.textfile_dir.rmdir()

    done = writer.run()

    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    assert f"cannot write the .prom files in {writer.textfile_dir}" in done.stderr
    assert not writer.textfile_dir.exists()
    assert RAW_SEQ in pushgateway.shown()


def test_full_disk_leaves_the_push(writer: Writer, pushgateway: Pushgateway) -> None:
    """When the files cannot grow, the old ones must stay whole, no temporary file stay, and the push be done."""
    writer.beat()
    old = writer.file(RAW_TS)

    done = writer.run(preexec_fn=limit_file_size, restore_signals=False)

    assert done.returncode == 1
    assert f"cannot write the .prom files in {writer.textfile_dir}" in done.stderr
    assert writer.file(RAW_TS) == old
    assert {path.name for path in writer.textfile_dir.iterdir()} == {f"{name}.prom" for name in NAMES}
    assert pushgateway.shown()[RAW_SEQ].sample.value == writer.sequence() + 1


def limit_file_size() -> None:
    # Python ignores SIGXFSZ, so beyond the limit a write fails, as on a full disk; the state is far smaller.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def test_read_only_folder_leaves_the_push(pushgateway: Pushgateway) -> None:
    """Folders the user may not write to must be exit 1 with the reason, the old files stay, the push be done."""
    with read_only_writer(pushgateway.url) as (writer, options):
        before = pushgateway.shown()[RAW_TS].sample.value
        done = writer.run(**options)
        old = exposed(writer.file(RAW_TS))[RAW_TS].sample.value

    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert pushgateway.shown()[RAW_TS].sample.value > before == old


def test_missing_curl_leaves_the_files(writer: Writer, tools: Callable[..., str]) -> None:
    """Without curl stderr must say so, the files must be written, and the exit code must be 1."""
    path = tools(*CRON_TOOLS)

    done = writer.run(env={"PATH": path})

    assert done.returncode == 1
    assert done.stderr == f"textfile_heartbeat.sh: push failed: there is no curl in PATH={path}\n"
    assert files(writer).keys() == set(NAMES)


def test_killed_before_the_rename(writer: Writer, tools: Callable[..., str]) -> None:
    """A run killed between temporary file and rename must leave the old file whole; the next one must tidy up."""
    writer.beat()
    old = writer.file(RAW_TS)
    killer = tools(
        *CRON_TOOLS, "curl", mv='case "$*" in *.prom) kill -9 $PPID ;; *) exec /bin/mv "$@" ;; esac'
    )

    done = writer.run(env={"PATH": killer})

    assert done.returncode == -signal.SIGKILL
    assert writer.file(RAW_TS) == old
    [left] = [path for path in writer.textfile_dir.iterdir() if path.suffix != ".prom"]
    assert left.name.startswith(f".{RAW_TS}.")

    writer.beat()

    assert {path.name for path in writer.textfile_dir.iterdir()} == {f"{name}.prom" for name in NAMES}
    assert writer.file(RAW_TS) != old


def test_credentials_reach_the_gateway(writer: Writer, scripted: Scripted, tmp_path: Path) -> None:
    """User and password must be taken from a file as they are, quotes and backslashes included."""
    secret = tmp_path / "auth"
    secret.write_bytes(USER_AND_PASSWORD + b"\r\nsecond line\n")

    writer.beat(env={"DURI_PUSHGATEWAY_URL": scripted.url, "DURI_BASIC_AUTH_FILE": str(secret)})

    for request in scripted.requests:
        kind, _, value = request.headers["Authorization"].partition(" ")
        assert (kind, b64decode(value)) == ("Basic", USER_AND_PASSWORD)


def test_credentials_are_on_no_command_line(
    writer: Writer, scripted: Scripted, tools: Callable[..., str], tmp_path: Path
) -> None:
    """Curl must get the password neither as an argument nor in its environment, where other users could see it."""
    secret, seen = tmp_path / "auth", tmp_path / "seen"
    secret.write_bytes(USER_AND_PASSWORD)
    spy = tools(
        *CRON_TOOLS, curl=f"cat /proc/$$/cmdline /proc/$$/environ >>'{seen}'; exec /usr/bin/curl \"$@\""
    )

    writer.beat(
        env={
            "PATH": f"{spy}:{CRON_PATH}",
            "DURI_PUSHGATEWAY_URL": scripted.url,
            "DURI_BASIC_AUTH_FILE": str(secret),
        }
    )

    assert scripted.url.encode() in seen.read_bytes()
    assert USER_AND_PASSWORD.partition(b":")[2] not in seen.read_bytes()
    assert "Authorization" in scripted.requests[-1].headers


def test_unreadable_credentials_leave_the_files(writer: Writer) -> None:
    """A credentials file that is not there must be a failed push, not a push without credentials."""
    done = writer.run(env={"DURI_BASIC_AUTH_FILE": "/no/such/file"})

    assert done.returncode == 1
    assert "/no/such/file: No such file or directory" in done.stderr
    assert files(writer).keys() == set(NAMES)


def test_tls_needs_its_authority(writer: Writer, tmp_path: Path) -> None:
    """Over https a certificate of an unknown authority must fail the push, and DURI_CA_FILE must make it known."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "an authority.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with scripted_gateway(context) as gateway:
        unknown = writer.run(env={"DURI_PUSHGATEWAY_URL": gateway.url})
        writer.beat(env={"DURI_PUSHGATEWAY_URL": gateway.url, "DURI_CA_FILE": str(ca_file)})

    assert unknown.returncode == 1
    assert "curl: (60)" in unknown.stderr
    assert [request.method for request in gateway.requests] == ["PUT"]
