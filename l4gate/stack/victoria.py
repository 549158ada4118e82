"""
The stack with VictoriaMetrics in Prometheus' place: vmagent scrapes, vmalert evaluates, VictoriaMetrics answers.

Everything else is the stack of processes: the same Pushgateway, node-exporter, rules and configuration. Times are
seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from l4gate.base import GateError, StackError, format_duration, yamldoc
from l4gate.machine import LOOPBACK, signals_end_the_run
from l4gate.programs import release_of, victoria_programs
from l4gate.prometheus_api import HttpError, PrometheusApi
from l4gate.settings import Settings
from l4gate.stack.flushing import Flusher
from l4gate.stack.importing import import_history
from l4gate.stack.model import PROMETHEUS, SERVICES, StackSpec
from l4gate.stack.processes import ProcessStack, free_url, start_processes
from l4gate.stack.reloading import Reloading

VMAGENT: Final = "vmagent"
VMALERT: Final = "vmalert"
_STARTED: Final = (b"started server at http", b"starting http server at http")  # as of 1.112, and 1.79
_WITH_EVALUATION_DELAY: Final = (1, 100)  # 1.79 has no such flag and no such delay, 1.112 has both
# What is written becomes visible within a second or two, which no flag changes; on a scaled stack that is much.
_VISIBLE: Final = 1.0
_QUICKEST: Final = 0.05
_SENT: Final = 1.0  # both tools send what they have each second or two; scaled like everything else
_REQUEST_SECONDS: Final = 2.0


class VictoriaStack(ProcessStack):
    """See `model.Stack`. The service called prometheus is VictoriaMetrics, as the scrape job of it is called."""

    known: ClassVar[tuple[str, ...]] = (*SERVICES, VMAGENT, VMALERT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flusher = Flusher(max(_QUICKEST, _VISIBLE / self.spec.factor))
        self._started_with = ""

    @property
    def rules_url(self) -> str | None:
        """See `Stack.rules_url`."""
        return self.urls[VMALERT]

    @property
    def scrape_url(self) -> str | None:
        """See `Stack.scrape_url`."""
        return self.urls[VMAGENT]

    def start(self, service: str) -> None:
        """See `Stack.start`. Who evaluates goes on while another part is gone, so no rules wait for a scrape."""
        self._launch(service)
        self._wait_ready(service)

    def reload(self) -> None:
        """See `Stack.reload`. Neither tool answers whether it took the new files; what they log afterwards does."""
        self._reload(VMAGENT)
        if VMALERT not in self._running:  # it starts once there are rules
            return
        # What it takes its rules from is a flag of it: whoever changes the list of files on the server restarts it.
        if self._rule_files() == self._started_with:
            self._reload(VMALERT)
        # A rule that it did not have it runs after all others of its group, wherever the file has it: until a restart.
        if self._rule_files() != self._started_with or not self._in_order():
            self.restart(VMALERT)

    def _reload(self, service: str) -> None:
        try:
            reloading = Reloading(service, self.urls[service], self._log(service))
            refusal = PrometheusApi(self.urls[service], timeout_seconds=_REQUEST_SECONDS).reload()
            refusal = refusal or reloading.refusal()
        except (GateError, HttpError) as error:
            refusal = str(error)
        if refusal:
            message = f"expected {service} to reload, found {refusal}.{self._log_tail(service)}"
            raise StackError(message, next_step="correct the file; what ran goes on until then.")

    def load_rules(self) -> None:
        """See `Stack.load_rules`."""
        super().load_rules()
        if VMALERT not in self._running:
            self.start(VMALERT)

    def stop(self) -> None:
        """See `Stack.stop`."""
        self._flusher.stop()
        super().stop()

    def _open_server(self) -> None:
        self._begin(PROMETHEUS)
        self._settle(PROMETHEUS)
        self._flusher.start(self.urls[PROMETHEUS])
        self._write_config()
        self._fill_history()
        self._begin(VMAGENT)
        self._settle(VMAGENT)
        self.urls[VMALERT] = free_url()
        if not self._config.holds_rules:
            self.start(VMALERT)

    def _fill_history(self) -> None:
        """The blocks that a Prometheus would start on, imported sample by sample."""
        if self.spec.history is not None:
            import_history(self.spec.history, self.promtool, self.prometheus_url, self.run_dir)

    def _arguments(self, service: str) -> list[str]:
        known = {PROMETHEUS: self._of_server, VMAGENT: self._of_agent, VMALERT: self._of_alert}
        if service not in known:
            return super()._arguments(service)
        listen = self.urls[service].removeprefix("http://")
        flags = {"httpListenAddr": listen, **known[service]()}
        return [f"-{name}={value}" for name, value in flags.items()]

    def _of_server(self) -> Mapping[str, str]:
        return {
            "storageDataPath": str(self.data_dir),
            "retentionPeriod": "40d",  # as the compose file has it
            "search.latencyOffset": "0s",  # the gate's newest samples are some seconds old
            "search.maxLookback": self._duration(self.spec.pace.lookback),
        }

    def _of_agent(self) -> Mapping[str, str]:
        return {
            "promscrape.config": str(self.config_dir / "prometheus.yml"),
            "promscrape.config.strictParse": "false",  # rule_files and alerting are not for it
            "promscrape.fileSDCheckInterval": "1s",  # Prometheus is told of a changed file by the kernel
            "remoteWrite.url": f"{self.prometheus_url}/api/v1/write",
            "remoteWrite.flushInterval": self._duration(_SENT / self.spec.factor),
            "remoteWrite.tmpDataPath": str(self.run_dir / VMAGENT),
        }

    def _of_alert(self) -> Mapping[str, str]:
        self._started_with = self._rule_files()
        flags = {
            "rule": self._started_with,
            "datasource.url": self.prometheus_url,
            "datasource.queryStep": self._duration(self.spec.pace.lookback),
            "remoteRead.url": self.prometheus_url,
            "remoteWrite.url": self.prometheus_url,
            "remoteWrite.flushInterval": self._duration(_SENT / self.spec.factor),
            "notifier.url": self.alertmanager_url or f"http://{LOOPBACK}:1",
        }
        if release_of(self.versions[VMALERT]) >= _WITH_EVALUATION_DELAY:
            flags["rule.evalDelay"] = "0s"
        return flags

    def _patterns(self) -> list[str]:
        """What the configuration names as the files of the rules."""
        path = self.config_dir / "prometheus.yml"
        return yamldoc.plain(path.read_text(), str(path)).get("rule_files") or []

    def _rule_files(self) -> str:
        """The same in the form of vmalert's flag."""
        return ",".join(str(self.config_dir / each) for each in self._patterns())

    def _in_order(self) -> bool:
        """Whether vmalert runs the rules of each group in the order of the files."""
        answer = self._http.get(f"{self.urls[VMALERT]}/api/v1/rules", timeout=_REQUEST_SECONDS)
        groups = json.loads(answer.text)["data"]["groups"]
        runs = {each["name"]: [rule["name"] for rule in each["rules"]] for each in groups}
        paths = [path for named in self._patterns() for path in self.config_dir.glob(named)]
        files = [yamldoc.plain(path.read_text(), str(path)) for path in paths]
        return runs == {
            group["name"]: [rule.get("record", rule.get("alert")) for rule in group["rules"]]
            for file in files
            for group in file["groups"]
        }

    @staticmethod
    def _duration(seconds: float) -> str:
        return format_duration(max(seconds, _QUICKEST))

    def _listens(self, logged: bytes) -> bool:
        return super()._listens(logged) or any(each in logged for each in _STARTED)

    def _ready_url(self, service: str) -> str:
        if service in (VMAGENT, VMALERT):
            return f"{self.urls[service]}/health"
        return super()._ready_url(service)


@contextmanager
def open_victoria(settings: Settings, spec: StackSpec, say: Callable[[str], None]) -> Iterator[VictoriaStack]:
    """
    Starts the stack and stops it at the end, as `open_stack` does with those of Prometheus.

    Raises:
        ProgramMissing: if a program of the wanted generation cannot be had.
        StackError: if one does not start.
    """
    programs = victoria_programs(spec.generation, settings.cache_dir)
    given = {PROMETHEUS: programs["victoria-metrics"], VMAGENT: programs[VMAGENT], VMALERT: programs[VMALERT]}
    with signals_end_the_run():
        stack = start_processes(settings, spec, "VictoriaMetrics", say, kind=VictoriaStack, given=given)
        try:
            if not isinstance(stack, VictoriaStack):
                raise TypeError(type(stack))
            yield stack
        finally:
            stack.stop()
