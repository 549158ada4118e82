"""
The promtool for a server of somebody: the one inside its container where there is one, else one of this host.

A container is the server's if it publishes the port of the URL on this machine, or shares the host's network and has
the live folder mounted. Names prove nothing, so its promtool must be of the version that the server says of itself.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from l4gate.base import StackError
from l4gate.machine import new_run_id
from l4gate.programs import Promtool, PromtoolResult, host_promtool, release_of
from l4gate.settings import chosen, program_variable
from l4gate.stack.engine import Engine, engine_errors, find_engine

if TYPE_CHECKING:  # both import docker-py
    from l4gate.stack.image_promtool import ImagePromtool
    from l4gate.stack.images import Image

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def server_promtool(url: str, version: str, generation: str, *, live_dir: Path, cache_dir: Path) -> Promtool:
    """
    The promtool to check with what goes to a server.

    Args:
        url: where the server answers.
        version: what it says that it is; empty where it does not.
        generation: the one of `settings.GENERATIONS` that is nearest to it.
        live_dir: the folder that it reads.
        cache_dir: where programs are kept.

    Raises:
        ProgramMissing: if none can be had.
    """
    if not chosen(program_variable("promtool")) and version:
        for promtool in _in_containers(url, live_dir):
            try:
                if release_of(promtool.version) == release_of(version):
                    return promtool
            except (
                StackError,
                ValueError,
            ):  # an image without one, such as that of a proxy before the server
                continue
    return host_promtool(generation, cache_dir)


class ContainerPromtool:
    """The promtool in the image of a running container. See `promtool.Promtool`."""

    def __init__(self, engine: Engine, image: Image) -> None:
        self._engine = engine
        self._image = image
        self.origin = image.origin

    @cached_property
    def version(self) -> str:
        """See `Promtool.version`."""
        with self._opened() as promtool:
            return promtool.version

    def run(self, *args: str, folder: Path, timeout_seconds: float = 60) -> PromtoolResult:
        """See `Promtool.run`."""
        with self._opened() as promtool:
            return promtool.run(*args, folder=folder, timeout_seconds=timeout_seconds)

    @contextmanager
    def _opened(self) -> Iterator[ImagePromtool]:
        from l4gate.stack.image_promtool import ImagePromtool

        client = self._engine.client()
        try:
            users = self._engine.users(client)
            yield ImagePromtool(client, self._image, users.own_user, new_run_id())
        finally:
            client.close()


def _in_containers(url: str, live_dir: Path) -> Iterator[Promtool]:
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    if not _is_here(parts.hostname or ""):
        return
    try:
        engine = find_engine()
        client = engine.client()
    except StackError:
        return
    from l4gate.stack.images import Image

    try:
        running = client.api.containers()
    except engine_errors():
        return
    finally:
        client.close()
    for each in running:
        if _publishes(each, port) or _mounts(each, live_dir.resolve()):
            name = f"the container {each['Id'][:12]}, image {each['Image']}"
            yield ContainerPromtool(engine, Image(each["ImageID"], name))


def _publishes(container: dict[str, Any], port: int) -> bool:
    return any(each.get("PublicPort") == port for each in container.get("Ports") or ())


def _mounts(container: dict[str, Any], live_dir: Path) -> bool:
    if (container.get("HostConfig") or {}).get("NetworkMode") != "host":
        return False
    return any(Path(each.get("Source") or "-") == live_dir for each in container.get("Mounts") or ())


def _is_here(host: str) -> bool:
    """Whether an address is one of this machine: only such a one can be bound to."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
            return True
    except OSError:
        return False
    return False
