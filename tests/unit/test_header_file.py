"""A file with headers: sent with every request to each URL of the API, refused in one sentence, never shown."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.contract import REALM_LABEL
from fixtures.wire import serve, success
from l4gate.base import UsageError, shown
from l4gate.prometheus_api import PrometheusApi, read_caller

SECRET = "s3cret-team-a"
GOOD = f'# whose data\r\n\r\nX-Scope-OrgID:  {SECRET}\r\nX-Api-Key: kept: and "kept"\n'
CLOCK = success({"resultType": "scalar", "result": [1.7e9, "1700000000"]})
UP = {"metric": {"__name__": "up", REALM_LABEL: "prod"}, "value": [1.7e9, "1"]}
BAD = {
    "no colon": f"X-Scope-OrgID {SECRET}",
    "no name": f": {SECRET}",
    "a space in the name": f"X Scope: {SECRET}",
    "a space before the colon": f"X-Scope-OrgID : {SECRET}",
    "a line that goes on": f"X-Scope-OrgID: a\n {SECRET}: b",
    "no value": "X-Scope-OrgID:",
    "control characters": f"X-Scope-OrgID: {SECRET}\x0bHost: other",
    "a return": f"X-Scope-OrgID: a\rHost: {SECRET}",
    "NUL": f"X-Scope-OrgID: {SECRET}\0",
    "other letters": f"X-Scope-OrgID: ä{SECRET}",
    "other letters in a name": f"X-Ä: {SECRET}",
    "twice": f"X-Scope-OrgID: {SECRET}\nx-scope-orgid: {SECRET}",
    "none": "# nothing\n\n",
    "empty": "",
    **{
        name: f"X-Scope-OrgID: a\n{name}: {SECRET}"
        for name in ("Host", "content-length", "CACHE-CONTROL", "Accept-Encoding", "Accept", "Connection")
    },
    **{name: f"{name}: {SECRET}" for name in ("TE", "Transfer-Encoding", "Proxy-Authorization", "Upgrade")},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_header_is_refused_without_its_value(name: str, tmp_path: Path) -> None:
    """What may not be sent must be refused with the file and the line, and its value must not be told."""
    file = tmp_path / "headers"
    file.write_bytes(BAD[name].encode())

    with pytest.raises(UsageError, match=rf"the header file {file}") as caught:
        read_caller(header_file=file)

    assert SECRET not in str(caught.value)
    assert str(caught.value).isprintable()


def test_credentials_are_given_once(tmp_path: Path) -> None:
    """An Authorization beside a credentials file must be refused, and be sent where there is none."""
    (tmp_path / "headers").write_text("authorization: Custom its-own-secret\n")
    (tmp_path / "token").write_text("token-token\n")

    with pytest.raises(
        UsageError, match=r"line 1 \(not shown\): authorization is given by a credentials file"
    ):
        read_caller(header_file=tmp_path / "headers", bearer_token_file=tmp_path / "token")

    assert read_caller(header_file=tmp_path / "headers").sent == {"authorization": "Custom its-own-secret"}


def test_each_request_has_the_headers(tmp_path: Path) -> None:
    """The headers must go with each request beside the gate's own and the credentials, and into no representation."""
    (tmp_path / "headers").write_bytes(GOOD.encode())
    (tmp_path / "token").write_text("token-token\n")
    caller = read_caller(header_file=tmp_path / "headers", bearer_token_file=tmp_path / "token")
    heads: list[list[str]] = []
    with serve(lambda connection, head: (heads.append(head.splitlines()), connection.sendall(CLOCK))) as (
        url,
        _,
    ):
        api = PrometheusApi(url, caller=caller)
        api.now()
        api.reload()

    assert len(heads) == 2
    for head in heads:
        assert f"X-Scope-OrgID: {SECRET}" in head
        assert 'X-Api-Key: kept: and "kept"' in head
        assert "Authorization: Bearer token-token" in head
        assert "Cache-Control: no-cache, no-store" in head
    assert SECRET not in repr(caller)
    assert shown('the key kept: and "kept" is unknown') == "the key (not shown) is unknown"
    assert shown(f"{SECRET} is a realm too") == f"{SECRET} is a realm too"


@pytest.mark.parametrize("prefix", ["", "/prometheus", "/select/0/prometheus/"])
def test_the_command_sends_them_to_each_url_below_its_path(prefix: str, tmp_path: Path) -> None:
    """`decide` must ask each URL below its own path, with the headers, and say them nowhere."""
    (tmp_path / "headers").write_text(GOOD)
    seen: dict[str, list[str]] = {"main": [], "rules": [], "scrape": []}

    def answering(which: str):  # type: ignore[no-untyped-def] # noqa: ANN202
        def answer(connection, head: str) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
            seen[which].append(head)
            path = head.split(" ")[1]
            data = {"resultType": "vector", "result": [UP]} if "/query" in path else {"groups": []}
            connection.sendall(CLOCK if "time%28%29" in path else success(data))

        return answer

    with (
        serve(answering("main")) as (main, _),
        serve(answering("rules")) as (rules, _),
        serve(answering("scrape")) as (scrape, _),
    ):
        command = [sys.executable, "-m", "l4gate", "decide", "--json", "--deadline=1"]
        command += [f"--url={main}{prefix}", f"--rules-url={rules}{prefix}", f"--scrape-url={scrape}{prefix}"]
        command += ["--header-file", str(tmp_path / "headers")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 10, done.stderr
    for heads in seen.values():
        assert heads
        for head in heads:
            assert head.split(" ")[1].startswith(f"{prefix.rstrip('/')}/api/v1/")
            assert f"\r\nX-Scope-OrgID: {SECRET}\r\n" in head
            assert "\r\nX-Api-Key: kept: and" in head
    for secret in (SECRET, 'kept: and \\"kept', base64.b64encode(SECRET.encode()).decode()):
        assert secret not in done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "HOLD"


@pytest.mark.parametrize(
    ("content", "told"),
    [("X-Scope-OrgID", "line 1"), (None, "readable file")],
    ids=["no colon", "no file"],
)
def test_a_command_with_a_bad_file_asks_nothing(content: str | None, told: str, tmp_path: Path) -> None:
    """A bad header file must be exit 2 with one sentence before anything is asked."""
    file = tmp_path / "headers"
    if content is not None:
        file.write_text(content)
    with serve(lambda connection, _: connection.sendall(CLOCK)) as (url, seen):
        for verb in (["decide"], ["certify", "--window", "1m"], ["watch", "--for", "1s"], ["diff"]):
            command = [sys.executable, "-m", "l4gate", *verb, f"--url={url}", f"--header-file={file}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

            assert done.returncode == 2, (verb, done.stderr)
            assert told in done.stderr
            assert len(done.stderr.splitlines()) == 1
    assert seen == []
