"""Provides a live sandbox with its first checkpoint, for the operations that change a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from l4gate.base import Verdict
from l4gate.operations import Checkpoint, CheckpointStore, LiveServer, checkpoint, read_configuration
from l4gate.operations.configuration import Configuration
from l4gate.operations.live_folder import switch
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import Settings
from l4gate.verdict import Look

GO_SECONDS = 60.0


@dataclass(frozen=True, repr=False)
class Box:
    """A sandbox that is GO, and what it takes to operate it."""

    sandbox: Sandbox
    server: LiveServer
    good: Configuration

    @property
    def live_dir(self) -> Path:
        return self.server.live_dir

    def edited(self, name: str, before: bytes, after: bytes) -> Configuration:
        """The good configuration with one place changed."""
        assert before in self.good.files[name]
        return Configuration({**self.good.files, name: self.good.files[name].replace(before, after)})

    @property
    def without_heartbeat(self) -> Configuration:
        """The good configuration with a change of addresses by which no beat arrives: nobody answers at port 1."""
        files = dict(self.good.files)
        for name, address in (
            ("prometheus.yml", self.sandbox.stack.pushgateway_url),
            ("targets/node_exporter.yml", self.sandbox.stack.node_exporter_url),
        ):
            before = urlsplit(address).netloc.encode()
            assert before in files[name]
            files[name] = files[name].replace(before, b"127.0.0.1:1")
        return Configuration(files)

    def go(self) -> tuple[Look, ...]:
        looks = self.sandbox.judge.judge(GO_SECONDS, until=frozenset({Verdict.GO}))
        assert looks[0].decision.verdict is Verdict.GO, looks[0].decision.cause
        return looks

    def force(self, content: Configuration) -> None:
        """Makes a configuration live without asking anybody."""
        switch(self.live_dir, content)
        assert self.server.api.reload() == ""


@pytest.fixture(scope="module")
def opened(settings: Settings) -> Iterator[Box]:
    """One for the tests of a file, or for each parameter that they give it."""
    settings = replace(settings, url=None, stack="processes", keep_stack=False)
    with open_sandbox(settings) as sandbox:
        server = LiveServer.of_stack(sandbox.stack)
        yield Box(sandbox, server, read_configuration(server.live_dir))


@pytest.fixture
def box(opened: Box) -> Iterator[Box]:
    """The sandbox, GO before the test, and with its good configuration after it."""
    opened.go()
    yield opened
    opened.force(opened.good)


@pytest.fixture
def store(box: Box, tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "state", box.live_dir)


@pytest.fixture
def kept(box: Box, store: CheckpointStore) -> Checkpoint:
    """The good configuration, kept on its GO."""
    return checkpoint(store, box.sandbox.judge, box.go(), factor=box.server.pace.factor)
