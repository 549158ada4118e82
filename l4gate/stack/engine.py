"""
The container engine: whether one answers on this machine, and what of ours is in it.

docker-py takes 0.4 s to import, so it is imported only once an engine is known to answer.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from l4gate.base import StackError
from l4gate.machine import home
from l4gate.prometheus_api import HttpError

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped] # docker-py has no types

RUN_LABEL: Final = "l4gate.run"  # on every container and network; the run's name tells its owner
USER_LABEL: Final = "l4gate.user"  # beside it, whose run it is: one engine serves several users
FOLDER_LABEL: Final = (
    "l4gate.folder"  # beside it, on those of a stack: the run's folder, which says if it is kept
)
NOBODY: Final = 65534  # the user of the upstream images
_PING_SECONDS: Final = 1.0  # takes 2 ms; `auto` must decide in less than half a second where nothing listens
_API_SECONDS: Final = 60.0
_HERE: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Users:
    """
    Whom containers run as, so that they can use our folders without being root on this host.

    Attributes:
        user: UID:GID inside a container that writes to our folders.
        owner: the UID and GID that the folders must be given to for that, or None if they are ours already.
        own_user: UID:GID inside a container that is our own user outside.
        userns_mode: `host` where the engine would shift UIDs otherwise.
    """

    user: str
    owner: int | None
    own_user: str
    userns_mode: str | None


@dataclass(frozen=True)
class Engine:
    """A container engine on this machine that answers; `host` is a URL as in DOCKER_HOST."""

    host: str

    def users(self, client: docker.DockerClient) -> Users:
        """Whom our containers run as: our own user; for root, nobody; without root outside, root inside."""
        options = client.info().get("SecurityOptions") or []
        userns_mode = "host" if "name=userns" in options else None
        if any("rootless" in option for option in options):
            return Users(
                "0:0", None, "0:0", userns_mode
            )  # root inside is our own user outside, and nobody else
        own = f"{os.getuid()}:{os.getgid()}"
        if os.getuid() == 0:
            return Users(f"{NOBODY}:{NOBODY}", NOBODY, own, userns_mode)
        return Users(own, None, own, userns_mode)

    def client(self, *, timeout_seconds: float = _API_SECONDS) -> docker.DockerClient:
        """A client of it; the caller closes it."""
        import docker

        return docker.from_env(
            environment={**os.environ, "DOCKER_HOST": self.host}, timeout=timeout_seconds, version="auto"
        )


def find_engine() -> Engine:
    """
    The engine that docker's own tools would use, or else Podman's.

    Raises:
        StackError: if none answers, or it is on another machine, where our folders and loopback are not.
    """
    chosen = _chosen_host()
    hosts = [chosen] if chosen else _usual_hosts()
    reasons = []
    for host in hosts:
        reason = _why_not(host)
        if reason is None:
            return Engine(host)
        reasons.append(reason)
    raise StackError(
        f"no container engine answers: {'; '.join(reasons)}.",
        next_step="start Docker or Podman, or use processes.",
    )


@dataclass(frozen=True)
class Labelled:
    """A container or network of a run of ours. `folder` is the run's, and empty where it has none."""

    kind: str
    name: str
    run_id: str
    folder: str
    age_seconds: float


def labels_of(run_id: str) -> dict[str, str]:
    """What every container and network of a run of this user carries."""
    return {RUN_LABEL: run_id, USER_LABEL: str(os.getuid())}


def labelled() -> list[Labelled]:
    """Every container and network of any run of this user's. Empty without an engine."""
    try:
        client = find_engine().client()
    except StackError:
        return []
    wanted = {"label": [RUN_LABEL, f"{USER_LABEL}={os.getuid()}"]}
    with suppress_engine_errors():
        try:
            containers = client.api.containers(all=True, filters=wanted)
            networks = client.api.networks(filters=wanted)
        finally:
            client.close()
        now = datetime.now(UTC).timestamp()
        found = [("container", each, each["Created"]) for each in containers]
        found += [("network", each, _seconds(each["Created"])) for each in networks]
        return [
            Labelled(
                kind,
                each["Id"],
                each["Labels"][RUN_LABEL],
                each["Labels"].get(FOLDER_LABEL, ""),
                now - created,
            )
            for kind, each, created in found
        ]
    return []


def remove(things: Iterable[tuple[str, str]], engine: Engine | None = None) -> None:
    """Removes containers with their volumes, then networks, by (kind, id). Gone already, or going, is fine."""
    try:
        client = (engine or find_engine()).client()
    except StackError:
        return
    try:
        for kind, name in sorted(things):  # containers come before the networks they are in
            with suppress_engine_errors():
                if kind == "container":
                    client.api.remove_container(name, v=True, force=True)
                else:
                    client.api.remove_network(name)
    finally:
        client.close()


def engine_errors() -> tuple[type[Exception], ...]:
    """What docker-py raises when the engine refuses or cannot be asked: its own errors and its HTTP library's."""
    import docker.errors  # type: ignore[import-untyped] # docker-py has no types

    return docker.errors.DockerException, HttpError


def suppress_engine_errors() -> suppress:
    """What the engine says about things that somebody else has removed meanwhile."""
    return suppress(*engine_errors())


def _chosen_host() -> str | None:
    """The host that the user chose: by environment, docker context, or Testcontainers' properties file."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    config = Path(os.environ.get("DOCKER_CONFIG") or home() / ".docker") / "config.json"
    context = os.environ.get("DOCKER_CONTEXT")
    if context is None:
        with suppress(OSError, ValueError, AttributeError):
            context = json.loads(config.read_text()).get("currentContext")
    properties = home() / ".testcontainers.properties"
    if (context and context != "default") or os.path.exists(properties):  # noqa: PTH110 - False for a closed home
        from testcontainers.core.docker_client import get_docker_host

        return get_docker_host()
    return None


def _usual_hosts() -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    sockets = ["/var/run/docker.sock", f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"]
    if os.getuid() == 0:
        sockets.append("/run/podman/podman.sock")
    there = [path for path in sockets if os.path.exists(path)]  # noqa: PTH110 - False for a closed folder
    return [f"unix://{path}" for path in there or sockets[:1]]


def _why_not(host: str) -> str | None:
    """Why an engine cannot be used, or None if it can."""
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return _ping_unix(parts.path)
    if parts.scheme in ("tcp", "http", "https") and parts.hostname in _HERE:
        client = None
        try:
            client = Engine(host).client(timeout_seconds=_PING_SECONDS)
            client.ping()
        except Exception as error:  # noqa: BLE001 - docker-py lets several libraries' errors through
            return f"{host} ({error})"
        finally:
            if client is not None:
                client.close()
        return None
    return f"{host} is not on this machine"


def _ping_unix(path: str) -> str | None:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PING_SECONDS)
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = connection.recv(64)
    except OSError as error:
        return f"unix://{path} ({error.strerror or error})"
    return None if b" 200 " in answer else f"unix://{path} (answered {answer[:40]!r})"


def _seconds(created: Any) -> float:
    """A time as the engine gives it: RFC 3339, with more digits than Python reads."""
    with suppress(ValueError):
        return datetime.fromisoformat(str(created)[:19] + "+00:00").timestamp()
    return datetime.now(UTC).timestamp()
