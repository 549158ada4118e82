"""A certificate counts time, takes gaps for violations, and says what keeps the next level away."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable

import pytest

from fixtures.contract import (
    ABORT_RULES,
    CANARY_FAILURE_RATIO,
    CERTIFICATE,
    CHANGES,
    CONTRACT,
    FRESH,
    HEARTBEAT,
    LYAPUNOV,
    OK,
    RULE_INTERVAL_SECONDS,
    pace,
)
from fixtures.wire import Answer, serve, success
from l4gate.base import ApiBadAnswer, Verdict
from l4gate.certificate import Certificate, Interval, SeriesHistory, Window, certify_window, moment, segments
from l4gate.certificate.intervals import merged
from l4gate.certificate.judging import certify, judge, judge_newest
from l4gate.contract import Criterion, When
from l4gate.prometheus_api import PrometheusApi

DAY = 86_400.0
START = 1_700_000_000.0 - 1_700_000_000.0 % 30
HEALTHY = {
    OK: 1.0,
    FRESH: 1.0,
    CHANGES: 6.0,
    CANARY_FAILURE_RATIO: 0.01,
    LYAPUNOV: 0.07,
    "duri_canary_samples_15m": 750.0,
    "duri_p_uniform_ks_p": 0.6,
    "duri_p_unique_ratio": 0.97,
    "error_budget_burn_7d": 0.1,
    "error_budget_burn_30d": 0.1,
    "duri_dr_restore_p95_seconds": 230.0,
}
Change = Callable[[float], float | None]


def history(value: Change, *, factor: float = 1.0, lead: float = 600.0) -> SeriesHistory:
    """Samples at every rule evaluation of a day and what leads to it; the change gets the seconds since the start."""
    found = SeriesHistory()
    step = RULE_INTERVAL_SECONDS / factor
    for index in range(round((DAY + lead) / RULE_INTERVAL_SECONDS)):
        at = index * step - lead / factor
        if (sample := value(at)) is not None:
            found.add(START + at, sample)
    return found


def certificate(
    factor: float = 1.0, alerts: dict[str, list[Interval]] | None = None, **changed: Change
) -> Certificate:
    """The certificate of a healthy day, apart from what is changed."""
    histories = {
        name: history(changed.get(name) or (lambda at, value=value: value), factor=factor)
        for name, value in HEALTHY.items()
    }
    return certify(
        "prod", Window(START, START + DAY / factor, pace(factor)), CERTIFICATE, histories, alerts or {}
    )


def during(start: float, seconds: float, inside: float | None, outside: float) -> Change:
    return lambda at: inside if start <= at < start + seconds else outside


def unmet(found: Certificate) -> set[str]:
    return {result.criterion.id for result in found.results if not result.met}


@pytest.mark.parametrize("factor", [1.0, 60.0])
def test_a_healthy_day_is_l49(factor: float) -> None:
    """Everything in bounds all the time must be certified L4.9, at any time factor."""
    found = certificate(factor, duri_dr_restore_p95_seconds=lambda at: 230.0 / factor)

    assert (found.level, found.verdict, found.why_not, found.violations) == ("L4.9", Verdict.GO, (), ())
    assert all(result.share == pytest.approx(1) for result in found.results)


def test_no_samples_are_no_certificate() -> None:
    """A window without any sample must prove nothing: every criterion is violated for all of it."""
    found = certify(
        "prod",
        Window(START, START + DAY, pace(1)),
        CERTIFICATE,
        {name: SeriesHistory() for name in HEALTHY},
        {},
    )

    assert (found.level, found.verdict, found.certified) == ("L4.5", Verdict.HOLD, False)
    assert unmet(found) == {result.criterion.id for result in found.results}
    assert found.violations == (Interval(START, START + DAY),)


@pytest.mark.parametrize(("seconds", "met"), [(60, True), (90, False)])
def test_ok_may_be_missed_for_a_thousandth_of_the_time(seconds: float, met: bool) -> None:
    """86.4 s of a day must be allowed, as zeros or as a gap (which begins two intervals after the last sample)."""
    zeros = certificate(**{OK: during(40_000, seconds, 0.0, 1.0)})
    gap = certificate(**{OK: during(40_000 - 30, seconds + 30, None, 1.0)})

    assert ("heartbeat/ok" not in unmet(zeros)) == met
    assert ("heartbeat/ok" not in unmet(gap)) == met


def test_a_gap_is_a_violation_with_its_times() -> None:
    """A sample must stand for two rule intervals, then the gap must begin, and end with the next sample."""
    found = certificate(**{OK: during(40_020, 600, None, 1.0)})

    (result,) = (each for each in found.results if each.criterion.id == "heartbeat/ok")
    (violation,) = result.violations
    assert violation.worst is None
    assert (violation.start - START, violation.end - START) == pytest.approx((39_990 + 60, 40_620), abs=0.002)
    assert result.measured == pytest.approx(1 - 570 / DAY, abs=1e-6)


def test_one_sample_out_of_bounds_is_enough_where_always_is_asked() -> None:
    """A canary ratio of 0.09 at one evaluation must be no good day, though it lasted 30 s."""
    found = certificate(**{CANARY_FAILURE_RATIO: during(40_000, 30, 0.09, 0.01)})

    assert unmet(found) == {"canary/failure-ratio"}
    assert (found.level, found.verdict) == ("L4.7", Verdict.HOLD)
    assert found.why_not == (
        "canary/failure-ratio: expected duri_canary_failure_ratio <= 0.08 always, found 0.09",
    )


def test_several_series_are_no_measurement() -> None:
    """A history with a problem must count as not measured, and the reason must be that problem."""
    result = judge(HEARTBEAT[0], SeriesHistory(problem="two series"), Window(START, START + DAY, pace(1)))

    assert (result.met, result.value, result.why) == (False, None, "two series")


@pytest.mark.parametrize(("seconds", "fires"), [(300, False), (330, True)])
def test_an_abort_is_a_condition_that_held_for_five_minutes(seconds: float, fires: bool) -> None:
    """Ten evaluations in a row must be pending, the eleventh must fire and last as long as the condition."""
    found = certificate(**{OK: during(39_990, seconds, 0.0, 1.0)})

    assert [(each.alert, each.start - START, each.end - START) for each in found.aborts] == (
        [("L4AbortHeartbeatNotOk", 40_290, 40_320)] if fires else []
    )
    assert (found.verdict is Verdict.ABORT) == fires


def test_an_abort_that_began_before_the_window_counts() -> None:
    """A condition that has held since before the window must fire at once."""
    found = certificate(**{OK: lambda at: 0.0 if at < 60 else 1.0})

    assert [(each.start - START, each.end - START) for each in found.aborts] == [(0, 60)]


def test_an_alert_without_its_condition_is_no_abort() -> None:
    """What ALERTS says must keep the window from being certified, and be no ABORT while no samples explain it."""
    alert = ABORT_RULES[0].alert
    found = certificate(alerts={alert: [Interval(START + 600, START + 630)]})

    assert [(each.alert, each.seconds, each.proven) for each in found.aborts] == [(alert, 30, False)]
    assert "abort/none" in unmet(found)
    assert found.verdict is Verdict.HOLD


def test_an_alert_that_fires_later_than_its_condition_is_the_same_abort() -> None:
    """An alert that the server saw firing while its condition had held must be one ABORT with it."""
    held = {OK: during(39_990, 600, 0.0, 1.0)}
    found = certificate(alerts={"L4AbortHeartbeatNotOk": [Interval(START + 40_320, START + 40_620)]}, **held)

    assert [(each.end - START, each.proven) for each in found.aborts] == [(40_620, True)]
    assert found.verdict is Verdict.ABORT


MEAN = "level/mean: expected a mean of duri_lyapunov_v of at most"
OFTEN = "level/rises: expected at most 1 rise of duri_lyapunov_v, found 5"


@pytest.mark.parametrize(
    ("lyapunov", "level", "reason"),
    [
        pytest.param(lambda at: 0.21, "L4.7", f"{MEAN} 0.2, found 0.2100", id="mean"),
        pytest.param(lambda at: 0.31, "L4.5", f"{MEAN} 0.3, found 0.3100", id="worse"),
        pytest.param(
            during(40_000, 600, 0.28, 0.07),
            "L4.7",
            "level/rises: expected a rise below 0.2, found 0.210",
            id="high",
        ),
        pytest.param(lambda at: 0.17 if 0 < at % 20_000 < 600 else 0.07, "L4.7", OFTEN, id="often"),
        pytest.param(lambda at: 0.07 + 0.009 * (at // 30 % 2), "L4.9", "", id="noise"),
        pytest.param(during(40_000, 600, 0.17, 0.07), "L4.9", "", id="once"),
    ],
)
def test_the_lyapunov_value_limits_the_level(lyapunov: Change, level: str, reason: str) -> None:
    """The stability of a window must say its mean, the number of its rises and their height, with noise left out."""
    found = certificate(**{LYAPUNOV: lyapunov})

    assert found.level == level
    assert found.why_not[:1] == ((reason,) if reason else ())


def test_three_violations_are_l45() -> None:
    """Two outages must leave L4.7, three must not, however short they are."""

    def outages(count: int) -> Change:
        return lambda at: 0.0 if at % 10_000 < 60 and 10_000 <= at < 10_000 * (count + 1) else 1.0

    assert certificate(**{OK: outages(2)}).level == "L4.7"
    three = certificate(**{OK: outages(3)})
    assert (three.level, three.why_not) == ("L4.5", ("level/violations: expected fewer than 3, found 3",))


def test_canaries_are_judged_over_the_whole_window() -> None:
    """Neither a good end nor a good beginning must make up for the rest: quorum always, the p-value for its share."""
    ends_well = certificate(
        duri_canary_samples_15m=during(0, DAY - 60, 100.0, 400.0),
        duri_p_unique_ratio=during(0, DAY - 60, 0.5, 0.97),
        duri_p_uniform_ks_p=during(0, DAY - 60, 0.01, 0.6),
    )
    once = certificate(duri_canary_samples_15m=during(DAY / 2, 30, 299.0, 400.0))
    a_seventh = certificate(duri_p_uniform_ks_p=during(0, DAY * 0.15, 0.05, 0.6))
    more = certificate(duri_p_uniform_ks_p=during(0, DAY * 0.15 + 120, None, 0.6))

    assert unmet(ends_well) == {"canary/samples", "canary/unique", "canary/uniform"}
    assert unmet(once) == {"canary/samples"}
    assert unmet(a_seventh) == set()
    assert unmet(more) == {"canary/uniform"}


def test_moment_is_judged_by_what_the_check_asks() -> None:
    """Over some time, a value out of bounds in it must count; at a moment, the newest alone, and it must be recent."""
    criterion = next(each for each in CONTRACT.criteria.canary_quorum if each.id == "canary/samples")
    window = Window(START, START + 7_200, pace(1))

    def met(change: Change) -> tuple[bool, bool]:
        samples = history(change)
        newest = Window(window.end - 60, window.end, window.pace)
        return judge(criterion, samples, window).met, judge_newest(criterion, samples, newest).met

    assert met(lambda at: 400.0) == (True, True)
    assert met(lambda at: 100.0 if at < 3_600 else 400.0) == (False, True)
    assert met(lambda at: 400.0 if at < 7_000 else None) == (False, False)


def test_segments_cover_the_window() -> None:
    """Segments must be in order and without holes, and never reach out of the window."""
    window = Window(START, START + 600, pace(1))
    found = list(
        segments(history(lambda at: None if 100 <= at < 400 else float("nan") if at == 60 else 1.0), window)
    )

    assert found[0].start == START
    assert found[-1].end == START + 600
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    assert {each.value for each in found} == {1.0, None}


def test_touching_intervals_are_one() -> None:
    """The union of intervals must have neither overlaps nor borders inside it."""
    found = merged([Interval(5, 6), Interval(0, 2), Interval(2, 3), Interval(1, 2.5)])

    assert found == (Interval(0, 3), Interval(5, 6))


def test_every_abort_metric_is_measured() -> None:
    """A missing Lyapunov value must leave "no abort" unproven, although no alert fired."""
    found = certificate(**{LYAPUNOV: lambda at: None})

    assert "abort/none" in unmet(found)
    assert found.verdict is Verdict.HOLD


def test_durations_shrink_with_the_factor() -> None:
    """A limit in seconds must be divided by the time factor, a ratio must not."""
    slow = Criterion("a/b", "x", "duri_dr_restore_p95_seconds", "<=", 720, When.ALWAYS, 0.999)

    assert slow.bounds(pace(60)) == "duri_dr_restore_p95_seconds <= 12"
    assert HEARTBEAT[0].bounds(pace(60)) == "duri_heartbeat_ok == 1"


def answering(alerts: bytes) -> Answer:
    """A server that has no sample of anything, and this answer about alerts."""

    def answer(connection: socket.socket, request: str) -> None:
        asked_for_alerts = "ALERTS" in request.partition("\r\n")[0]
        connection.sendall(alerts if asked_for_alerts else success({"resultType": "matrix", "result": []}))

    return answer


ODD_ALERTS = {
    "partial": success({"resultType": "matrix", "result": []}, warnings=["a store did not answer"]),
    "another metric": success(
        {"resultType": "matrix", "result": [{"metric": {"__name__": "up"}, "values": [[1.7e9, "1"]]}]}
    ),
    "no name": success({"resultType": "matrix", "result": [{"metric": {}, "values": [[1.7e9, "1"]]}]}),
}


@pytest.mark.parametrize("name", ODD_ALERTS)
def test_an_answer_that_may_hide_an_alert_is_none(name: str) -> None:
    """Half an answer about alerts, or one about something else, must be an error and never a quiet window."""
    with serve(answering(ODD_ALERTS[name])) as (url, _), pytest.raises(ApiBadAnswer):
        certify_window(PrometheusApi(url), "prod", Window(1.7e9, 1.7e9 + 600, pace(1)))


def test_no_alert_at_all_is_an_answer() -> None:
    """A whole answer without any alert must be taken for what it says."""
    quiet = success({"resultType": "matrix", "result": []})
    with serve(answering(quiet)) as (url, _):
        certificate, _histories = certify_window(
            PrometheusApi(url), "prod", Window(1.7e9, 1.7e9 + 600, pace(1))
        )

    assert not [each for each in certificate.aborts if each.proven]


@pytest.mark.parametrize(("count", "covered"), [("39", "0.3"), ("2879", "23.9"), (None, "0.0")])
def test_what_is_missing_for_want_of_coverage_says_how_much(count: str | None, covered: str) -> None:
    """A budget and an energy without a sample must say how much of their windows is covered, and how much is needed."""
    counts = [{"metric": {"metric_realm": "prod"}, "value": [1.7e9, count]}] if count else []
    nothing = success({"resultType": "matrix", "result": []})

    def answer(connection: socket.socket, request: str) -> None:
        counted = "count_over_time" in request.partition("\r\n")[0]
        connection.sendall(success({"resultType": "vector", "result": counts}) if counted else nothing)

    with serve(answer) as (url, _):
        found, _ = certify_window(PrometheusApi(url), "prod", Window(1.7e9, 1.7e9 + 600, pace(1)))
        results = moment(
            PrometheusApi(url), "prod", 1.7e9, pace(60), CERTIFICATE
        )  # counts know no time factor
    for each in (found.results, results):
        why = {result.criterion.id: result.why for result in each}
        assert why["budget/7d"].endswith(f": {covered} h of 168 h covered, at least 24 h needed")
        assert why["budget/30d"].endswith(f": {covered} h of 720 h covered, at least 24 h needed")
        assert "covered" not in why["heartbeat/ok"]
    (silence,) = (each for each in found.results if each.criterion.id == "abort/none")
    assert f"{LYAPUNOV}: {covered} h of 24 h covered, at least 12 h needed" in silence.why
    assert found.verdict is Verdict.HOLD
