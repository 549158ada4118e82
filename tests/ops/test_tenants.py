"""A server of many tenants behind a proxy: nobody is GO without its own tenant, nor on another tenant's data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from l4gate.base import Verdict
from l4gate.faults.exchange import Exchange
from l4gate.faults.proxy import open_proxy
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import Settings
from l4gate.verdict import Look, judge_for

HEADER = "X-Scope-OrgID"
GO_SECONDS = 60.0
LOOK_SECONDS = 2.0
PREFIX = "/prometheus"
Choice = Callable[[str | None, "Tenants", Exchange], str]


@dataclass(frozen=True)
class Tenants:
    """Two real services that are GO by themselves, under the same realm: each one's server by its tenant."""

    sandboxes: dict[str, Sandbox]
    settings: Settings
    folder: Path

    def url(self, tenant: str) -> str:
        return self.sandboxes[tenant].stack.prometheus_url

    def look(self, proxy: str, lines: str | None, seconds: float = LOOK_SECONDS) -> Look:
        """What the gate says of the proxy, with these lines in the header file."""
        header_file = None
        if lines is not None:
            header_file = self.folder / "headers"
            header_file.write_text(lines)
        settings = replace(self.settings, stack="external", url=proxy, header_file=header_file)
        (look,) = judge_for(settings, f"{proxy}{PREFIX}").judge(seconds)
        return look


@pytest.fixture(scope="module")
def tenants(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """Team a and team b, both beating."""
    folder = tmp_path_factory.mktemp("tenants")
    (folder / "theirs").write_text(f"{HEADER}: team-a\n")
    ours = replace(settings, url=None, keep_stack=False, header_file=folder / "theirs")
    with open_sandbox(ours) as one, open_sandbox(ours) as other:
        for each in (one, other):
            (look,) = each.judge.judge(GO_SECONDS, until=frozenset({Verdict.GO}))
            assert look.decision.verdict is Verdict.GO, look.decision.cause
        yield Tenants({"team-a": one, "team-b": other}, ours, folder)


class _RefusedError(Exception):
    """The proxy has answered by itself."""


def refuse(_tenant: str | None, _tenants: Tenants, exchange: Exchange) -> str:
    """As Mimir does without a tenant."""
    exchange.send(401, {"Content-Type": "text/plain"}, b"no org id")
    raise _RefusedError


def say_nothing(_tenant: str | None, _tenants: Tenants, exchange: Exchange) -> str:
    """As a store does that knows no such tenant: well formed, and empty."""
    path = exchange.path
    data: dict[str, object] = {"resultType": "vector", "result": []}
    if "time%28%29" in path:
        data = {"resultType": "scalar", "result": [1.7e9, "1700000000"]}
    elif "/query" not in path:
        data = {"groups": [], "activeTargets": [], "yaml": "{}"}
    body = json.dumps({"status": "success", "data": data}).encode()
    exchange.send(200, {"Content-Type": "application/json"}, body)
    raise _RefusedError


def nowhere(_tenant: str | None, _tenants: Tenants, _exchange: Exchange) -> str:
    """A server that is not there."""
    return "http://127.0.0.1:1"


def fall_back(_tenant: str | None, tenants: Tenants, _exchange: Exchange) -> str:
    """To a default tenant."""
    return tenants.url("team-a")


@contextmanager
def routing(tenants: Tenants, stranger: Choice, *, heeds: bool = True) -> Iterator[str]:
    """A proxy that leads each tenant to its own server, and what names none of them wherever `stranger` says."""

    def behaviour(exchange: Exchange) -> None:
        tenant = exchange.handler.headers.get(HEADER)
        known = heeds and tenant in tenants.sandboxes
        try:
            url = tenants.url(str(tenant)) if known else stranger(tenant, tenants, exchange)
        except _RefusedError:
            return
        exchange.upstream = url
        exchange.handler.path = exchange.handler.path.removeprefix(PREFIX)
        answer = exchange.answer
        exchange.send(answer.status, answer.headers, answer.body)

    with open_proxy() as proxy, proxy.behaving(behaviour):
        yield proxy.url


def test_a_sandbox_is_asked_without_headers(tenants: Tenants) -> None:
    """What is for somebody else's server must not be sent to one of our own, though it is in the settings."""
    assert tenants.settings.header_file is not None
    for sandbox in tenants.sandboxes.values():
        assert sandbox.judge.api.caller.sent == sandbox.judge.rules_api.caller.sent == {}


STRANGERS = {"401": refuse, "empty": say_nothing, "nowhere": nowhere}


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("tenant", ["team-a", "team-b"])
def test_each_tenant_is_go_by_its_own_header(tenants: Tenants, tenant: str, stranger: str) -> None:
    """With its own header each tenant must be GO, below a path; as a stranger the server must be asked once."""
    strangers: list[str | None] = []

    def counted(name: str | None, known: Tenants, exchange: Exchange) -> str:
        strangers.append(name)
        return STRANGERS[stranger](name, known, exchange)

    with routing(tenants, counted) as url:
        look = tenants.look(url, f"{HEADER}: {tenant}\n", GO_SECONDS)

    assert look.decision.verdict is Verdict.GO, look.decision.cause
    assert len(strangers) == (3 if stranger == "nowhere" else 1)


@pytest.mark.parametrize(
    "lines", [None, f"{HEADER}: team-c\n", "X-Other: team-a\n"], ids=["none", "wrong", "other name"]
)
@pytest.mark.parametrize("stranger", ["401", "empty"])
def test_without_its_header_nobody_is_go(tenants: Tenants, lines: str | None, stranger: str) -> None:
    """Without a tenant, or with one that nobody has, the verdict must be HOLD at the query and name the header file."""
    with routing(tenants, STRANGERS[stranger]) as url:
        look = tenants.look(url, lines)

    cause = look.decision.cause
    assert look.decision.verdict is Verdict.HOLD
    assert cause is not None
    assert cause.id == ("query/bad-answer" if stranger == "401" else "query/no-series")
    assert "L4_HEADER_FILE" in cause.next_step


@pytest.mark.parametrize(
    ("lines", "heeds"),
    [
        (f"{HEADER}: team-c\n", True),
        (f"{HEADER}: team-a\n", True),
        (f"{HEADER}: team-b\n", False),
        ("X-Other: team-b\n", False),
        (f"X-Api-Key: s3cret\n{HEADER}: team-b\n", False),
    ],
    ids=["falls back", "is what it falls back to", "heeds nothing", "another header", "beside a key"],
)
def test_data_that_anybody_gets_is_nobodys_go(tenants: Tenants, lines: str, heeds: bool) -> None:
    """Where a tenant that nobody has gets the same samples, another tenant's GO must be HOLD, and told in time."""
    with routing(tenants, fall_back, heeds=heeds) as url:
        look = tenants.look(url, lines)

    cause = look.decision.cause
    assert look.decision.verdict is Verdict.HOLD
    assert cause is not None
    assert cause.id == "query/tenant-ignored"
    assert "L4_HEADER_FILE" in cause.next_step
    assert "team" not in f"{cause}"


def test_a_known_tenant_beside_a_fallback_is_go(tenants: Tenants) -> None:
    """A tenant that is told apart from what others fall back to must be GO."""
    with routing(tenants, fall_back) as url:
        look = tenants.look(url, f"{HEADER}: team-b\n", GO_SECONDS)

    assert look.decision.verdict is Verdict.GO, look.decision.cause


@pytest.mark.parametrize(
    "verb",
    [
        ["decide", "--deadline=2"],
        ["certify", "--window=1m"],
        ["certify", "--window=1m", "--check=canary-quorum-pass"],
    ],
)
def test_no_command_takes_anybodys_data(tenants: Tenants, verb: list[str], tmp_path: Path) -> None:
    """Each command that judges must be HOLD where the header makes no difference, and say so without its value."""
    (tmp_path / "headers").write_text(f"{HEADER}: team-b\n")
    with routing(tenants, fall_back, heeds=False) as url:
        command = [
            sys.executable,
            "-m",
            "l4gate",
            *verb,
            f"--url={url}{PREFIX}",
            f"--factor={tenants.settings.factor:g}",
        ]
        command += [f"--header-file={tmp_path / 'headers'}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == Verdict.HOLD.exit_code, done.stdout + done.stderr
    assert f"{HEADER} made no difference" in done.stdout + done.stderr
    assert "team-b" not in done.stdout + done.stderr
