"""
The rules evaluated over a history by a real Prometheus, and recorded beside the raw samples.

`promtool tsdb create-blocks-from rules` would do, but it also evaluates while Prometheus was down, and it makes a block
per rule and two hours. So the rules' expressions are asked as range queries, and what was not evaluated is left out.
Rules that read recorded samples need those in the storage first; what can be inlined needs no such pass. Alerts are not
recorded: a certificate finds them from their conditions.
"""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fixtures.contract import (
    ABORT_FOR_SECONDS,
    CHANGES_WINDOW_SECONDS,
    LOOKBACK_SECONDS,
    REALM_LABEL,
    RECORDED,
    RULE_INTERVAL_SECONDS,
)
from l4gate.base import ApiUnreachable, HistoryError, wait_until
from l4gate.certificate import Interval
from l4gate.machine import environment_of, free_port, scratch
from l4gate.programs import Program, Promtool
from l4gate.prometheus_api import PrometheusApi
from l4gate.promql import Node, Paren, Selector, selectors, to_text, transform
from l4gate.rules import Rule, RuleGroup, all_rules
from l4gate.sandbox import Series, write_blocks
from tests.support.histories.describe import Description, What

_STEPS: Final = 10_000  # a server answers at most 11,000 points per series
_QUERY_TIMEOUT_SECONDS: Final = 120.0
_LEAD_SECONDS: Final = (
    ABORT_FOR_SECONDS + LOOKBACK_SECONDS
)  # a condition may have held since before the window
_READY_SECONDS: Final = 30.0  # 60 ms on an idle machine


@contextmanager
def serve(data_dir: Path, prometheus: Program) -> Iterator[PrometheusApi]:
    """
    A Prometheus that scrapes nothing and answers from a TSDB folder.

    Raises:
        HistoryError: if it ends before it is ready.
        NotReady: if it does not become ready.
    """
    port = free_port()
    with scratch("history") as folder:
        config, log = folder / "prometheus.yml", folder / "log"
        config.write_text("global: {}\n", encoding="utf-8")
        arguments = [
            str(prometheus.path),
            f"--config.file={config}",
            f"--storage.tsdb.path={data_dir}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        environment = {**os.environ, **environment_of(folder)}
        with (
            log.open("wb") as out,
            subprocess.Popen(arguments, env=environment, stdout=out, stderr=out) as process,
        ):
            try:
                api = PrometheusApi(f"http://127.0.0.1:{port}", timeout_seconds=_QUERY_TIMEOUT_SECONDS)

                def ready() -> bool:
                    if process.poll() is not None:
                        said = log.read_text(encoding="utf-8", errors="replace")[-500:]
                        raise HistoryError(f"prometheus ended with {process.returncode}: {said}")
                    try:
                        return api.now() > 0
                    except ApiUnreachable:
                        return False

                wait_until(
                    ready, deadline_seconds=_READY_SECONDS, interval_seconds=0.02, what="a ready Prometheus"
                )
                yield api
            finally:
                process.terminate()


@dataclass(frozen=True)
class _Step:
    """One recording rule with everything inlined that its pass does not find in the storage."""

    rule: Rule
    expr: str


def record_rules(
    history: Description,
    start: float,
    groups: Sequence[RuleGroup],
    data_dir: Path,
    programs: tuple[Program, Promtool],
) -> None:
    """
    Evaluates all recording rules over the raw samples in `data_dir` and adds what they record.

    Rules that look back on recorded samples are evaluated over the judged end of the history only; those before it
    over all of it.

    Raises:
        HistoryError: if what they record cannot be written.
        ApiError: if a query is not answered.
    """
    prometheus, promtool = programs
    end = start + history.lasts
    down = [
        Interval(start + event.at, start + event.at + event.lasts)
        for event in history.during(What.PROMETHEUS_DOWN)
    ]
    for number, steps in enumerate(passes(groups)):
        # Before the first scrapes there is nothing, but a Prometheus that starts here had scraped before.
        begins = start + CHANGES_WINDOW_SECONDS if number == 0 else end - history.judged - _LEAD_SECONDS
        with serve(data_dir, prometheus) as api:
            found = [series for step in steps for series in _evaluate(api, step, Interval(begins, end), down)]
        write_blocks(found, data_dir, promtool)


def passes(groups: Iterable[RuleGroup]) -> list[list[_Step]]:
    """
    The recording rules in passes, each of which needs what the passes before it recorded.

    A recorded name is inlined where it is an instant selector by realm alone; by range or by other labels it has to be
    in the storage.
    """
    rules = [rule for rule in all_rules(groups) if rule.kind == "record"]
    by_name = {rule.name: rule for rule in rules}
    trees: dict[str, Node] = {}
    depth: dict[str, int] = {}

    def settle(rule: Rule) -> None:
        if rule.name in depth:
            return
        needed = [each for each in selectors(rule.tree) if each.name in by_name]
        for each in needed:
            settle(by_name[str(each.name)])
        depth[rule.name] = max(
            [0, *(depth[str(each.name)] + (0 if _inlinable(each) else 1) for each in needed)],
        )
        trees[rule.name] = transform(rule.tree, _inliner(by_name, trees, depth, depth[rule.name]))

    for rule in rules:
        settle(rule)
    found: list[list[_Step]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for rule in rules:
        found[depth[rule.name]].append(_Step(rule, to_text(trees[rule.name])))
    return found


def _inliner(
    by_name: Mapping[str, Rule], trees: Mapping[str, Node], depth: Mapping[str, int], own: int
) -> Callable[[Node], Node]:
    def change(node: Node) -> Node:
        # What an earlier pass has recorded is read from the storage.
        if (
            isinstance(node, Selector)
            and node.name in by_name
            and _inlinable(node)
            and depth[str(node.name)] == own
        ):
            return Paren(trees[str(node.name)])
        return node

    return change


def _inlinable(selector: Selector) -> bool:
    return selector.range_seconds is None and {each.label for each in selector.matchers} <= {REALM_LABEL}


def _evaluate(api: PrometheusApi, step: _Step, when: Interval, down: Sequence[Interval]) -> Iterator[Series]:
    """What one rule records at every evaluation of an interval, except while Prometheus was down."""
    interval = RULE_INTERVAL_SECONDS
    first = math.ceil(when.start / interval) * interval
    samples: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    while first <= when.end:
        last = first + (_STEPS - 1) * interval
        for series in api.query_range(step.expr, first, min(last, when.end), interval).series:
            # A fallback comes without the labels that the rule adds, so two answers may be one recorded series.
            labels = {**series.labels, **step.rule.labels, "__name__": step.rule.name}
            samples.setdefault(tuple(sorted(labels.items())), {}).update(
                (each.at, each.value)
                for each in series.samples
                if not any(gap.start <= each.at < gap.end for gap in down)
            )
        first = last + interval
    for key, values in samples.items():
        labels = dict(key)
        yield Series(labels.pop("__name__"), labels, sorted(values.items()))


def ok_before(history: Description, start: float, realm: str) -> list[Series]:
    """What was recorded before the raw samples begin: a heartbeat that was ok, and seen, at every evaluation."""
    last = math.ceil((start + CHANGES_WINDOW_SECONDS) / RULE_INTERVAL_SECONDS) - 1
    count = int(history.ok_before / RULE_INTERVAL_SECONDS)
    times = [(last - index) * RULE_INTERVAL_SECONDS for index in range(count - 1, -1, -1)]
    return [
        Series(name, {REALM_LABEL: realm}, [(at, each.past) for at in times])
        for name, each in RECORDED.items()
        if each.past is not None and times
    ]


def build(
    history: Description,
    groups: Sequence[RuleGroup],
    data_dir: Path,
    programs: tuple[Program, Promtool],
    *,
    realm: str,
    end: float | None = None,
) -> float:
    """
    Makes the whole history in an empty TSDB folder, raw and recorded; returns the time at which it ends.

    Raises:
        HistoryError, ApiError: see `record_rules` and `write_blocks`.
    """
    from tests.support.histories.generate import raw_series

    end = math.floor((time.time() if end is None else end) / RULE_INTERVAL_SECONDS) * RULE_INTERVAL_SECONDS
    start = end - history.lasts
    write_blocks(
        [*raw_series(history, start, realm), *ok_before(history, start, realm)], data_dir, programs[1]
    )
    record_rules(history, start, groups, data_dir, programs)
    return end
