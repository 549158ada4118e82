"""
The stack as containers of Testcontainers, with images, commands and mounts from the compose file.

Long because all that is done to a container, from its image to its end, stands in one place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from l4gate.base import GateError, ProgramMissing, StackError
from l4gate.machine import LOOPBACK, free_port, new_run_id
from l4gate.programs import HostPromtool, Promtool, find_program
from l4gate.settings import Settings
from l4gate.stack.compose import Service, load_services
from l4gate.stack.engine import Engine, engine_errors, suppress_engine_errors
from l4gate.stack.image_promtool import ImagePromtool
from l4gate.stack.images import Image, image_for
from l4gate.stack.local import LocalStack
from l4gate.stack.model import (
    ALERTMANAGER,
    NODE_EXPORTER,
    PROMETHEUS,
    PUSHGATEWAY,
    REQUIRED_SERVICES,
    SERVICES,
    StackSpec,
)
from l4gate.stack.rundir import RunDir, new_run_dir
from l4gate.stack.shared import open_shared

if TYPE_CHECKING:
    from docker.models.containers import Container  # type: ignore[import-untyped] # docker-py has no types

_PORT_TAKEN: Final = re.compile("port is already allocated|address already in use")
_PORT_ATTEMPTS: Final = 5
_TERMINATE_SECONDS: Final = 10


class ContainerStack(LocalStack):
    """See `model.Stack`."""

    kind = "containers"

    def __init__(
        self,
        spec: StackSpec,
        services: Mapping[str, Service],
        run_dir: RunDir,
        reason: str,
        *,
        engine: Engine,
        cache_dir: Path,
    ) -> None:
        super().__init__(spec, services, run_dir, reason)
        self._engine = engine
        self._cache_dir = cache_dir
        self._images: dict[str, Image] = {}
        self._containers: dict[str, Container] = {}
        self._shared = open_shared(engine, run_dir)
        self._client, self._users = self._shared.client, self._shared.users

    @cached_property
    def host_address(self) -> str:
        """See `Stack.host_address`. The gateway of the run's own network is this host, where the engine runs on it."""
        settings = self._client.networks.get(self._shared.network).attrs["IPAM"]["Config"]
        return str(settings[0]["Gateway"])

    @cached_property
    def promtool(self) -> Promtool:
        """See `Stack.promtool`. One on this host is quicker by 0.3 s a run than the one in the image."""
        try:
            program = find_program("promtool", self.spec.generation, self._cache_dir, fetch=False)
            if _release(program.version) == _release(self.versions.get(PROMETHEUS, program.version)):
                return HostPromtool(program)
        except ProgramMissing:
            pass
        return ImagePromtool(self._client, self._images[PROMETHEUS], self._users.own_user, self.run_id)

    def open(self, say: Callable[[str], None]) -> None:
        """Starts all services and waits until they are ready."""
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            advisory = pool.submit(self._open_alertmanager, say)
            images = pool.map(lambda name: self._image(name, say), REQUIRED_SERVICES)
            self._images |= dict(zip(REQUIRED_SERVICES, images, strict=True))
            others = [pool.submit(self._create, service) for service in (PUSHGATEWAY, NODE_EXPORTER)]
            advisory.result()
            # Inside the network the services have the names that the configuration uses.
            port = self._services[ALERTMANAGER].port
            self._config.write({}, f"{ALERTMANAGER}:{port}" if self.alertmanager_url else "")
            self._fill_history()
            self._create(PROMETHEUS)
            for other in others:
                other.result()
            self._wait_ready(*REQUIRED_SERVICES)
            self.origins = {name: image.origin for name, image in self._images.items()}
            self.versions = dict(zip(self.urls, pool.map(self._version_of, self.urls), strict=True))

    def _image(self, service: str, say: Callable[[str], None]) -> Image:
        definition = self._services[service]
        return image_for(definition, self.spec.generation, self._engine, self._cache_dir, say)

    def _open_alertmanager(self, say: Callable[[str], None]) -> None:
        """Starts the Alertmanager beside the others, and has the stack go on without it if it does not start."""
        try:
            self._config.write_alerting("")
            self._images[ALERTMANAGER] = self._image(ALERTMANAGER, say)
            self._create(ALERTMANAGER)
            self._wait_ready(ALERTMANAGER)
        except GateError as error:
            self.go_without_alertmanager(error)
            self._images.pop(ALERTMANAGER, None)
            self.urls.pop(ALERTMANAGER, None)
            container = self._containers.pop(ALERTMANAGER, None)
            if container is not None:
                with suppress_engine_errors():
                    container.remove(v=True, force=True)
                container.client.close()

    def kill(self, service: str) -> None:
        """See `Stack.kill`."""
        self._do(service, lambda container: container.kill())
        self._do(service, lambda container: container.wait(timeout=_TERMINATE_SECONDS))

    def pause(self, service: str) -> None:
        """See `Stack.pause`."""
        self._do(service, lambda container: container.pause())

    def resume(self, service: str) -> None:
        """See `Stack.resume`."""
        self._do(service, lambda container: container.unpause())

    def logs(self, service: str, lines: int = 50) -> str:
        """See `Stack.logs`."""
        container = self._containers.get(self._checked(service))
        if container is None:
            return ""
        with suppress_engine_errors():
            return str(container.logs(tail=lines).decode(errors="replace"))
        return ""

    def reload(self) -> None:
        """See `Stack.reload`."""
        self._hand_over()
        super().reload()

    def _hand_over(self) -> None:
        self._dirs.give_to(self._users.owner)

    def stop(self) -> None:
        """See `Stack.stop`."""
        self._http.close()
        self._shared.remove()
        self._close_clients()
        self._dirs.remove()

    def keep(self) -> None:
        """See `LocalStack.keep`."""
        super().keep()
        self._http.close()
        self._close_clients()

    def _close_clients(self) -> None:
        for container in self._containers.values():
            container.client.close()
        self._client.close()

    def _create(self, service: str) -> None:
        """Creates and starts a container, on another port if somebody took the one that was free."""
        self._dirs.give_to(self._users.owner)
        for attempt in range(_PORT_ATTEMPTS):
            port = free_port()
            definition = self._services[service]
            container = self._shared.describe(
                service,
                self._images[service],
                definition.arguments(factor=self.spec.factor, listen=f":{definition.port}"),
                published=(definition.port, port),
                folders={
                    inside: (folder, definition.mounts[inside])
                    for inside, folder in self._mounted(service).items()
                },
            )
            try:
                container.start()
            except engine_errors() as error:
                created = container._container  # noqa: SLF001 - Testcontainers shows it only once it has started
                if created is not None:
                    created.remove(v=True, force=True)
                container.get_docker_client().client.close()
                if _PORT_TAKEN.search(str(error)) and attempt < _PORT_ATTEMPTS - 1:
                    continue
                message = (
                    f"expected a container of {self._images[service].origin} for {service}, found: {error}"
                )
                raise StackError(
                    message, next_step="see the engine's log, or use --stack processes."
                ) from None
            self._containers[service] = container.get_wrapped_container()
            self.urls[service] = f"http://{LOOPBACK}:{port}"
            return

    def _launch(self, service: str) -> None:
        self._dirs.give_to(self._users.owner)
        self._do(service, lambda container: container.start())

    def _terminate(self, service: str) -> None:
        self._do(service, lambda container: container.stop(timeout=_TERMINATE_SECONDS))

    def _check_alive(self, service: str) -> bool:
        container = self._containers[service]
        self._do(service, lambda each: each.reload())
        if container.status in ("exited", "dead"):
            code = container.attrs["State"]["ExitCode"]
            message = f"expected {service} to run, found that it ended with exit code {code}.{self._log_tail(service)}"
            raise StackError(message, next_step="see its log.")
        return bool(container.status == "running")

    def _do(self, service: str, what: Callable[[Container], Any]) -> None:
        try:
            what(self._containers[self._checked(service)])
        except engine_errors() as error:
            message = f"the engine refused, for {service}: {error}."
            raise StackError(
                message, next_step="see whether the engine and the container are there."
            ) from None

    def _version_of(self, service: str) -> str:
        text = self._http.get(f"{self.urls[service]}/metrics", timeout=_TERMINATE_SECONDS).text
        found = re.search(r'^\w+_build_info{.*version="([^"]+)"', text, re.MULTILINE)
        return found[1] if found else "unknown"


def start_containers(
    settings: Settings, spec: StackSpec, engine: Engine, say: Callable[[str], None]
) -> ContainerStack:
    """
    Starts a stack of containers.

    Raises:
        ProgramMissing: if an image cannot be had.
        StackError: if one does not start.
    """
    services = load_services(spec.generation)
    run_dir = new_run_dir(new_run_id(), ContainerStack.kind)
    stack = None
    try:
        reason = f"containers: {engine.host} answers"
        stack = ContainerStack(spec, services, run_dir, reason, engine=engine, cache_dir=settings.cache_dir)
        stack.open(say)
    except BaseException as error:
        if stack is None:
            run_dir.remove()
        else:
            stack.stop()
        if isinstance(error, engine_errors()):
            message = f"the engine at {engine.host} failed: {error}."
            raise StackError(message, next_step="see its log, or use --stack processes.") from None
        raise
    for name in stack.versions:
        say(f"{name} {stack.versions[name]} ({stack.origins[name]})")
    return stack


def _release(version: str) -> str:
    return version.partition("+")[0]
