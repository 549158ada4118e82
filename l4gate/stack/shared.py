"""What the containers of one run share at an engine: network, labels, user; and how each of them is described."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from l4gate.base import StackError
from l4gate.machine import LOOPBACK
from l4gate.stack.engine import (
    FOLDER_LABEL,
    RUN_LABEL,
    Engine,
    Users,
    engine_errors,
    labels_of,
    remove,
    suppress_engine_errors,
)
from l4gate.stack.image_promtool import HARDENED
from l4gate.stack.images import Image
from l4gate.stack.model import SERVICES
from l4gate.stack.rundir import RunDir

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped] # docker-py has no types


@dataclass(frozen=True)
class Shared:
    """The engine with a client of it, whom the containers run as, and the labels and the network of the run."""

    engine: Engine
    client: docker.DockerClient
    users: Users
    run_id: str
    labels: Mapping[str, str]
    network: str

    def describe(
        self,
        service: str,
        image: Image,
        command: list[str],
        *,
        published: tuple[int, int],
        folders: Mapping[str, tuple[Path, bool]],
    ) -> DockerContainer:
        """
        A container of a service, not made yet.

        Args:
            service: its name in the network.
            image: what it runs.
            command: the arguments of its program.
            published: its port inside, and the port on loopback that leads there.
            folders: by the path inside, a folder of this host and whether it can only be read.
        """
        # Without Testcontainers' own reaper: ours needs no image and no privileges.
        testcontainers_config.ryuk_disabled = True
        testcontainers_config.tc_properties["tc.host"] = self.engine.host
        container = DockerContainer(image.id)
        # The prefix that a user may have set for images of a registry is not for this one.
        container.image = image.id
        container.with_command(command)
        container.with_name(f"l4gate-{self.run_id}-{service}")
        # Fixed here and not by the engine, which would choose another port at each start.
        inside_port, port = published
        container.ports[f"{inside_port}/tcp"] = (LOOPBACK, port)  # type: ignore[assignment] # docker-py takes it
        for inside, (folder, read_only) in folders.items():
            container.with_volume_mapping(folder, inside, "ro,z" if read_only else "rw,z")
        container.with_kwargs(
            **HARDENED,
            user=self.users.user,
            userns_mode=self.users.userns_mode,
            labels=dict(self.labels),
            network=self.network,
            networking_config={self.network: self.client.api.create_endpoint_config(aliases=[service])},
        )
        return container

    def remove(self) -> None:
        """Removes every container of the run and its network; the client stays open."""
        # By label, so that what was being made when the start was broken off is found too.
        with suppress_engine_errors():
            wanted = {"label": f"{RUN_LABEL}={self.run_id}"}
            found = self.client.api.containers(all=True, filters=wanted)
            with ThreadPoolExecutor(len(SERVICES)) as pool:
                list(pool.map(lambda each: remove([("container", each["Id"])], self.engine), found))
            remove([("network", self.network)], self.engine)


def open_shared(engine: Engine, run_dir: RunDir) -> Shared:
    """
    Makes the network of a run.

    Raises:
        StackError: if the engine refuses.
    """
    client = engine.client()
    users = engine.users(client)
    labels = {**labels_of(run_dir.run_id), FOLDER_LABEL: str(run_dir.root)}
    network = f"l4gate-{run_dir.run_id}"
    try:
        client.networks.create(network, driver="bridge", labels=labels)
    except engine_errors() as error:
        message = f"the engine at {engine.host} could not make a network: {error}."
        raise StackError(message, next_step="see the engine's log, or use --stack processes.") from None
    return Shared(engine, client, users, run_dir.run_id, labels, network)
