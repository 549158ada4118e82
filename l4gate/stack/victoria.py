"""
The stack with VictoriaMetrics in Prometheus' place: vmagent scrapes, vmalert evaluates, VictoriaMetrics answers.

Everything else is the stack of processes: the same Pushgateway, node-exporter, rules and configuration. Times are
seconds.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final

from l4gate.base import ApiError, StackError, format_duration
from l4gate.machine import LOOPBACK, signals_end_the_run
from l4gate.programs import release_of, victoria_programs
from l4gate.prometheus_api import HttpError, PrometheusApi, new_session
from l4gate.settings import Settings
from l4gate.stack.model import PROMETHEUS, SERVICES, StackSpec
from l4gate.stack.processes import ProcessStack, free_url, start_processes

VMAGENT: Final = "vmagent"
VMALERT: Final = "vmalert"
_STARTED: Final = (b"started server at http", b"starting http server at http")  # as of 1.112, and 1.79
_WITH_EVALUATION_DELAY: Final = (1, 100)  # 1.79 has no such flag and no such delay, 1.112 has both
# What is written becomes visible within a second or two, which no flag changes; on a scaled stack that is much.
_VISIBLE: Final = 1.0
_QUICKEST: Final = 0.05
_SENT: Final = 1.0  # both tools send what they have each second or two; scaled like everything else
_REQUEST_SECONDS: Final = 2.0
_IMPORT_SECONDS: Final = 60.0  # a day of samples takes 1 s
_DUMPED: Final = re.compile(r'\{__name__="([^"]+)"(?:, )?(.*)\} (\S+) (-?\d+)')


class VictoriaStack(ProcessStack):
    """See `model.Stack`. The service called prometheus is VictoriaMetrics, as the scrape job of it is called."""

    known: ClassVar[tuple[str, ...]] = (*SERVICES, VMAGENT, VMALERT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flusher = _Flusher(max(_QUICKEST, _VISIBLE / self.spec.factor))

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
        """See `Stack.reload`. Neither tool says whether it took the new files; their pages do."""
        # vmalert starts once there are rules.
        for service in (VMAGENT, *([VMALERT] if VMALERT in self._running else [])):
            try:
                refusal = PrometheusApi(self.urls[service], timeout_seconds=_REQUEST_SECONDS).reload()
            except ApiError as error:
                refusal = error.message
            if refusal:
                message = f"expected {service} to reload, found {refusal}.{self._log_tail(service)}"
                raise StackError(message, next_step="see its log.")

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
        if self.spec.history is None:
            return
        with TemporaryDirectory(dir=self.run_dir) as folder:
            self.spec.history(Path(folder) / "blocks", self.promtool)
            # promtool dumps no folder without a log, and 2.53 works beside a folder of this name.
            for needed in ("blocks/wal", "data"):
                (Path(folder) / needed).mkdir()
            dumped = self.promtool.run("tsdb", "dump", "blocks", folder=Path(folder))
        if dumped.returncode != 0:
            message = (
                f"promtool could not dump the history (exit {dumped.returncode}): {dumped.stderr.strip()}"
            )
            raise StackError(message)
        answer = self._http.post(
            f"{self.prometheus_url}/api/v1/import/prometheus",
            data="".join(_exposed(dumped.stdout)).encode(),
            timeout=_IMPORT_SECONDS,
        )
        if not answer.ok:
            message = f"VictoriaMetrics did not take the history: HTTP {answer.status_code}."
            raise StackError(message, next_step="see its log.")

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
        flags = {
            "rule": str(self.config_dir / "rules" / "*.rules.yml"),
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

    @staticmethod
    def _duration(seconds: float) -> str:
        return format_duration(max(seconds, _QUICKEST))

    def _listens(self, logged: bytes) -> bool:
        return super()._listens(logged) or any(each in logged for each in _STARTED)

    def _ready_url(self, service: str) -> str:
        if service in (VMAGENT, VMALERT):
            return f"{self.urls[service]}/health"
        return super()._ready_url(service)


class _Flusher:
    """Has VictoriaMetrics make visible what was written, at a scaled pace: it does so by itself at an unscaled one."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, url: str) -> None:
        """Begins."""
        self._thread = threading.Thread(target=self._run, args=(url,), name="l4gate-flush", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends; may be called again."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_REQUEST_SECONDS)

    def _run(self, url: str) -> None:
        session = new_session(url)
        while not self._ended.wait(self._interval):
            with suppress(HttpError):  # a server that a test has ended
                session.get(f"{url}/internal/force_flush", timeout=_REQUEST_SECONDS).close()


def _exposed(dumped: str) -> Iterator[str]:
    """Lines of `promtool tsdb dump` in the form that every version imports."""
    for line in dumped.splitlines():
        found = _DUMPED.fullmatch(line)
        if found is None:
            message = f"expected a sample of promtool, found {line!r:.160}."
            raise StackError(message)
        name, labels, value, at = found.groups()
        yield f"{name}{{{labels}}} {value} {at}\n"


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
