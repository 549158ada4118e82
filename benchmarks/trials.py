"""The trials behind the claims: each returns how many there were, how many went wrong, and how they were made."""

from __future__ import annotations

import re
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from fixtures.contract import (
    ABORT_FOR_SECONDS,
    CHANGES_WINDOW_SECONDS,
    DEFAULT_REALM,
    FRESH,
    FRESH_LIMIT_SECONDS,
    OK,
    PUSH_JOB,
    RAW_SEQ,
    RAW_TS,
    REALM_LABEL,
    RULE_INTERVAL_SECONDS,
    SCRAPE_INTERVAL_SECONDS,
)
from fixtures.writer import Writer, exposed, scripted_gateway
from l4gate.base import Verdict, wait_until
from l4gate.lint import lint
from l4gate.programs import find_program, host_promtool
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import groups_from_api, load_rule_file, load_rules, rules_hash
from l4gate.sandbox import DAY_SECONDS, HOUR_SECONDS, Sandbox, Series, open_sandbox, write_blocks
from l4gate.settings import Settings
from tests.support.histories.describe import Description, Event, Rhythm, What
from tests.support.histories.generate import raw_series
from tests.support.histories.record import passes, serve

INSTANCES, DAYS = 100, 5
ROUNDS, WRITERS = 30, 100
RELOADS: Final = 650  # 598 without a failure are needed for an upper bound of 0.005
LOOKS: Final = 1_600  # 1,497 for 0.002
DEATHS: Final = 20
_STEPS: Final = 10_000  # a server answers at most 11,000 points per series


@dataclass(frozen=True)
class Outcome:
    """Of some trials: how many, how many went wrong, and how they were made."""

    trials: int
    seen: int
    how: str


def healthy(seed: int) -> Description:
    """
    Some days of one healthy instance.

    Beats are up to 2 s early or late, one scrape in a thousand is lost, and twice a day the writer is restarted with a
    new sequence.
    """
    restarts = (at * HOUR_SECONDS for at in range(7 + seed % 5, 24 * DAYS, 12))
    return Description(
        name=f"healthy {seed}",
        summary="",
        lasts=DAYS * DAY_SECONDS,
        judged=DAYS * DAY_SECONDS,
        seed=seed,
        beat=Rhythm(60.0, jitter=2.0),
        scrape=Rhythm(SCRAPE_INTERVAL_SECONDS, jitter=0.1, missed=0.001),
        alternate=False,
        service={},
        service_lasts=0.0,
        ok_before=0.0,
        events=tuple(Event(at, What.WRITER_RESTART) for at in restarts),
    )


def false_alarms(settings: Settings) -> Outcome:
    """Evaluations by Prometheus of the heartbeat's rule over healthy histories, on the push path alone."""
    end = time.time() // 60 * 60 - HOUR_SECONDS
    start = end - DAYS * DAY_SECONDS
    group = load_rule_file(settings.config_dir / "rules" / "heartbeat.rules.yml")
    expr = next(step.expr for each in passes(group) for step in each if step.rule.name == OK)

    def samples() -> Iterator[Series]:
        for number in range(INSTANCES):
            for series in raw_series(healthy(number), start, f"instance-{number}"):
                if series.labels["job"] == PUSH_JOB:  # the other path could only hide alarms
                    yield series

    evaluations = alarms = aborts = 0
    with tempfile.TemporaryDirectory(prefix="l4gate-claims-") as folder:
        write_blocks(samples(), Path(folder), host_promtool(settings.generation, settings.cache_dir))
        with serve(Path(folder), find_program("prometheus", settings.generation, settings.cache_dir)) as api:
            for number in range(INSTANCES):
                asked = expr.replace(f'"{DEFAULT_REALM}"', f'"instance-{number}"')
                values = list(_evaluated(api, asked, start + CHANGES_WINDOW_SECONDS, end))
                evaluations += len(values)
                alarms += sum(value != 1.0 for value in values)
                lasting = ABORT_FOR_SECONDS / RULE_INTERVAL_SECONDS
                aborts += sum(
                    not good and len(list(run)) > lasting for good, run in groupby(values, lambda v: v == 1.0)
                )
    how = (
        f"{OK} evaluated by Prometheus over {INSTANCES} instances x {DAYS} healthy days on one path; "
        f"{aborts} aborts"
    )
    return Outcome(evaluations, alarms, how)


def _evaluated(api: PrometheusApi, expr: str, start: float, end: float) -> Iterator[float]:
    at = start
    while at <= end:
        last = min(at + (_STEPS - 1) * RULE_INTERVAL_SECONDS, end)
        (series,) = api.query_range(expr, at, last, RULE_INTERVAL_SECONDS).series
        yield from (sample.value for sample in series.samples)
        at = last + RULE_INTERVAL_SECONDS


def writer_collisions(settings: Settings) -> Outcome:
    """Runs of the heartbeat script, many at once: lost or repeated numbers, and torn files."""
    del settings
    torn = delivered = 0
    with tempfile.TemporaryDirectory(prefix="l4gate-claims-") as folder, scripted_gateway() as gateway:
        writer = Writer(Path(folder), gateway.url)
        # Waiting for the lock is no collision: all of them get their turn.
        env = {"DURI_LOCK_SECONDS": "99"}
        first = writer.beat(env=env)
        over = threading.Event()
        with ThreadPoolExecutor(WRITERS + 1) as pool:
            reader = pool.submit(_count_torn, writer, over)
            for _ in range(ROUNDS):
                runs = pool.map(lambda _: writer.start(env=env).wait(300), range(WRITERS))
                delivered += sum(code == 0 for code in runs)
            over.set()
            torn = reader.result()
        numbers = gateway.sequences()[1:]
    wanted = set(range(first + 1, first + 1 + delivered))
    wrong = len(numbers) - len(set(numbers)) + len(wanted ^ set(numbers)) + torn
    how = (
        f"{ROUNDS} times {WRITERS} runs of the script at once, {delivered} delivered; "
        f"numbers pushed and files on disk ({torn} torn)"
    )
    return Outcome(ROUNDS * WRITERS, wrong + ROUNDS * WRITERS - delivered, how)


def _count_torn(writer: Writer, over: threading.Event) -> int:
    """Reads as node-exporter does, again and again."""
    torn = 0
    while not over.wait(0.01):
        for name in (RAW_TS, RAW_SEQ):
            text = writer.file(name)
            torn += not text.endswith("\n") or exposed(text).keys() != {name}
    return torn


def failed_reloads(settings: Settings) -> Outcome:
    """Reloads of a running server, each with other rules, and whether exactly those are live afterwards."""
    failed = 0
    with open_sandbox(settings) as sandbox:
        rules = sandbox.stack.config_dir / "rules"
        optional = next(iter(sorted(rules.glob("warnings*.rules.yml"))))
        kept = optional.with_suffix(".kept")
        wanted = []
        for moved in (True, False):
            optional.rename(kept) if moved else kept.rename(optional)
            wanted.append(rules_hash(load_rules(sandbox.stack.config_dir)))
        for number in range(RELOADS):
            less = number % 2 == 0
            optional.rename(kept) if less else kept.rename(optional)
            sandbox.stack.reload()
            live = rules_hash(groups_from_api(sandbox.judge.api.rules()))
            failed += live != wanted[0 if less else 1]
    return Outcome(
        RELOADS, failed, "a running server, every time with other rules; live are exactly those of the files"
    )


_MISMATCHES: Final = {
    f'{REALM_LABEL}="{DEFAULT_REALM}"': (
        f'{REALM_LABEL}="staging"',
        f'{REALM_LABEL}=~"{DEFAULT_REALM}.*"',
        f'{REALM_LABEL}!="{DEFAULT_REALM}"',
        f'realm="{DEFAULT_REALM}"',
        "",
    ),
    f"{REALM_LABEL}: {DEFAULT_REALM}": (f"{REALM_LABEL}: staging", f"realm: {DEFAULT_REALM}"),
}


def mismatches(text: str) -> Iterator[str]:
    """The text with one realm label wrong: every place of it, every way."""
    for right, wrongs in _MISMATCHES.items():
        for found in re.finditer(re.escape(right) + r"(, )?", text):
            for wrong in wrongs:
                after = found[1] or "" if wrong else ""  # a matcher goes with its comma
                yield text[: found.start()] + wrong + after + text[found.end() :]


def unseen_mismatches(settings: Settings) -> Outcome:
    """Rule files and configuration with one realm label wrong, and whether the lint says so."""
    tried = unseen = 0
    areas = ("realm", "label", "config", "contract", "reference")
    with tempfile.TemporaryDirectory(prefix="l4gate-claims-") as name:
        folder = Path(name) / "prometheus"
        for path in sorted(settings.config_dir.rglob("*.yml")):
            target = folder / path.relative_to(settings.config_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        if lint(folder, promtool=None, only=areas).findings:
            message = "expected nothing to find in the repository's own files"
            raise RuntimeError(message)
        for path in [*sorted((folder / "rules").glob("*.rules.yml")), folder / "prometheus.yml"]:
            text = path.read_text(encoding="utf-8")
            for wrong in mismatches(text):
                path.write_text(wrong, encoding="utf-8")
                tried += 1
                unseen += not lint(folder, promtool=None, only=areas).findings
            path.write_text(text, encoding="utf-8")
    return Outcome(
        tried, unseen, "every realm label of rules and configuration, made wrong in every way; the lint"
    )


def missed_go(settings: Settings) -> Outcome:
    """Looks at a healthy sandbox."""
    missed = 0
    with open_sandbox(settings) as sandbox:
        _until_go(sandbox, settings)
        began = time.monotonic()
        for _ in range(LOOKS):
            (look,) = sandbox.judge.look()
            missed += look.decision.verdict is not Verdict.GO
        seconds = time.monotonic() - began
    evaluations = round(seconds / sandbox.pace.rule_interval)
    return Outcome(LOOKS, missed, f"looks at a healthy sandbox during {evaluations} rule evaluations")


def late_detections(settings: Settings) -> Outcome:
    """Writers that died, and when the recorded freshness said so, in production time."""
    bound = FRESH_LIMIT_SECONDS + SCRAPE_INTERVAL_SECONDS + RULE_INTERVAL_SECONDS
    taken: list[float] = []
    with open_sandbox(replace(settings)) as sandbox:
        api, factor = sandbox.judge.api, settings.factor
        what = f'{FRESH}{{{REALM_LABEL}="{DEFAULT_REALM}"}}'

        def stale_since(beat: float) -> float:
            window = api.query(f"{what}[{round(10_000 * bound / factor)}ms]").series
            late = [each.at for one in window for each in one.samples if each.at > beat and each.value != 1]
            return min(late, default=0.0)

        for _ in range(DEATHS):
            _until_go(sandbox, settings)
            sandbox.heart.stop()
            beat = float(exposed(_read(sandbox.stack.textfile_dir / f"{RAW_TS}.prom"))[RAW_TS].sample.value)
            seen = wait_until(
                lambda beat=beat: stale_since(beat),  # type: ignore[misc]
                deadline_seconds=2 * bound / factor + 10,
                interval_seconds=0.05,
                what="the freshness of a dead writer to end",
            )
            taken.append((seen - beat) * factor)
            sandbox.heart.start()
    how = f"writers that died, production time from the last beat: {min(taken):.0f} to {max(taken):.0f} s"
    return Outcome(DEATHS, sum(seconds > bound for seconds in taken), f"{how}, at most {bound:.0f} s")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _until_go(sandbox: Sandbox, settings: Settings) -> None:
    (look,) = sandbox.judge.judge(settings.deadline, until=frozenset({Verdict.GO}))
    if look.decision.verdict is not Verdict.GO:
        message = f"expected GO, found {look.decision.verdict.name}: {look.decision.cause}"
        raise RuntimeError(message)
