"""The heartbeat script against hostile gateways: what it reads of an answer, what it believes, and what it shows."""

from __future__ import annotations

import os
import resource
import time
from base64 import b64encode
from pathlib import Path

import pytest

from fixtures.contract import RAW_SEQ
from fixtures.strangers import raw_gateway, says
from fixtures.writer import Scripted, Writer, sequence_of

ADDRESS_SPACE = 300 << 20  # curl has some 60 MiB of it, most of them libraries
OK = b"HTTP/1.1 200 OK\r\n"
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
ENDLESS = {
    "body": (OK + b"\r\n", b"x" * 65536),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK),
    "rejection": (b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK),
    "lines": (OK + b"\r\n", b"a\n" * 32768),
    "zeros": (OK + b"\r\n", b"\0" * 65536),
    "numbers": (OK + b"\r\n", f'{RAW_SEQ}{{a="b"}} 1\n'.encode() * 1000),
    "head": (OK, b"X-Y: " + b"z" * 1000 + b"\r\n"),
    "line-of-head": (OK + b"X-Y: ", b"z" * 65536),
    "promises": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
}
PAGE = b"<html><form>Log in</form></html>"
NO_PUSHGATEWAY = {
    "login-page": OK + b"Content-Length: 32\r\n\r\n" + PAGE,
    "login-page-until-closed": OK + b"\r\n" + PAGE,
    "accepted-with-words": b"HTTP/1.1 202 Accepted\r\n\r\nok",
    "created-with-words": b"HTTP/1.1 201 Created\r\n\r\n" + PAGE,
    "bare-newlines": b"HTTP/1.1 200 OK\nServer: x\n\n" + PAGE,
    "zeros": OK + b"\r\n" + b"\0" * 10,
    "newline": OK + b"\r\n\n",
    "false-status": OK + b"\r\n" + b"x\n200 0",
    "false-status-at-the-bound": OK + b"\r\n" + b"x" * (8192 - 19 - 6) + b"\n200 0" + b"x" * 100_000,
    "after-a-promise": b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"\r\n" + PAGE,
    "no-head": PAGE,
    "redirect-with-page": b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n" + PAGE,
}


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def is_plain(text: str) -> bool:
    return all(" " <= each <= "~" or each == "\n" for each in text)


@pytest.mark.parametrize("known", [True, False], ids=["push", "push-and-lookup"])
@pytest.mark.parametrize(("head", "endless"), ENDLESS.values(), ids=list(ENDLESS))
def test_endless_answer_is_bounded(writer: Writer, head: bytes, endless: bytes, known: bool) -> None:
    """An answer without end must cost neither memory nor more time than a hanging gateway: exit 1, one sentence."""
    before = writer.beat() if known else 0
    with raw_gateway(says(head, endless)) as url:
        began = time.monotonic()
        env = {"DURI_PUSHGATEWAY_URL": url, "DURI_PUSH_SECONDS": "1.5", "DURI_CONNECT_SECONDS": "1.5"}
        done = writer.run(env=env, preexec_fn=limit_memory)

    assert done.returncode == 1
    assert time.monotonic() - began < 6
    assert done.stderr.startswith(f"textfile_heartbeat.sh: push to {url} failed: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 700
    assert is_plain(done.stderr)
    assert writer.sequence() > before


@pytest.mark.parametrize("answer", NO_PUSHGATEWAY.values(), ids=list(NO_PUSHGATEWAY))
def test_answer_of_somebody_else_is_a_failure(writer: Writer, answer: bytes) -> None:
    """A 2xx that says anything is no Pushgateway's: the push must have failed, and the sentence must say why."""
    with raw_gateway(says(answer)) as url:
        done = writer.run(env={"DURI_PUSHGATEWAY_URL": url})

    assert done.returncode == 1
    assert done.stderr.startswith(f"textfile_heartbeat.sh: push to {url} failed: ")
    assert done.stderr.count("\n") == 1
    if answer.startswith(b"HTTP/1.1 2"):
        assert "answered with HTTP status 20" in done.stderr
        assert "unlike a Pushgateway, with words: " in done.stderr
    assert ("Log in" in done.stderr) == (PAGE in answer and answer != PAGE)


@pytest.mark.parametrize("status", [b"200 OK", b"202 Accepted", b"204 No Content"])
def test_empty_answer_after_a_promise_is_delivered(writer: Writer, status: bytes) -> None:
    """An empty 2xx must count as delivered, whatever interim answer came before it."""
    answer = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
    with raw_gateway(says(answer)) as url:
        writer.beat(env={"DURI_PUSHGATEWAY_URL": url})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(writer: Writer, scripted: Scripted, status: int) -> None:
    """Nothing must be sent to where a gateway points."""
    head = f"HTTP/1.1 {status} Go\r\nLocation: {scripted.url}/metrics\r\nContent-Length: 0\r\n\r\n"
    with raw_gateway(says(head.encode())) as url:
        done = writer.run(env={"DURI_PUSHGATEWAY_URL": url})

    assert done.returncode == 1
    assert f"rejected with HTTP status {status}" in done.stderr
    assert scripted.requests == []


def test_last_number_is_found_on_a_long_page(writer: Writer, scripted: Scripted) -> None:
    """A page of 3 MB, as a Pushgateway of many jobs has it, must be read to its end when the state was lost."""
    ahead = 2**52
    line = 'some_other_metric_total{instance="host",job="other"} 1\n'
    scripted.answer = (line * (3_000_000 // len(line)) + f'{RAW_SEQ}{{job="a b"}} {ahead:.9e}\n').encode()
    env = {"DURI_PUSHGATEWAY_URL": scripted.url, "DURI_CONNECT_SECONDS": "20"}

    writer.run(env=env)

    assert sequence_of(scripted.requests[-1].body) > ahead - 1e9


@pytest.mark.parametrize(
    "user", ["duri:hunter2 & co", 'a:"q\\uote*[x]', "üser:pässword", "u:?", "u:" + "p" * 900]
)
@pytest.mark.parametrize("padding", [0, 480, 495, 8150])
def test_credentials_that_come_back_are_not_shown(
    writer: Writer, scripted: Scripted, tmp_path: Path, user: str, padding: int
) -> None:
    """A gateway that repeats what it was told must not bring user and password into cron's mail, in no form."""
    raw = user.encode()
    forms = [raw, raw.partition(b":")[2], b64encode(raw)]
    (tmp_path / "auth").write_bytes(raw + b"\n")
    scripted.status = 401
    scripted.answer = b"." * padding + b" ; ".join([b"Basic", *forms, *forms]) + b" end"

    done = writer.run(
        env={"DURI_PUSHGATEWAY_URL": scripted.url, "DURI_BASIC_AUTH_FILE": str(tmp_path / "auth")}
    )

    assert done.returncode == 1
    assert "rejected with HTTP status 401: " in done.stderr
    for form in forms:
        shown = form.decode("ascii", "replace").replace("\ufffd", "?")
        assert shown[:6] not in done.stderr.partition("status 401: ")[2]


@pytest.mark.parametrize("bad", ["fifo", "folder", "huge", "no-colon", "empty", "device", "dangling"])
def test_credentials_that_are_no_small_file(writer: Writer, tmp_path: Path, bad: str) -> None:
    """What is no file with a line USER:PASSWORD must fail the push with its name, and neither hang nor be read."""
    path = tmp_path / "auth"
    make(path, bad)
    began = time.monotonic()

    done = writer.run(env={"DURI_BASIC_AUTH_FILE": str(path)}, preexec_fn=limit_memory)

    assert done.returncode == 1
    assert time.monotonic() - began < 4.5  # 0.1 is usual; whoever waits is ended after 5
    assert done.stderr.startswith("textfile_heartbeat.sh: push failed: DURI_BASIC_AUTH_FILE: ")
    assert str(path) in done.stderr
    assert "secret" not in done.stderr
    assert writer.sequence()


@pytest.mark.parametrize("bad", ["fifo", "folder", "huge", "device", "dangling"])
def test_authority_that_is_no_file(writer: Writer, tmp_path: Path, bad: str) -> None:
    """An authority that curl would wait for, or load without end, must fail the push with its name at once."""
    path = tmp_path / "ca"
    make(path, bad)
    began = time.monotonic()

    done = writer.run(env={"DURI_PUSHGATEWAY_URL": "https://127.0.0.1:1", "DURI_CA_FILE": str(path)})

    assert done.returncode == 1
    assert time.monotonic() - began < 4.5  # 0.1 is usual; whoever waits is ended after 5
    assert done.stderr.startswith("textfile_heartbeat.sh: push failed: DURI_CA_FILE: ")
    assert str(path) in done.stderr


def make(path: Path, what: str) -> None:
    """Makes at a path what is no small file."""
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "huge":
        path.write_text("secret" * 1000)
        os.truncate(path, 8 << 30)
    elif what in ("device", "dangling"):
        path.symlink_to("/dev/zero" if what == "device" else "/nowhere/at/all")
    else:
        path.write_text("secret\n" if what == "no-colon" else "")
