"""
The wide look: what tells of thousands of realms whether each is GO, by as many requests as for a hundred.

Of each realm it takes the values that decide, with their last few samples, and its writers. All else the server counts
itself: whether the rules gave what is recorded, whether a sequence moves, who publishes what is not theirs. A realm
that is GO by this has the evidence that a close look would have; one that is not is looked at closely afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Final

from l4gate.base import ApiError
from l4gate.contract import Contract, Pace
from l4gate.prometheus_api import QueryAnswer, SampleSeries
from l4gate.verdict.keys import Key, series_key
from l4gate.verdict.look import Measurement
from l4gate.verdict.measuring import milliseconds, of_realm, partial, without_answer
from l4gate.verdict.readings import Unreachable
from l4gate.verdict.recomputed import Disagreement
from l4gate.verdict.recounting import recount
from l4gate.verdict.seen import (
    ALERTS,
    PUSH_FAILURE_TIME,
    PUSH_TIME,
    RELOADED,
    TEXTFILE_ERROR,
    Sighting,
    selector,
)
from l4gate.verdict.server_pages import QUERY_PATH, Pages, Parties, ask_pages
from l4gate.verdict.targets import UP, TargetsSeen

# Of one realm: what decides and what aborts, its two paths, and as much again of series that nobody expects.
_SERIES_PER_REALM: Final = 20
_AT_ONCE: Final = 2  # questions to the server's rules
_SCRAPES_BACK: Final = 3.0  # the newest beat, when one scrape was late


def survey(asked: Parties, realms: tuple[str, ...]) -> tuple[Pages | None, tuple[Measurement, ...]]:
    """
    One wide look at all realms, and what the server said of itself; None if it gave no answer.

    Raises nothing: what got no answer stands in the measurements' `errors`.
    """
    expectation, memory = asked.expectation, asked.memory
    pace = expectation.pace
    contract = pace.contract
    try:
        clock = memory.read_clock(asked.api)
        pages = Pages(clock, memory.clock_strayed(clock, pace))
        now = clock.server
        # The server takes longer to count than we to read, and works on one question with one core.
        found = expectation.chain("").recordings
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="l4gate-recount") as beside:
            counting = [
                beside.submit(
                    copy_context().run,
                    recount,
                    asked.evaluator.beside(),
                    found[part::_AT_ONCE],
                    memory,
                    now,
                    pace,
                )
                for part in range(_AT_ONCE)
            ]
            seen = _seen(asked, realms, now)
            ask_pages(asked, pages, seen, realms)
    except ApiError as error:
        return None, without_answer(asked.api, error, realms, None)
    differing = _differing(counting, pages, seen)
    targets = TargetsSeen(seen.ups, seen.newest, pages.targets, contract, expectation.fleet)
    return pages, tuple(
        of_realm(
            asked,
            seen,
            pages,
            targets,
            realm,
            disagreements=None if differing is None else _disagreements(differing, realm, now),
            writer=None,
        )
        for realm in realms
    )


def _seen(asked: Parties, realms: tuple[str, ...], now: float) -> Sighting:
    """
    The series of all realms.

    Raises:
        ApiError: if one of the questions got no answer.
    """
    pace = asked.expectation.pace
    contract = pace.contract
    most = _SERIES_PER_REALM * len(asked.ours(realms))

    def query(expression: str) -> QueryAnswer:
        return asked.api.query(expression, now, most_series=most)

    answers = [
        query(selector((*contract.read_by_the_gate, contract.heartbeat.time))),
        query(_of_server()),
        query(_not_theirs(contract)),
    ]
    recent = [
        query(f"{selector(contract.read_by_the_gate)}[{milliseconds(_recorded_back(pace))}ms]"),
        query(f"{selector((contract.heartbeat.time,))}[{milliseconds(_scraped_back(pace))}ms]"),
        query(f"{_of_server()}[{milliseconds(_recorded_back(pace))}ms]"),
    ]
    moved = query(_moved(pace))
    return Sighting(
        now,
        tuple(series for each in answers for series in each.series),
        tuple(series for each in recent for series in each.series),
        pace,
        asked.ours(realms),
        tuple(warning for each in (*answers, *recent, moved) for warning in each.warnings),
        moved=frozenset(_sequence(series, contract) for series in moved.series),
    )


def _differing(
    counting: list[Future[dict[str, frozenset[str]]]], pages: Pages, seen: Sighting
) -> Mapping[str, frozenset[str]] | None:
    """By realm, the metrics that are not what their rules give; None if that could not be asked."""
    try:
        if seen.warnings:
            raise partial(seen.warnings)
        differing: dict[str, frozenset[str]] = {}
        for each in counting:
            for realm, names in each.result().items():
                differing[realm] = differing.get(realm, frozenset()) | names
        return differing
    except ApiError as error:
        pages.errors["recomputed"] = Unreachable(QUERY_PATH, error.message, error.next_step)
        return None


def _disagreements(differing: Mapping[str, Iterable[str]], realm: str, at: float) -> tuple[Disagreement, ...]:
    """What a wide look knows of them: that they are. Whether they last, a close look tells."""
    names = {*differing.get(realm, ()), *differing.get("", ())}
    return tuple(
        Disagreement(name, at, "another value, or none", "another value, or none", twice=False)
        for name in sorted(names)
    )


def _recorded_back(pace: Pace) -> float:
    """How far back the evaluations of a GO can lie: the newest at its greatest age, each of the others late."""
    return pace.max_sample_age + 1.5 * (pace.contract.evidence.evaluations - 1) * pace.rule_interval


def _scraped_back(pace: Pace) -> float:
    return _SCRAPES_BACK * pace.scrape_interval


def _of_server() -> str:
    """What the programs say, and of the alerts those that fire."""
    return f'{{__name__=~"{UP}|{TEXTFILE_ERROR}|{RELOADED}|{ALERTS}", alertstate=~"|firing"}}'


def _not_theirs(contract: Contract) -> str:
    """The inputs that come under a job which may not bring them, and groups whose last push was refused."""
    by_jobs: dict[frozenset[str], list[str]] = {}
    for name, jobs in contract.of_known_jobs.items():
        by_jobs.setdefault(jobs, []).append(name)
    parts = [
        f'{{__name__=~"{"|".join(names)}", job!~"{"|".join(sorted(jobs))}"}}'
        for jobs, names in by_jobs.items()
    ]
    job = f'{{job="{contract.heartbeat.job}"}}'
    return " or ".join([*parts, f"{PUSH_FAILURE_TIME}{job} > {PUSH_TIME}{job}"])


def _moved(pace: Pace) -> str:
    """The sequences that have more than one value in the window."""
    window = f"{pace.contract.heartbeat.sequence}[{milliseconds(pace.changes_window)}ms]"
    return f"max_over_time({window}) != min_over_time({window})"


def _sequence(series: SampleSeries, contract: Contract) -> Key:
    """The key of the sequence that a series of the answer above is of."""
    return series_key({**series.labels, "__name__": contract.heartbeat.sequence})
