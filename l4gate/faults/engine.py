"""Faults that only a container engine can make: a network that is gone, a memory limit that kills."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from l4gate.base import Verdict, wait_until
from l4gate.faults.model import CONTAINERS, Fault, Site
from l4gate.faults.tools import send
from l4gate.stack import PUSHGATEWAY, find_engine

if TYPE_CHECKING:
    from docker.models.containers import Container  # type: ignore[import-untyped] # docker-py has no types

_END_SECONDS: Final = 20.0
_LITTLE_MEMORY: Final = "24m"
_MUCH_MEMORY: Final = "2g"
_BIG_PUSH_LINES: Final = 400_000


@contextmanager
def _gateway(site: Site) -> Iterator[tuple[Any, Container]]:
    """The engine's client and the container of the Pushgateway."""
    client = find_engine().client()
    try:
        yield client, client.containers.get(f"l4gate-{site.sandbox.stack.run_id}-{PUSHGATEWAY}")
    finally:
        client.close()


@contextmanager
def _disconnected(site: Site) -> Iterator[None]:
    with _gateway(site) as (client, container):
        network = client.networks.get(f"l4gate-{site.sandbox.stack.run_id}")
        network.disconnect(container)
        try:
            yield
        finally:
            network.connect(container, aliases=[PUSHGATEWAY])


@contextmanager
def _out_of_memory(site: Site) -> Iterator[None]:
    with _gateway(site) as (_client, container):
        container.update(mem_limit=_LITTLE_MEMORY, memswap_limit=_LITTLE_MEMORY)
        lines = "".join(f'somebody_s_metric{{number="{number}"}} 1\n' for number in range(_BIG_PUSH_LINES))

        def killed() -> bool:
            container.reload()
            return bool(container.attrs["State"]["OOMKilled"]) and container.status == "exited"

        with suppress(OSError):  # requests' errors are: it dies while it is reading
            send(site, "PUT", "/metrics/job/somebody_else", lines)
        wait_until(
            killed,
            deadline_seconds=_END_SECONDS,
            interval_seconds=0.1,
            what="the kernel to kill the Pushgateway",
        )
        try:
            yield
        finally:
            container.update(mem_limit=_MUCH_MEMORY, memswap_limit=_MUCH_MEMORY)
            site.sandbox.stack.start(PUSHGATEWAY)


FAULTS: Final = (
    Fault(
        "transport/gateway-disconnected",
        "The Pushgateway's container is cut off from the network.",
        _disconnected,
        Verdict.HOLD,
        "transport/target-down",
        stacks=(CONTAINERS,),
    ),
    Fault(
        "transport/gateway-out-of-memory",
        "Somebody's huge push makes the kernel kill the Pushgateway for its memory limit.",
        _out_of_memory,
        Verdict.HOLD,
        "transport/target-down",
        stacks=(CONTAINERS,),
    ),
)
