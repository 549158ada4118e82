"""What every stack can do, wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from l4gate.contract import Pace, load_contract
from l4gate.programs import Promtool

# The services are called as their scrape jobs are, in the compose file, in methods and in messages.
PROMETHEUS: Final = "prometheus"  # this and the next: services of the compose file
PUSHGATEWAY: Final = "pushgateway"
NODE_EXPORTER: Final = "node-exporter"
ALERTMANAGER: Final = "alertmanager"
REQUIRED_SERVICES: Final = (PROMETHEUS, PUSHGATEWAY, NODE_EXPORTER)
SERVICES: Final = (
    *REQUIRED_SERVICES,
    ALERTMANAGER,
)  # the last is advisory: without it nobody is told, and that is all


@dataclass(frozen=True)
class StackSpec:
    """
    What a stack is to be.

    Attributes:
        factor: every duration of the system is divided by it; 1 is production.
        realms: the values of the realm label that the rules are rendered for.
        generation: of the programs, one of `settings.GENERATIONS`.
        source: the folder with prometheus.yml, rules/ and targets/.
        history: fills the empty TSDB folder that it is given before Prometheus starts.
        groups: a persistence file of a Pushgateway, to start with what it had been pushed.
    """

    factor: float
    realms: tuple[str, ...]
    generation: str
    source: Path
    history: Callable[[Path, Promtool], None] | None = None
    groups: bytes | None = None

    @property
    def pace(self) -> Pace:
        """The contract beside the rules, at the factor of the stack."""
        return Pace(self.factor, load_contract(self.source))


class Stack(Protocol):
    """A running observation stack of ours. Services are named by SERVICES."""

    @property
    def kind(self) -> str:
        """One of containers, processes."""

    @property
    def reason(self) -> str:
        """Why this kind was taken, for the evidence."""

    @property
    def run_id(self) -> str:
        """Unique per run; what the run leaves behind carries it."""

    @property
    def spec(self) -> StackSpec:
        """As it was asked for."""

    @property
    def prometheus_url(self) -> str:
        """From this host, without a slash at the end; it stays the same over restarts."""

    @property
    def pushgateway_url(self) -> str:
        """From this host, without a slash at the end; it stays the same over restarts."""

    @property
    def node_exporter_url(self) -> str:
        """From this host, without a slash at the end; it stays the same over restarts."""

    @property
    def alertmanager_url(self) -> str | None:
        """From this host, without a slash at the end; None where there is none, and `untold` says why."""

    @property
    def rules_url(self) -> str | None:
        """Where the rules are asked, if that is not `prometheus_url`."""

    @property
    def scrape_url(self) -> str | None:
        """Where targets and scrape configuration are asked, if that is not `prometheus_url`."""

    @property
    def untold(self) -> str:
        """Why nobody can be told of an alert, in a sentence; empty where the stack has an Alertmanager."""

    @property
    def host_address(self) -> str:
        """The address of this host that its services reach, and nobody beyond."""

    @property
    def run_dir(self) -> Path:
        """The run's own folder; it goes when the stack stops."""

    @property
    def config_dir(self) -> Path:
        """Live prometheus.yml, rules/ and targets/: edit, then `reload`."""

    @property
    def data_dir(self) -> Path:
        """The TSDB of Prometheus."""

    @property
    def textfile_dir(self) -> Path:
        """Where node-exporter reads .prom files."""

    @property
    def groups_file(self) -> Path:
        """Where the Pushgateway keeps what it was pushed."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Version of each service, as it reports it."""

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each service's program or image is from."""

    @property
    def promtool(self) -> Promtool:
        """A promtool of the version of the running Prometheus, or the nearest that can be had."""

    def reload(self) -> None:
        """Makes Prometheus read its configuration again; raises StackError with its own words if it refuses."""

    def notify(self, url: str) -> None:
        """
        Has every receiver of the Alertmanager call this URL, followed by a slash and the receiver's name.

        Raises:
            StackError: if there is no Alertmanager, or it refuses.
        """

    def load_rules(self) -> None:
        """
        Puts the rules into a scaled stack once its targets have been scraped; nothing to do at factor 1.

        Prometheus scrapes for the first time 5 s after its start. Rules that are evaluated before see no
        heartbeat, and on a scaled stack 5 s are long enough for a false abort.
        """

    def kill(self, service: str) -> None:
        """Ends a service with SIGKILL."""

    def start(self, service: str) -> None:
        """Starts a service that was killed and waits until it is ready; a scaled Prometheus gets its rules again."""

    def restart(self, service: str) -> None:
        """Ends a service in order, then as `start`."""

    def pause(self, service: str) -> None:
        """Stops a service from running: connections are accepted by the kernel and never answered."""

    def resume(self, service: str) -> None:
        """Undoes `pause`."""

    def logs(self, service: str, lines: int = 50) -> str:
        """The last lines of a service's log."""

    def stop(self) -> None:
        """Ends everything and removes every trace. May be called again."""
