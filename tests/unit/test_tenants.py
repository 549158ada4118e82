"""Whether a tenant makes a difference: who the gate pretends to be, and what it makes of each kind of answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fixtures import contract
from fixtures.wire import http, serve, success
from l4gate.base import ApiBadAnswer
from l4gate.prometheus_api import PrometheusApi, read_caller
from l4gate.verdict import TenantProof

PACE = contract.pace(60)
NOW = 1_700_000_000.0


def matrix(*at: float, labels: str = "i") -> bytes:
    values = [[each, "1"] for each in at]
    row = {"metric": {"__name__": contract.OK, "instance": labels}, "values": values}
    return success({"resultType": "matrix", "result": [row] if at else []})


@pytest.mark.parametrize(
    ("lines", "changed"),
    [
        ("X-Scope-OrgID: team-a", {"X-Scope-OrgID"}),
        ("THANOS-TENANT: a\nX-Other: b", {"THANOS-TENANT"}),
        ("AccountID: 1\nProjectID: 4012345670\nX-Api-Key: 7", {"AccountID", "ProjectID"}),
        ("X-Customer: a\nCookie: b\nUser-Agent: c", {"X-Customer"}),
        ("CF-Access-Client-Id: a\nCF-Access-Client-Secret: b", set()),
    ],
)
def test_a_stranger_differs_in_the_tenant_alone(lines: str, changed: set[str], tmp_path: Path) -> None:
    """A stranger must have all that opens the door, another tenant of the same kind, and no name that was given."""
    (tmp_path / "headers").write_text(lines)
    caller = read_caller(header_file=tmp_path / "headers")
    stranger = caller.stranger

    assert (stranger is None) == (not changed)
    if stranger is not None:
        assert {name for name in caller.headers if stranger.headers[name] != caller.headers[name]} == changed
        for name in changed:
            was, other = caller.headers[name], stranger.headers[name]
            assert was.isdigit() == other.isdigit()
            assert not was.isdigit() or int(other) < 1 << 32


@pytest.mark.parametrize(
    ("answers", "asked", "flawed"),
    [
        ([matrix(1, 2)], 1, True),
        ([matrix(2, 3)], 1, True),
        ([matrix(3, 4)], 1, False),
        ([matrix(1, 2, labels="other")], 1, False),
        ([matrix()], 1, False),
        ([http(b"no org id", "401 Unauthorized", "Content-Type: text/plain")], 1, False),
        ([http(b"<html>", "502 Bad Gateway", "Content-Type: text/html")], 1, False),
        ([http(b"", "503 Service Unavailable")], 3, False),
        ([http(b"", "503 Service Unavailable"), matrix(1, 2)], 2, True),
    ],
    ids=["same", "one in common", "other times", "other labels", "none", "401", "502", "503", "503 once"],
)
def test_each_answer_to_a_stranger(answers: list[bytes], asked: int, flawed: bool, tmp_path: Path) -> None:
    """One sample in common must be a flaw, all else none; a server that is not there is asked three times at most."""
    (tmp_path / "headers").write_text("X-Scope-OrgID: team-a")
    strangers: list[str] = []

    def answer(connection: socket.socket, head: str) -> None:
        if "X-Scope-OrgID: team-a\r\n" in head:
            connection.sendall(matrix(1, 2))
        else:
            strangers.append(head)
            connection.sendall(answers[min(len(strangers), len(answers)) - 1])

    with serve(answer) as (url, _):
        api = PrometheusApi(url, caller=read_caller(header_file=tmp_path / "headers"))
        proof = TenantProof()
        for _ in range(2):
            if flawed:
                with pytest.raises(ApiBadAnswer, match="X-Scope-OrgID made no difference") as caught:
                    proof.ensure(api, PACE, "prod", NOW)
                assert "team-a" not in str(caught.value)
            else:
                proof.ensure(api, PACE, "prod", NOW)

    assert len(strangers) == asked


def test_without_a_tenant_nothing_is_asked() -> None:
    """Without a header that names a tenant the server must not be asked at all."""
    with serve(lambda connection, _: connection.sendall(matrix(1))) as (url, seen):
        TenantProof().ensure(PrometheusApi(url), PACE, "prod", NOW)

    assert seen == []


def test_without_samples_it_is_asked_again(tmp_path: Path) -> None:
    """A realm without samples must not settle it, and a question that fails must be a flaw."""
    (tmp_path / "headers").write_text("X-Scope-OrgID: team-a")
    said = [matrix(), http(b"", "500 Oops"), matrix(1), matrix(1)]
    with serve(lambda connection, _: connection.sendall(said.pop(0))) as (url, seen):
        api = PrometheusApi(url, caller=read_caller(header_file=tmp_path / "headers"))
        proof = TenantProof()
        proof.ensure(api, PACE, "prod", NOW)
        with pytest.raises(ApiBadAnswer, match="HTTP 500"):
            proof.ensure(api, PACE, "prod", NOW)
        with pytest.raises(ApiBadAnswer, match="made no difference"):
            proof.ensure(api, PACE, "prod", NOW)

    assert len(seen) == 4
