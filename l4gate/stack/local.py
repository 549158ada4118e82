"""
What a stack of our own does whether its services are processes or containers: configuration, rules, readiness.

Long because it answers for every method of `model.Stack` that both kinds share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

from l4gate.base import ApiError, GateError, NotReady, StackError, wait_until
from l4gate.machine import LOOPBACK
from l4gate.programs import Promtool
from l4gate.prometheus_api import HttpError, PrometheusApi, new_session
from l4gate.stack.compose import Service
from l4gate.stack.first_scrape import wait_for_first_scrape
from l4gate.stack.model import (
    ALERTMANAGER,
    NODE_EXPORTER,
    PROMETHEUS,
    PUSHGATEWAY,
    SERVICES,
    StackSpec,
)
from l4gate.stack.rendered import RenderedConfig
from l4gate.stack.rundir import RunDir

_READY_SECONDS: Final = 60.0  # takes 0.1 s; a loaded CI machine replaying a log may take long
_READY_POLL_SECONDS: Final = 0.01
_RELOAD_SECONDS: Final = 30.0  # takes 4 ms; Prometheus gives no limit
_REQUEST_SECONDS: Final = 2.0
_LOG_SECONDS: Final = 2.0  # a few ms; the engine copies it
_LOG_LINES_IN_MESSAGES: Final = 8


class LocalStack(ABC):
    """
    A stack whose parts are ours. See `model.Stack` for the public methods.

    A subclass starts and ends services; it sets `urls`, `versions` and `origins` while it starts.
    """

    kind: ClassVar[str]
    known: ClassVar[tuple[str, ...]] = SERVICES

    def __init__(
        self,
        spec: StackSpec,
        services: Mapping[str, Service],
        run_dir: RunDir,
        reason: str,
    ) -> None:
        self.spec = spec
        self.reason = reason
        self.urls: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.untold = ""
        self._services = services
        self._dirs = run_dir
        self._config = RenderedConfig(spec, run_dir)
        self._http = new_session(f"http://{LOOPBACK}")
        if spec.groups is not None:
            self.groups_file.write_bytes(spec.groups)

    @property
    def run_id(self) -> str:
        """See `Stack.run_id`."""
        return self._dirs.run_id

    @property
    def prometheus_url(self) -> str:
        """See `Stack.prometheus_url`."""
        return self.urls[PROMETHEUS]

    @property
    def pushgateway_url(self) -> str:
        """See `Stack.pushgateway_url`."""
        return self.urls[PUSHGATEWAY]

    @property
    def node_exporter_url(self) -> str:
        """See `Stack.node_exporter_url`."""
        return self.urls[NODE_EXPORTER]

    @property
    def alertmanager_url(self) -> str | None:
        """See `Stack.alertmanager_url`."""
        return None if self.untold else self.urls.get(ALERTMANAGER)

    @property
    def rules_url(self) -> str | None:
        """See `Stack.rules_url`."""
        return None

    @property
    def scrape_url(self) -> str | None:
        """See `Stack.scrape_url`."""
        return None

    @property
    @abstractmethod
    def host_address(self) -> str:
        """See `Stack.host_address`."""

    @property
    def run_dir(self) -> Path:
        """See `Stack.run_dir`."""
        return self._dirs.root

    @property
    def config_dir(self) -> Path:
        """See `Stack.config_dir`."""
        return self._dirs.config

    @property
    def data_dir(self) -> Path:
        """See `Stack.data_dir`."""
        return self._dirs.data

    @property
    def textfile_dir(self) -> Path:
        """See `Stack.textfile_dir`."""
        return self._dirs.textfile

    @property
    def groups_file(self) -> Path:
        """See `Stack.groups_file`."""
        return self._dirs.pushgateway / "groups"

    @property
    @abstractmethod
    def promtool(self) -> Promtool:
        """See `Stack.promtool`."""

    @abstractmethod
    def kill(self, service: str) -> None:
        """See `Stack.kill`."""

    @abstractmethod
    def pause(self, service: str) -> None:
        """See `Stack.pause`."""

    @abstractmethod
    def resume(self, service: str) -> None:
        """See `Stack.resume`."""

    @abstractmethod
    def logs(self, service: str, lines: int = 50) -> str:
        """See `Stack.logs`."""

    @abstractmethod
    def stop(self) -> None:
        """See `Stack.stop`."""

    @abstractmethod
    def _terminate(self, service: str) -> None:
        """Ends a service in order, so that it can write what it has in memory."""

    @abstractmethod
    def _launch(self, service: str) -> None:
        """Starts a service that is not running, at the address that it had; does not wait."""

    @abstractmethod
    def _check_alive(self, service: str) -> bool:
        """Whether the service may be asked if it is ready; raises StackError if it has ended."""

    def start(self, service: str) -> None:
        """See `Stack.start`."""
        self._checked(service)
        hold = service == PROMETHEUS and self.spec.factor > 1 and not self._config.holds_rules
        if hold:
            self._config.hold_rules()
        self._launch(service)
        self._wait_ready(service)
        if hold:
            self.load_rules()

    def restart(self, service: str) -> None:
        """See `Stack.restart`."""
        self._terminate(service)
        self.start(service)

    def keep(self) -> None:
        """Leaves everything up when this run ends, and marks it so that the next run does not reap it."""
        self._dirs.keep()

    def reload(self) -> None:
        """See `Stack.reload`."""
        known = set(self._errors())
        try:
            refusal = PrometheusApi(self.prometheus_url, timeout_seconds=_RELOAD_SECONDS).reload()
        except ApiError as error:
            message = f"expected Prometheus to reload, found: {error.message}{self._log_tail(PROMETHEUS)}"
            raise StackError(message, next_step="see whether Prometheus runs.") from None
        if refusal:
            message = (
                f"expected Prometheus at {self.prometheus_url} to reload, "
                f"found {refusal}.{self._complaints(known)}"
            )
            raise StackError(message, next_step="correct the file; the old rules go on until then.")

    def notify(self, url: str) -> None:
        """See `Stack.notify`."""
        self._checked(ALERTMANAGER)
        self._config.write_alerting(url)
        self._hand_over()
        try:
            answer = self._http.post(f"{self.urls[ALERTMANAGER]}/-/reload", timeout=_RELOAD_SECONDS)
            found = "" if answer.ok else f"HTTP {answer.status_code}: {answer.text.strip()}"
        except HttpError as error:
            found = str(error)
        if found:
            message = f"expected the Alertmanager to reload, found {found}.{self._log_tail(ALERTMANAGER)}"
            raise StackError(message, next_step="correct alertmanager.yml.")

    def _hand_over(self) -> None:  # noqa: B027 - a process runs as this user, who can read it already
        """Lets whoever the services run as read the configuration."""

    def go_without_alertmanager(self, why: GateError) -> None:
        """Goes on without: nobody is told of an alert then, and no verdict depends on that."""
        lines = why.message.strip().splitlines()  # an error that quotes a log has the reason in its last line
        reason = " ".join(dict.fromkeys((lines[0], lines[-1])))
        self.untold = f"no Alertmanager, so nobody would be told of an ABORT: {reason}"

    def load_rules(self) -> None:
        """See `Stack.load_rules`."""
        if not self._config.holds_rules:
            return
        self._config.prepare_rules()
        wait_for_first_scrape(self.scrape_url or self.prometheus_url, self.spec.pace.contract)
        self._config.release_rules()
        self.reload()

    def _mounted(self, service: str) -> dict[str, Path]:
        """The folder of this run for each path that the service's definition mounts."""
        folders = {
            "/etc/prometheus": self._dirs.config,
            "/etc/alertmanager": self._dirs.config,
            "/prometheus": self._dirs.data,
            "/pushgateway": self._dirs.pushgateway,
            "/alertmanager": self._dirs.alertmanager,
            "/textfile": self._dirs.textfile,
        }
        return {inside: folders[inside] for inside in self._services[service].mounts}

    def _fill_history(self) -> None:
        if self.spec.history is not None:
            self.spec.history(self.data_dir, self.promtool)

    def _wait_ready(self, *services: str) -> None:
        for service in services:
            wait_until(
                lambda service=service: self._is_ready(service),  # type: ignore[misc]
                deadline_seconds=_READY_SECONDS,
                interval_seconds=_READY_POLL_SECONDS,
                what=f"{service} to be ready at {self._ready_url(service)}",
                last_seen=lambda service=service: f"no good answer.{self._log_tail(service)}",  # type: ignore[misc]
                next_step="see its log.",
            )

    def _is_ready(self, service: str) -> bool:
        if not self._check_alive(service):
            return False
        try:
            answer = self._http.get(self._ready_url(service), timeout=_REQUEST_SECONDS)
        except HttpError:
            return False
        return answer.ok

    def _ready_url(self, service: str) -> str:
        return self.urls[service] + self._services[service].ready_path

    def _log_tail(self, service: str) -> str:
        tail = self.logs(service, _LOG_LINES_IN_MESSAGES)
        return f" Last lines of its log:\n{tail}\n" if tail else ""

    def _complaints(self, known: Collection[str]) -> str:
        """
        What Prometheus wrote down about a refused reload: its answer does not name the file, its log does.

        A container's log can lack its last lines for some milliseconds after the answer that they explain.
        """
        complaints: list[str] = []
        with suppress(NotReady):  # then its own words are all that there is to say
            complaints = wait_until(
                lambda: [line for line in self._errors() if line not in known],
                deadline_seconds=_LOG_SECONDS,
                interval_seconds=_READY_POLL_SECONDS,
                what=f"{PROMETHEUS} to log why it refused the reload",
            )
        return "".join(f"\n{line}" for line in complaints) + "\n"

    def _errors(self) -> list[str]:
        lines = self.logs(PROMETHEUS, _LOG_LINES_IN_MESSAGES).splitlines()
        return [line for line in lines if "level=error" in line.lower()]

    def _checked(self, service: str) -> str:
        """The name of a service, refused if there is no such service."""
        if service == ALERTMANAGER and self.untold:
            raise StackError(self.untold)
        if service not in self.known:
            message = f"expected one of {', '.join(self.known)}, found {service!r}."
            raise StackError(message, next_step="correct the name.")
        return service
