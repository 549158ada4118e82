"""Choosing a stack: what answers as an engine, how quickly that is known, and what is said about it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from l4gate.base import StackError, UsageError
from l4gate.settings import load_settings
from l4gate.stack import StackSpec, find_engine, open_stack
from l4gate.stack.choose import _engine_for

SPEC = StackSpec(1.0, ("prod",), "3.5", Path("prometheus"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder and environment that choose no engine."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def engine_socket(tmp_path: Path) -> Iterator[tuple[Path, list[bytes]]]:
    """A socket that answers every connection with the next of the given answers."""
    path, answers = tmp_path / "s", []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answers[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path, answers
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))  # lets the thread end if nobody has asked
        thread.join(5)


def test_an_engine_that_answers_is_taken(
    home: Path, engine_socket: tuple[Path, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that answers the ping must be taken, under the name that the user gave."""
    path, answers = engine_socket
    answers.append(b"HTTP/1.1 200 OK\r\n\r\nOK")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

    assert find_engine().host == f"unix://{path}"


def test_an_engine_in_trouble_is_not_taken(
    home: Path, engine_socket: tuple[Path, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that answers with an error must not be taken, and the answer is quoted."""
    path, answers = engine_socket
    answers.append(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

    with pytest.raises(StackError, match="503 Service Unavailable"):
        find_engine()


def test_a_missing_engine_is_known_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine the choice must take less than half a second, and name the socket and the reason."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/gone.sock")

    seconds = []
    for _ in range(3):  # the quickest counts: other tests share the machine
        started = time.monotonic()
        engine, why_not = _engine_for("auto")
        seconds.append(time.monotonic() - started)

    assert min(seconds) < 0.5
    assert engine is None
    assert why_not == f"no container engine answers: unix://{home}/gone.sock (No such file or directory)."


def test_an_engine_elsewhere_is_not_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine on another machine must not be taken: it has neither our folders nor our loopback."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")

    with pytest.raises(StackError, match=r"tcp://192\.0\.2\.1:2375 is not on this machine"):
        find_engine()


def test_containers_are_not_replaced_in_silence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for containers must get containers or an error."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/gone.sock")

    with (
        pytest.raises(StackError, match="no container engine answers"),
        open_stack(load_settings({"stack": "containers"}), SPEC, lambda text: None),
    ):
        pass


def test_somebody_elses_stack_is_not_opened() -> None:
    """A server behind a URL must be asked only: it is refused before anything is started or reaped."""
    settings = load_settings({"url": "http://prometheus.example:9090"})

    with (
        pytest.raises(UsageError, match="takes none that is somebody else's"),
        open_stack(settings, SPEC, pytest.fail),
    ):
        pass
