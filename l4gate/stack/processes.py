"""
The stack as child processes of this one, on loopback, with the commands from the compose file.

Long because all that is done to a process, from its port to its end, stands in one place.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from l4gate.base import GateError, StackError
from l4gate.machine import FOLDER_VARIABLE, LOOPBACK, RUN_VARIABLE, free_port, new_run_id, start_time
from l4gate.programs import Program, Promtool, command_of, find_program, host_promtool
from l4gate.settings import Settings
from l4gate.stack.compose import Service, load_services
from l4gate.stack.local import LocalStack
from l4gate.stack.model import (
    ALERTMANAGER,
    NODE_EXPORTER,
    PROMETHEUS,
    PUSHGATEWAY,
    REQUIRED_SERVICES,
    StackSpec,
)
from l4gate.stack.rundir import RunDir, new_run_dir

_PROGRAM_OF: Final = {
    PROMETHEUS: "prometheus",
    PUSHGATEWAY: "pushgateway",
    NODE_EXPORTER: "node_exporter",
    ALERTMANAGER: "alertmanager",
}
# What all programs log once the port is theirs. Before that, an answer may be that of somebody else's server.
_LISTENING: Final = b'msg="Listening on"'
_PORT_TAKEN: Final = "address already in use"
_PORT_ATTEMPTS: Final = 5
_TERMINATE_SECONDS: Final = 10.0  # takes 0.1 s


class _PortTaken(StackError):
    """Somebody else took the port between our finding it and the program's binding it."""


class ProcessStack(LocalStack):
    """See `model.Stack`."""

    kind = "processes"

    def __init__(
        self,
        spec: StackSpec,
        services: Mapping[str, Service],
        run_dir: RunDir,
        reason: str,
        *,
        programs: Mapping[str, Program],
        cache_dir: Path,
    ) -> None:
        super().__init__(spec, services, run_dir, reason)
        self.versions = {name: program.version for name, program in programs.items()}
        self.origins = {name: program.origin for name, program in programs.items()}
        self._programs = programs
        self._cache_dir = cache_dir
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._log_start: dict[str, int] = {}
        (run_dir.root / "tmp").mkdir()
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(run_dir.root),
            "TMPDIR": str(run_dir.root / "tmp"),
            RUN_VARIABLE: run_dir.run_id,
            FOLDER_VARIABLE: str(run_dir.root),
        }

    @property
    def host_address(self) -> str:
        """See `Stack.host_address`."""
        return LOOPBACK

    @cached_property
    def promtool(self) -> Promtool:
        """See `Stack.promtool`."""
        return host_promtool(self.spec.generation, self._cache_dir)

    def open(self) -> None:
        """Starts all services and waits until they are ready."""
        others = (PUSHGATEWAY, NODE_EXPORTER)
        self._advised(lambda: self._config.write_alerting(""))
        self._advised(lambda: self._begin(ALERTMANAGER))
        self._begin(*others)
        for service in others:
            self._settle(service)
        self._advised(lambda: self._settle(ALERTMANAGER))
        self._open_server()

    def _open_server(self) -> None:
        """Starts what scrapes, evaluates and answers, once the others are up, and waits until it is ready."""
        self.urls[PROMETHEUS] = free_url()
        self._write_config()
        self._fill_history()
        for attempt in range(_PORT_ATTEMPTS):
            self._launch(PROMETHEUS)
            try:
                self._wait_ready(PROMETHEUS)
            except _PortTaken:
                if attempt == _PORT_ATTEMPTS - 1:
                    raise
                # Prometheus scrapes itself, so its port is in its configuration too.
                self.urls[PROMETHEUS] = free_url()
                self._write_config()
            else:
                return

    def kill(self, service: str) -> None:
        """See `Stack.kill`."""
        self._end(service, signal.SIGKILL)

    def pause(self, service: str) -> None:
        """See `Stack.pause`."""
        self._process(service).send_signal(signal.SIGSTOP)

    def resume(self, service: str) -> None:
        """See `Stack.resume`."""
        self._process(service).send_signal(signal.SIGCONT)

    def logs(self, service: str, lines: int = 50) -> str:
        """See `Stack.logs`."""
        try:
            text = self._log(self._checked(service)).read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        """See `Stack.stop`."""
        self._http.close()
        for process in self._running.values():
            process.kill()  # nothing they hold in memory is wanted any more
        for process in self._running.values():
            process.wait()
        self._running.clear()
        self._dirs.remove()

    def keep(self) -> None:
        """See `LocalStack.keep`."""
        super().keep()
        self._http.close()
        for process in self._running.values():
            process.returncode = 0  # it outlives us on purpose: else Python warns that nobody waited for it

    def _begin(self, *services: str) -> None:
        for service in services:
            self.urls[service] = free_url()
            self._launch(service)

    def _settle(self, service: str) -> None:
        """Waits until a service is ready, on another port if somebody took the one that was free."""
        for attempt in range(_PORT_ATTEMPTS):
            try:
                self._wait_ready(service)
                break
            except _PortTaken:
                if attempt == _PORT_ATTEMPTS - 1:
                    raise
                self._begin(service)

    def _advised(self, do: Callable[[], object]) -> None:
        """Does a step of the Alertmanager's start; when one fails, the stack goes on without it."""
        if self.untold:
            return
        try:
            do()
        except GateError as error:
            if ALERTMANAGER in self._running:
                self.kill(ALERTMANAGER)
            self.go_without_alertmanager(error)

    def _write_config(self) -> None:
        addresses = {
            f"{service}:{self._services[service].port}": self.urls[service].removeprefix("http://")
            for service in REQUIRED_SERVICES
        }
        url = self.alertmanager_url or ""
        self._config.write(addresses, url.removeprefix("http://"))

    def _launch(self, service: str) -> None:
        self._checked(service)
        if service in self._running:
            message = f"{service} is running already (PID {self._running[service].pid})."
            raise StackError(message, next_step="kill it first.")
        with self._log(service).open("ab") as log:
            self._log_start[service] = log.tell()
            process = subprocess.Popen(
                [*command_of(self._programs[service]), *self._arguments(service)],
                cwd=self.run_dir,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone; we end them when we are done
            )
        self._running[service] = process
        (self._dirs.pids / service).write_text(f"{process.pid} {start_time(process.pid)}")

    def _arguments(self, service: str) -> list[str]:
        """What a service's program is started with."""
        return self._services[service].arguments(
            factor=self.spec.factor,
            listen=self.urls[service].removeprefix("http://"),
            paths=self._mounted(service),
        )

    def _terminate(self, service: str) -> None:
        self._end(service, signal.SIGTERM)

    def _end(self, service: str, how: signal.Signals) -> None:
        process = self._process(service)
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a paused process takes SIGTERM only after this
        try:
            process.wait(_TERMINATE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        del self._running[service]
        (self._dirs.pids / service).unlink()

    def _process(self, service: str) -> subprocess.Popen[bytes]:
        process = self._running.get(self._checked(service))
        if process is None:
            message = f"{service} is not running."
            raise StackError(message, next_step="start it first.")
        return process

    def _check_alive(self, service: str) -> bool:
        process = self._process(service)
        code = process.poll()
        if code is not None:
            del self._running[service]
            tail = self._log_tail(service)
            message = f"expected {service} to run, found that it ended with exit code {code}.{tail}"
            kind = _PortTaken if _PORT_TAKEN in tail else StackError
            raise kind(message, next_step="see its log.")
        with self._log(service).open("rb") as log:
            log.seek(self._log_start[service])
            return self._listens(log.read())

    def _listens(self, logged: bytes) -> bool:
        """Whether a program has said since its start that the port is its own."""
        return _LISTENING in logged

    def _log(self, service: str) -> Path:
        return self._dirs.logs / f"{service}.log"


def start_processes(
    settings: Settings,
    spec: StackSpec,
    reason: str,
    say: Callable[[str], None],
    *,
    kind: type[ProcessStack] = ProcessStack,
    given: Mapping[str, Program] = MappingProxyType({}),
) -> ProcessStack:
    """
    Starts a stack of processes: of this kind, with these programs for its services and those found for the others.

    Raises:
        ProgramMissing: if a program cannot be had.
        StackError: if one does not start.
    """
    services = load_services(spec.generation)
    programs = dict(given) | {
        service: find_program(_PROGRAM_OF[service], spec.generation, settings.cache_dir)
        for service in REQUIRED_SERVICES
        if service not in given
    }
    untold: GateError | None = None
    try:
        name = _PROGRAM_OF[ALERTMANAGER]
        programs[ALERTMANAGER] = find_program(name, spec.generation, settings.cache_dir)
    except GateError as error:
        untold = error
    for service, program in programs.items():
        say(f"{service} {program.version} ({program.origin})")
    run_dir = new_run_dir(new_run_id(), kind.kind)
    stack = kind(spec, services, run_dir, reason, programs=programs, cache_dir=settings.cache_dir)
    if untold is not None:
        stack.go_without_alertmanager(untold)
    try:
        stack.open()
    except BaseException:
        stack.stop()
        raise
    return stack


def free_url() -> str:
    """A URL on loopback where nobody listens at this moment."""
    return f"http://{LOOPBACK}:{free_port()}"
