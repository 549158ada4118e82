"""Somebody else's stack: there is a URL to ask, and nothing to start, change or stop."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from l4gate.base import StackError
from l4gate.programs import Promtool, host_promtool
from l4gate.settings import Settings
from l4gate.stack.model import StackSpec


class ExternalStack:
    """See `model.Stack`."""

    kind = "external"
    run_id = ""

    def __init__(self, url: str, settings: Settings, spec: StackSpec) -> None:
        self.prometheus_url = url
        self.reason = f"external: {url} was given"
        self.spec = spec
        self.versions: Mapping[str, str] = {}
        self.origins: Mapping[str, str] = {}
        self._cache_dir = settings.cache_dir

    @cached_property
    def promtool(self) -> Promtool:
        """A promtool of the generation in the settings."""
        return host_promtool(self.spec.generation, self._cache_dir)

    @property
    def pushgateway_url(self) -> str:
        """Unknown."""
        self._refuse("say where its Pushgateway is")

    @property
    def node_exporter_url(self) -> str:
        """Unknown."""
        self._refuse("say where its node-exporter is")

    @property
    def run_dir(self) -> Path:
        """There is none."""
        self._refuse("have a folder of a run")

    @property
    def config_dir(self) -> Path:
        """Unknown."""
        self._refuse("show its configuration files")

    @property
    def data_dir(self) -> Path:
        """Unknown."""
        self._refuse("show its TSDB")

    @property
    def textfile_dir(self) -> Path:
        """Unknown."""
        self._refuse("show its textfile folder")

    @property
    def groups_file(self) -> Path:
        """Unknown."""
        self._refuse("show the file of its Pushgateway")

    def reload(self) -> None:
        """Refused."""
        self._refuse("be reloaded from here")

    def load_rules(self) -> None:
        """Nothing to do: its rules are its own."""

    def kill(self, service: str) -> None:
        """Refused."""
        self._refuse(f"have its {service} killed")

    def start(self, service: str) -> None:
        """Refused."""
        self._refuse(f"have its {service} started")

    def restart(self, service: str) -> None:
        """Refused."""
        self._refuse(f"have its {service} restarted")

    def pause(self, service: str) -> None:
        """Refused."""
        self._refuse(f"have its {service} paused")

    def resume(self, service: str) -> None:
        """Refused."""
        self._refuse(f"have its {service} resumed")

    def logs(self, service: str, lines: int = 50) -> str:
        """None can be seen."""
        del service, lines
        return ""

    def stop(self) -> None:
        """Nothing to do."""

    def _refuse(self, what: str) -> NoReturn:
        message = f"the stack at {self.prometheus_url} is not ours, so it cannot {what}."
        raise StackError(message, next_step="use --stack processes or containers for this.")
