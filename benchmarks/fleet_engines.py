"""The servers that fleets are measured on, as processes on loopback: Prometheus, and VictoriaMetrics with its tools."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from l4gate.base import StackError, wait_until
from l4gate.machine import free_port
from l4gate.programs import find_program, release_of, victoria_programs
from l4gate.prometheus_api import HttpError, new_session
from l4gate.sandbox import Series
from l4gate.settings import Settings

PROMETHEUS, VICTORIA = ENGINES = ("prometheus", "victoriametrics")
_READY_SECONDS: Final = 120.0  # with a day of ten thousand realms to read
_IMPORT_SECONDS: Final = 300.0
_FLUSH_SECONDS: Final = "200ms"
# The release that has a flag for how soon it shows what came; 1.79 of Debian bookworm shows it a second later.
_FLUSHES_SINCE: Final = (1, 85)


@contextmanager
def prometheus(folder: Path, port: int, settings: Settings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A Prometheus on folder/config and folder/data; its URL, and what else the settings have to say: nothing."""
    program = find_program("prometheus", settings.generation, settings.cache_dir)
    command = [
        str(program.path),
        f"--config.file={folder}/config/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--query.lookback-delta={round(settings.pace.lookback * 1000)}ms",
        "--storage.tsdb.retention.time=90d",
    ]
    with process(command, f"http://127.0.0.1:{port}", "/-/ready", folder / "log") as url:
        yield url, {}


@contextmanager
def store(folder: Path, port: int, settings: Settings) -> Iterator[str]:
    """A VictoriaMetrics that others write to; its URL."""
    program = victoria_programs(settings.generation, settings.cache_dir)["victoria-metrics"]
    command = [
        str(program.path),
        f"-storageDataPath={folder}/store",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=90d",
        "-search.latencyOffset=0s",
        "-search.maxUniqueTimeseries=10000000",
        f"-search.maxLookback={round(settings.pace.lookback * 1000)}ms",
    ]
    if release_of(program.version) >= _FLUSHES_SINCE:
        command.append("-inmemoryDataFlushInterval=1s")
    with process(command, f"http://127.0.0.1:{port}", "/health", folder / "store.log") as url:
        yield url


@contextmanager
def victoria(folder: Path, port: int, settings: Settings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """VictoriaMetrics, vmagent and vmalert on folder/config and folder/past; the URLs of the tools for the settings."""
    programs = victoria_programs(settings.generation, settings.cache_dir)
    agent, alert = free_port(), free_port()
    with ExitStack() as ending:
        url = ending.enter_context(store(folder, port, settings))
        past = folder / "past"
        if past.exists():
            with past.open("rb") as lines:
                new_session(url).post(
                    f"{url}/api/v1/import", data=lines, timeout=_IMPORT_SECONDS
                ).raise_for_status()
        commands = {
            "vmagent": [
                f"-promscrape.config={folder}/config/prometheus.yml",
                "-promscrape.config.strictParse=false",
                "-promscrape.maxScrapeSize=256MB",
                f"-remoteWrite.url={url}/api/v1/write",
                f"-remoteWrite.flushInterval={_FLUSH_SECONDS}",
                f"-remoteWrite.tmpDataPath={folder}/agent",
                f"-httpListenAddr=127.0.0.1:{agent}",
            ],
            "vmalert": [
                f"-rule={folder}/config/rules/*.rules.yml",
                f"-datasource.url={url}",
                f"-datasource.queryStep={round(settings.pace.lookback * 1000)}ms",
                f"-remoteRead.url={url}",
                f"-remoteWrite.url={url}",
                f"-remoteWrite.flushInterval={_FLUSH_SECONDS}",
                "-remoteWrite.maxQueueSize=10000000",
                "-notifier.url=http://127.0.0.1:1",
                "-rule.evalDelay=0s",
                f"-httpListenAddr=127.0.0.1:{alert}",
            ],
        }
        for (name, flags), its_port in zip(commands.items(), (agent, alert), strict=True):
            command = [str(programs[name].path), *flags]
            ending.enter_context(
                process(command, f"http://127.0.0.1:{its_port}", "/health", folder / f"{name}.log")
            )
        yield (
            url,
            {"rules_url": f"http://127.0.0.1:{alert}", "scrape_url": f"http://127.0.0.1:{agent}"},
        )


def imported(past: Iterable[Series]) -> Iterator[str]:
    """Series as VictoriaMetrics takes them, a line each."""
    for each in past:
        samples = list(each.samples)
        row = {
            "metric": {"__name__": each.name, **each.labels},
            "values": [value for _, value in samples],
            "timestamps": [round(at * 1000) for at, _ in samples],
        }
        yield json.dumps(row) + "\n"


@contextmanager
def process(command: list[str], url: str, ready: str, log: Path) -> Iterator[str]:
    """
    A server until the end of the block; its URL, once it says that it is ready.

    Raises:
        StackError: with the end of its log, if it ends before.
    """
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent)
    session = new_session(url)

    def answers() -> bool:
        if running.poll() is not None:
            message = f"{command[0]} ended: {log.read_text()[-2000:]}"
            raise StackError(message)
        try:
            return session.get(f"{url}{ready}", timeout=2).ok
        except HttpError:
            return False

    try:
        wait_until(
            answers, deadline_seconds=_READY_SECONDS, interval_seconds=0.1, what=f"{command[0]} to be ready"
        )
        yield url
    finally:
        running.terminate()
        running.wait(timeout=60)
