"""
A whole observed service to be judged: stack, heartbeat, simulated service and the judge, in one context manager.

The service's own metrics (canary, events, DR) are simulated, and so is the day of history behind the long windows;
every report of a sandbox says so. The heartbeat, its transport, the scrapes and the rules are the real ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from l4gate.base import UsageError
from l4gate.contract import Pace
from l4gate.machine import RUN_VARIABLE
from l4gate.programs import Promtool
from l4gate.sandbox.heartbeat import Heart
from l4gate.sandbox.history import sandbox_history, write_blocks
from l4gate.sandbox.simulated_service import SimulatedService
from l4gate.sandbox.telling import teller
from l4gate.settings import Settings
from l4gate.stack import Stack, StackSpec, open_stack
from l4gate.verdict import Judge, WriterReport, judge_for

Opener = Callable[[Settings, StackSpec, Callable[[str], None]], AbstractContextManager[Stack]]


@dataclass(frozen=True)
class Sandbox:
    """A running stack that beats, and its judge."""

    stack: Stack
    heart: Heart
    service: SimulatedService
    judge: Judge
    pace: Pace


@contextmanager
def open_sandbox(
    settings: Settings,
    say: Callable[[str], None] = lambda _text: None,
    *,
    history: Callable[[Path, Promtool], None] | None = None,
    groups: bytes | None = None,
    omitted: Collection[str] = (),
    opened: Opener = open_stack,
) -> Iterator[Sandbox]:
    """
    Starts a stack with a beating heart and stops all of it at the end, whatever happens.

    `history` fills the empty TSDB; the healthy day of `sandbox_history` if none is given. `groups` is what the
    Pushgateway starts with. `omitted` names metrics that the simulated service leaves to somebody real.
    `opened` opens the stack.

    Raises:
        UsageError: for more than one realm: all writers of one Pushgateway share one grouping key.
        StackError: if a part cannot be had, started or made ready.
    """
    if len(settings.realms) != 1:
        message = f"a sandbox judges one realm, {len(settings.realms)} were given."
        raise UsageError(message, next_step="give one --realm, or a URL to judge several.")
    (realm,) = settings.realms
    pace = settings.pace

    def healthy_day(data_dir: Path, promtool: Promtool) -> None:
        write_blocks(sandbox_history(time.time(), pace, realm), data_dir, promtool)

    spec = StackSpec(
        factor=settings.factor,
        realms=settings.realms,
        generation=settings.generation,
        source=settings.config_dir,
        history=history or healthy_day,
        groups=groups,
    )
    with ExitStack() as cleanup:
        stack = cleanup.enter_context(opened(settings, spec, say))
        heart = cleanup.enter_context(
            Heart(
                pushgateway_url=stack.pushgateway_url,
                textfile_dir=stack.textfile_dir,
                state_dir=stack.run_dir / "heartbeat",
                realm=realm,
                interval_seconds=pace.beat_interval,
                contract=pace.contract,
            )
        )
        heart.overrides[RUN_VARIABLE] = stack.run_id  # if we are killed, it may still be writing
        service = SimulatedService(
            stack.pushgateway_url,
            realm=realm,
            interval_seconds=pace.beat_interval,
            pace=pace,
        )
        service.omitted |= set(omitted)
        cleanup.enter_context(service)
        judge = judge_for(
            replace(
                settings.for_ours,
                url=stack.prometheus_url,
                rules_url=stack.rules_url,
                scrape_url=stack.scrape_url,
            ),
            stack.prometheus_url,
            writer_report(heart),
            teller(stack, pace.contract),
        )
        stack.load_rules()
        # The sequence must be seen to change: beat at once after the first scrape rather than within a beat's time.
        heart.beat()
        yield Sandbox(stack, heart, service, judge, pace)


def writer_report(heart: Heart) -> Callable[[], WriterReport | None]:
    """How the newest run of the heartbeat script ended, for the judge."""

    def newest() -> WriterReport | None:
        results = heart.results
        return WriterReport(results[-1].returncode, results[-1].stderr) if results else None

    return newest
