"""A production day, live at factor 300, with scheduled events; its certificate is what the events say it must be."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.contract import ABORT_FOR_SECONDS, CERTIFICATE, PUSH_JOB, RAW_TS, pace
from l4gate.base import Verdict, format_duration, wait_until
from l4gate.certificate import Certificate, Interval, SeriesHistory, Window, certify_window, moment, segments
from l4gate.operations import (
    CheckpointStore,
    LiveServer,
    checkpoint,
    read_configuration,
    reload_live,
    roll_back,
)
from l4gate.operations.configuration import Configuration
from l4gate.programs import Promtool
from l4gate.report import Progress, write_certificate
from l4gate.sandbox import DAY_SECONDS, HOUR_SECONDS, Sandbox, open_sandbox, write_blocks
from l4gate.sandbox.history import sandbox_history
from l4gate.settings import Settings
from l4gate.stack import NODE_EXPORTER, PUSHGATEWAY

pytestmark = [pytest.mark.dr_rehearsal, pytest.mark.nightly, pytest.mark.alone, pytest.mark.timeout(420)]

FACTOR = 300.0  # the largest at which the design measured no false alarm: a day passes in 4.8 minutes
MINUTE = 60 / FACTOR
SLACK_SECONDS = 0.3  # of real time, for a busy machine with two cores: an hour and a half of production
GO_SECONDS = 60.0
OUTAGE_MINUTES = 20
RESTART_MINUTES = 1.2  # longer than a beat, so that it shows, and shorter than what makes a beat stale
SOON_SECONDS = 0.005
HEART = "rules/heartbeat.rules.yml"


@dataclass
class Operator:
    """Does what a day's schedule asks for, each thing for as long as it says in minutes of production."""

    sandbox: Sandbox
    server: LiveServer
    store: CheckpointStore
    good: Configuration
    changed: Configuration
    realm: str

    def changes(self, selector: str, window: Window) -> float:
        """How often a series changed its value in the day, by the server's own count."""
        answer = self.server.api.query(f"changes({selector}[{format_duration(window.seconds)}])", window.end)
        (series,) = answer.series
        return series.samples[0].value

    def down(self, job: str, window: Window) -> list[Interval]:
        """When scrapes of a job failed."""
        history = self._history(f'up{{job="{job}"}}', window)
        return [Interval(each.start, each.end) for each in segments(history, window) if each.value == 0]

    def longest_without_beat(self, around: Interval) -> float:
        """The longest time between two beats that reached the server, in an interval and a minute on both sides."""
        history = self._history(
            f'{RAW_TS}{{job="{PUSH_JOB}"}}', Interval(around.start - MINUTE, around.end + 3 * MINUTE)
        )
        beats = sorted(set(history.values))
        return max(after - before for before, after in itertools.pairwise(beats))

    def _history(self, selector: str, when: Interval) -> SeriesHistory:
        history = SeriesHistory()
        answer = self.server.api.query(f"{selector}[{format_duration(when.seconds)}]", when.end)
        (series,) = answer.series
        for sample in series.samples:
            history.add(sample.at, sample.value)
        return history

    def wait(self, until: float, what: str) -> None:
        left = until - self.server.api.now()
        wait_until(
            lambda: self.server.api.now() >= until,
            deadline_seconds=max(0.0, left) + GO_SECONDS,
            interval_seconds=MINUTE,
            what=what,
        )

    def writer_restart(self) -> None:
        """Right after a beat: with the time that the script takes to start, the next one still comes before 120 s."""
        heart = self.sandbox.heart
        newest = heart.results[-1]
        wait_until(
            lambda: heart.results[-1] is not newest,
            deadline_seconds=GO_SECONDS,
            interval_seconds=SOON_SECONDS,
            what="a beat after which the writer is restarted",
        )
        self.writer_down(RESTART_MINUTES)

    def writer_down(self, minutes: float) -> None:
        self.sandbox.heart.stop()
        self.wait(self.server.api.now() + minutes * MINUTE, "the writer's pause to end")
        self.sandbox.heart.start()

    def scrape_outage(self) -> None:
        self.sandbox.stack.kill(NODE_EXPORTER)
        self.wait(self.server.api.now() + 10 * MINUTE, "the scrape outage to end")
        self.sandbox.stack.start(NODE_EXPORTER)

    def pushgateway_restart(self) -> None:
        self.sandbox.stack.restart(PUSHGATEWAY)

    def reload(self) -> None:
        reload_live(self.server, self.changed)

    def rollback(self) -> None:
        done = roll_back(self.server, self.store, self.sandbox.judge, deadline_seconds=GO_SECONDS)
        assert done.verdict is Verdict.GO, done.looks[0].decision.cause


# Hour of the day, and what happens then. None of it may cost the certificate anything: a writer is back before its
# beat is stale, the other path speaks while one is away, the Pushgateway keeps its groups, and a reload keeps series.
SCHEDULE: tuple[tuple[float, Callable[[Operator], None]], ...] = (
    (2, Operator.writer_restart),
    (6, Operator.scrape_outage),
    (10, Operator.pushgateway_restart),
    (13, Operator.reload),
    (17, Operator.rollback),
    (21, Operator.writer_restart),
)


@pytest.fixture(scope="module")
def operator(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """
    A sandbox in which every criterion of the certificate has become true, with a checkpoint of its GO.

    As processes: a container takes half a second to start again, which is two and a half minutes of this day.
    """
    settings = replace(settings, url=None, stack="processes", keep_stack=False, factor=FACTOR)
    (realm,) = settings.realms

    def month(data_dir: Path, promtool: Promtool) -> None:
        write_blocks(sandbox_history(time.time(), pace(FACTOR), realm, ok_days=30), data_dir, promtool)

    with open_sandbox(settings, history=month) as sandbox:
        server = LiveServer.of_stack(sandbox.stack)
        store = CheckpointStore(tmp_path_factory.mktemp("state"), server.live_dir)
        good = read_configuration(server.live_dir)
        text = good.files[HEART]
        changed = text.replace(b"interval: 100ms", b"interval: 100ms\n    limit: 9", 1)
        assert changed != text
        yield Operator(sandbox, server, store, good, Configuration({**good.files, HEART: changed}), realm)


@dataclass(frozen=True)
class Day:
    """A day's certificate, and what was done in it: when each thing began and when it was over, in order."""

    certificate: Certificate
    done: tuple[Interval, ...]

    @property
    def window(self) -> Window:
        return self.certificate.window

    @property
    def unmet(self) -> set[str]:
        return {result.criterion.id for result in self.certificate.results if not result.met}


def certified_day(operator: Operator, done: Sequence[Interval], end: float, folder: Path) -> Day:
    """The certificate of the 24 h up to `end`, with its report as evidence."""
    window = Window(end - DAY_SECONDS / FACTOR, end, operator.sandbox.pace)
    certificate, histories = certify_window(operator.server.api, operator.realm, window)
    write_certificate(certificate, histories, {"time factor": f"{FACTOR:g}"}, folder)
    return Day(certificate, tuple(done))


@pytest.fixture(scope="module")
def begun(operator: Operator) -> float:
    """When the day began: every criterion of the certificate is met, and a checkpoint was earned."""
    api, judge, unmet = operator.server.api, operator.sandbox.judge, [""]

    def settled() -> bool:
        results = moment(api, operator.realm, api.now(), operator.sandbox.pace, CERTIFICATE)
        unmet[:] = [result.why for result in results if not result.met]
        return not unmet

    wait_until(
        settled,
        deadline_seconds=GO_SECONDS,
        interval_seconds=1.0,
        what="every criterion of the certificate to be met before the day begins",
        last_seen=lambda: "; ".join(unmet),
    )
    looks = judge.judge(GO_SECONDS, until=frozenset({Verdict.GO}))
    checkpoint(operator.store, judge, looks, factor=FACTOR)
    return api.now()


@pytest.fixture(scope="module")
def day(operator: Operator, begun: float, settings: Settings, progress: Progress) -> Day:
    """A day with everything that is on the schedule."""
    api, done = operator.server.api, []
    for hour, action in SCHEDULE:
        progress.say(f"live day: {action.__name__} at {hour} h")
        operator.wait(begun + hour * HOUR_SECONDS / FACTOR, f"{hour} h of the live day")
        at = api.now()
        action(operator)
        done.append(Interval(at, api.now()))
    end = begun + DAY_SECONDS / FACTOR
    progress.say("live day: no more events until 24 h")
    operator.wait(end, "the live day to end")
    return certified_day(operator, done, end, settings.report_dir / "live-day")


@pytest.fixture(scope="module")
def bad_day(operator: Operator, day: Day, settings: Settings) -> Day:
    """The 24 h that end an outage and an hour later: all events but the first, and one that nobody had planned."""
    api = operator.server.api
    at = api.now()
    operator.writer_down(OUTAGE_MINUTES)
    outage = Interval(at, api.now())
    end = outage.end + HOUR_SECONDS / FACTOR
    operator.wait(end, "the hour after the outage to end")
    return certified_day(operator, [outage], end, settings.report_dir / "live-day-with-outage")


def test_a_day_of_planned_work_is_certified(day: Day, record_property: Callable[[str, object], None]) -> None:
    """Restarts, an outage of one path, a reload and a rollback cost nothing: the certificate must be L4.9."""
    certificate = day.certificate
    for result in certificate.results:
        record_property(f"share of {result.criterion.id}", round(result.share, 5))

    assert day.unmet == set(), certificate.why_not
    assert (certificate.level, certificate.verdict) == ("L4.9", Verdict.GO), certificate.why_not
    assert certificate.aborts == ()


def test_every_planned_event_did_happen(operator: Operator, day: Day) -> None:
    """The server itself must have seen each event at its time, and nothing else of its kind, or the day is no proof."""
    writers = [
        at for (_, action), at in zip(SCHEDULE, day.done, strict=True) if action is Operator.writer_restart
    ]
    (outage,) = (
        at for (_, action), at in zip(SCHEDULE, day.done, strict=True) if action is Operator.scrape_outage
    )

    for pause in writers:
        assert operator.longest_without_beat(pause) >= RESTART_MINUTES * MINUTE
    down = [each for each in operator.down(NODE_EXPORTER, day.window) if each.seconds > SLACK_SECONDS]
    assert len(down) == 1
    assert down[0].start == pytest.approx(outage.start, abs=SLACK_SECONDS)
    assert down[0].end == pytest.approx(outage.end, abs=SLACK_SECONDS)
    assert operator.changes('process_start_time_seconds{job="pushgateway"}', day.window) == 1
    # The reload and the rollback; both were proven to be live by the commands themselves.
    assert operator.changes("prometheus_config_last_reload_success_timestamp_seconds", day.window) == 2
    assert read_configuration(operator.server.live_dir) == operator.good


def test_a_day_with_an_outage_is_not_certified(operator: Operator, bad_day: Day) -> None:
    """20 unplanned minutes without a writer must cost the certificate, and it tells them to the evaluation."""
    certificate, pace = bad_day.certificate, operator.sandbox.pace
    (outage,) = bad_day.done

    assert bad_day.unmet == {
        *("heartbeat/ok", "heartbeat/fresh", "heartbeat/changes", "abort/none", "budget/7d", "budget/30d")
    }
    assert certificate.level != "L4.9"
    assert certificate.verdict is Verdict.ABORT
    (fresh,) = (each for each in certificate.results if each.criterion.id == "heartbeat/fresh")
    stale = max(fresh.violations, key=lambda each: each.seconds)
    late = pace.scrape_interval + pace.rule_interval + SLACK_SECONDS
    assert outage.start - pace.beat_interval <= stale.start - pace.fresh_limit <= outage.start + late
    assert outage.end - SLACK_SECONDS <= stale.end <= outage.end + late
    fired = {each.alert: each for each in certificate.aborts}
    assert set(fired) == {"L4AbortHeartbeatStale", "L4AbortHeartbeatNotOk"}
    waited = fired["L4AbortHeartbeatStale"].start - stale.start
    assert ABORT_FOR_SECONDS / FACTOR <= waited + 0.001 <= ABORT_FOR_SECONDS / FACTOR + late
