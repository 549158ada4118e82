"""Scaled time: which numbers are times, what is divided, what stays, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from l4gate.base import ExpressionError, RuleError, UsageError
from l4gate.promql import Node, Number, Selector, Subquery, canonical, parse, power_of_name, walk
from l4gate.rules.scaling import scale_config, scale_duration, scale_expr, scale_rule_file
from tests.support.scale_promtool import scale_promtool_test
from tests.unit.promql_expressions import EXPRESSIONS

SCALED_BY_60 = [
    ("rate(x[5m])", "rate(x[5s])"),
    ("rate(x[15s])", "rate(x[250ms])"),
    ("avg_over_time(x[1h:1m] offset 30m)", "avg_over_time(x[1m:1s] offset 30s)"),
    ("x offset -90s", "x offset -1s500ms"),
    ("x @ 1600000000 > 3", "x @ 1600000000 > 3"),
    ("time() - x_ts < bool 120", "time() - x_ts < bool 2"),
    ("x_ts - time() <= bool 30", "x_ts - time() <= bool 0.5"),
    ("120 > time() - timestamp(x)", "2 > time() - timestamp(x)"),
    ("abs(time() - max by (j) (x_ts)) > 0", "abs(time() - max by (j) (x_ts)) > 0"),
    ("time() - x_ts < 2 * 60", "time() - x_ts < 2 * 1"),
    ("duri_lyapunov_v > 0.3", "duri_lyapunov_v > 0.3"),
    ("duri_heartbeat_fresh_120s == 0", "duri_heartbeat_fresh_120s == 0"),
    ("changes(x_ts[6m]) > bool 2", "changes(x_ts[6s]) > bool 2"),
    ("count(x_seconds > 30) > 2", "count(x_seconds > 0.5) > 2"),
    ("histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[1h]))) > 720",
     "histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[1m]))) > 12"),
    ("histogram_quantile(0.95, rate(x_size_bucket[1h])) > 720",
     "histogram_quantile(0.95, rate(x_size_bucket[1m])) > 720"),
    ("1.0 * (a / 10) + 0.5 * m_seconds / 300 + 0.8 * clamp_min(4.0 - e, 0)",
     "1 * (a / 10) + 0.5 * m_seconds / 5 + 0.8 * clamp_min(4 - e, 0)"),
    ("m_seconds / 300 > bool x", "m_seconds / 5 > bool x"),
    ("predict_linear(x[1h], 3600) < 7", "predict_linear(x[1m], 60) < 7"),
    ("rate(errors_total[5m]) / rate(all_total[5m]) > 0.08", "rate(errors_total[5s]) / rate(all_total[5s]) > 0.08"),
    ("rate(errors_total[5m]) > 2", "rate(errors_total[5s]) > 120"),
    ("(time() - x_ts > 60) and on () (y > 60)", "(time() - x_ts > 1) and on () (y > 60)"),
    ("max(x_seconds) or on () vector(120)", "max(x_seconds) or on () vector(2)"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "scaled"), SCALED_BY_60)
def test_times_are_divided_and_nothing_else(expr: str, scaled: str) -> None:
    """Ranges, steps, offsets and numbers of seconds must be divided by 60; thresholds, counts and `@` must stay."""
    assert canonical(scale_expr(expr, 60)) == canonical(scaled)


REFUSED = [
    ("(time() - x_ts) / 60 > 5", 18, "cannot tell whether 60"),
    ("60 / x_seconds", 0, "cannot tell whether 60"),
    ("x_seconds / 300", 12, "cannot tell whether 300"),
    ("x_seconds > y", 10, "expected both sides in one unit"),
    ("x_ts > 1600000000", 7, "cannot scale the time 1600000000: it is a point in time"),
    ('x_seconds_bucket{le="5"}', 0, 'cannot scale the histogram bound le="5"'),
    ("hour() > 3", 0, "cannot scale the function hour()"),
    ("x_seconds +", 0, "expected PromQL"),
]


@pytest.mark.parametrize(("expr", "offset", "message"), REFUSED)
def test_doubt_is_an_error(expr: str, offset: int, message: str) -> None:
    """What cannot be scaled, or could be scaled in two ways, must be refused at its place, never guessed."""
    with pytest.raises(ExpressionError) as caught:
        scale_expr(expr, 60)

    assert message in caught.value.message
    assert caught.value.offset == offset


NAMES = [
    ("duri_textfile_heartbeat_ts", 1),
    ("source:duri_heartbeat_age_seconds", 1),
    ("duri_heartbeat_fresh_120s", 0),
    ("duri_lyapunov_v", 0),
    ("x_seconds_sum", 1),
    ("x_seconds_count", 0),
    ("x_seconds_bucket", 0),
    ("job:x_seconds:avg_5m", 1),
    ("job:x_seconds:count_5m", 0),
    ("job:x_total:rate5m", -1),
    ("job:x_seconds_total:rate5m", 0),
]


@pytest.mark.parametrize(("name", "power"), NAMES)
def test_names_tell_the_unit(name: str, power: int) -> None:
    """A metric's name must tell whether its values are times."""
    assert power_of_name(name) == power


# What a contract in seconds makes of expressions whose names do not say so.
TOLD = [
    ("time() - written_at < 120", "time() - written_at < 2"),
    ("max by (zone) (zone:written_at:max) - written_at > 60", "max by (zone) (zone:written_at:max) - written_at > 1"),
    ("recovery_sum / recovery_count > 600", "recovery_sum / recovery_count > 10"),
    ("histogram_quantile(0.95, zone_le:recovery_bucket:increase) > 600",
     "histogram_quantile(0.95, zone_le:recovery_bucket:increase) > 10"),
    ("recovery_bucket > 600", "recovery_bucket > 600"),
    ("zone:recovery:count_1h > 60", "zone:recovery:count_1h > 60"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "scaled"), TOLD)
def test_the_contract_tells_what_the_name_does_not(expr: str, scaled: str) -> None:
    """A metric that the contract gives in seconds must be a time under whatever name, its sum and buckets with it."""
    is_time = frozenset({"written_at", "recovery"}).__contains__

    assert canonical(scale_expr(expr.replace("increase", "increase_1m"), 60, is_time=is_time)) == canonical(
        scaled.replace("increase", "increase_1m")
    )


def test_a_bound_of_what_the_contract_gives_in_seconds_is_refused() -> None:
    """A bound of a histogram of times is part of a label, and must be refused under whatever name: it cannot scale."""
    with pytest.raises(ExpressionError, match="histogram bound"):
        scale_expr('recovery_bucket{le="60"}', 60, is_time="recovery".__eq__)

    assert scale_expr('recovery_bucket{le="60"}', 60) == 'recovery_bucket{le="60"}'


def scalable(text: str, factor: float) -> str | None:
    try:
        return scale_expr(text, factor)
    except (ExpressionError, UsageError):
        return None


def numbers(node: Node) -> list[float]:
    """All durations in milliseconds and all numbers of a tree, in order."""
    found: list[float] = []
    for each in walk(node):
        match each:
            case Number(value=value):
                found.append(value)
            case Selector(range_seconds=window, offset_seconds=offset):
                found += [(window or 0) * 1000, offset * 1000]
            case Subquery(range_seconds=window, step_seconds=step, offset_seconds=offset):
                found += [window * 1000, (step or 0) * 1000, offset * 1000]
    return found


@given(EXPRESSIONS)
def test_factor_one_changes_nothing(text: str) -> None:
    """Factor 1 must leave the expression as it is."""
    scaled = scalable(text, 1)
    assume(scaled is not None)

    assert canonical(str(scaled)) == canonical(text)


@given(EXPRESSIONS, st.sampled_from([2, 3, 5, 10]), st.sampled_from([2, 3, 5, 10]))
def test_factors_multiply(text: str, one: int, two: int) -> None:
    """Scaling by one factor and then another must be scaling by their product, but for the last millisecond."""
    at_once, first = scalable(text, one * two), scalable(text, one)
    in_steps = None if first is None else scalable(first, two)
    assume(at_once is not None and in_steps is not None)

    for expected, found in zip(numbers(parse(str(at_once))), numbers(parse(str(in_steps))), strict=True):
        same = expected == found or (math.isnan(expected) and math.isnan(found))
        assert same or math.isclose(expected, found, rel_tol=1e-9, abs_tol=1.001)


def test_rounding_is_bounded() -> None:
    """A factor that rounds a duration by more than 1 % must be refused; a smaller rounding must not."""
    assert scale_duration(15, 300) == 0.05
    assert scale_duration(30, 600) == 0.05
    assert scale_duration(299, 60) == 4.983
    with pytest.raises(UsageError, match=r"cannot scale 1s by 60: 16.6667 ms is rounded to 17 ms"):
        scale_duration(1, 60)


RULES = """\
groups:
  - name: g # stays
    interval: 30s
    rules:
      - record: x_age_seconds
        expr: time() - x_ts
      - alert: A
        expr: |2
            x_age_seconds > 120
          and
            y > 120
        for: 5m
        keep_firing_for: 2m
        annotations: {summary: "older than 120 s for 5m"}
"""


def test_rule_file_keeps_everything_else() -> None:
    """In a rule file only times must change: comments, layout and annotations stay."""
    assert scale_rule_file(RULES, 60) == RULES.replace("30s", "500ms").replace(
        "for: 5m\n", "for: 5s\n"
    ).replace("for: 2m", "for: 2s").replace(
        "|2\n            x_age_seconds > 120\n          and\n            y > 120",
        '"x_age_seconds > 2 and y > 120"',
    )
    assert "summary" not in scale_rule_file(RULES, 60, annotations=False)


def test_recorded_name_must_fit_the_expression() -> None:
    """A rule that records a time under a plain name must be refused, with its place."""
    with pytest.raises(RuleError, match=r"^rules:6:22: expected both sides in one unit"):
        scale_rule_file(RULES.replace("x_age_seconds\n", "x_age\n"), 60)


def test_refused_factor_names_the_place() -> None:
    """A factor that is too large must say for which line."""
    with pytest.raises(UsageError, match=r"^rules:3:15: cannot scale 30s by 21000"):
        scale_rule_file(RULES, 21000)


CONFIG = """\
global: {scrape_interval: 15s, evaluation_interval: 30s} # stays
scrape_configs:
  - job_name: a
    scrape_timeout: 10s
    file_sd_configs:
      - files: [x.yml]
        refresh_interval: 5m
"""


def test_config_is_scaled() -> None:
    """All intervals and time-outs of prometheus.yml must be divided."""
    expected = (
        CONFIG.replace("15s", "250ms").replace("30s", "500ms").replace("10s", "167ms").replace("5m", "5s")
    )
    assert scale_config(CONFIG, 60) == expected


@pytest.mark.parametrize("missing", ["scrape_interval: 15s, ", ", evaluation_interval: 30s"])
def test_default_intervals_are_refused(missing: str) -> None:
    """An interval left to Prometheus' default must be refused: it would stay unscaled."""
    with pytest.raises(RuleError, match="expected global"):
        scale_config(CONFIG.replace(missing, ""), 60)


def test_unknown_duration_in_the_config_is_refused() -> None:
    """A duration that is not known to scaling must not slip through unscaled."""
    with pytest.raises(RuleError, match=r"expected a known duration, found scrape_configs\.job_name: 7d"):
        scale_config(CONFIG.replace("job_name: a", "job_name: 7d"), 60)


PROMTOOL_TEST = """\
rule_files: [a.rules.yml]
evaluation_interval: 30s
tests:
  - interval: 1m
    input_series:
      - {series: 'x_ts{a="b"}', values: '0+60x3 _x2 240x2'}
      - {series: y, values: '1+1x3 _x7 stale'}
    alert_rule_test:
      - eval_time: 4m30s
        alertname: A
        exp_alerts: [{exp_labels: {a: b}, exp_annotations: {c: d}}]
    promql_expr_test:
      - {expr: 'x_ts', eval_time: 5m, exp_samples: [{labels: 'x_ts{a="b"}', value: 240}]}
      - {expr: 'y > 3', eval_time: 5m, exp_samples: [{labels: y, value: 4}]}
"""


def test_promtool_test_is_scaled() -> None:
    """In a promtool test times must be divided, and a series must vanish after the scaled lookback."""
    expected = "fuzzy_compare: true\n" + (
        PROMTOOL_TEST.replace("interval: 30s", "interval: 500ms")
        .replace("interval: 1m", "interval: 1s")
        .replace("'0+60x3 _x2 240x2'", '"0+1x3 _x2 4x2 _x4 stale"')
        .replace("'1+1x3 _x7 stale'", '"1+1x3 _x4 stale _x2 stale"')
        .replace("4m30s", "4s500ms")
        .replace("5m", "5s")
        .replace("{c: d}", "{}")
        .replace("240}", "4}")
    )

    assert scale_promtool_test(PROMTOOL_TEST, 60) == expected
    assert "fuzzy_compare: true\n" + scale_promtool_test(PROMTOOL_TEST, 60, fuzzy=False) == expected


@pytest.mark.parametrize("missing", ["evaluation_interval: 30s\n", "interval: 1m\n    "])
def test_default_intervals_of_tests_are_refused(missing: str) -> None:
    """An interval left to promtool's default must be refused: it would stay unscaled."""
    with pytest.raises(RuleError, match="its default of 1m cannot be scaled"):
        scale_promtool_test(PROMTOOL_TEST.replace(missing, ""), 60)


@pytest.mark.parametrize("factor", [7, 60, 180, 299])
@pytest.mark.parametrize("seconds", [15, 30, 60, 120, 300, 360, 86_400])
def test_way_back_leads_to_the_duration_it_came_from(factor: float, seconds: float) -> None:
    """A scaled duration, rounded to milliseconds, must come back whole: live files are linted as production."""
    assert scale_duration(scale_duration(seconds, factor), 1 / factor) == seconds


@pytest.mark.parametrize("factor", [60.0, 120.0, 300.0, 7.0])
@pytest.mark.parametrize("limit", [720, 120, 0.05, 1234.5])
def test_way_back_leads_to_the_limit_it_came_from(factor: float, limit: float) -> None:
    """A limit in seconds that was scaled and scaled back must be the same text: lint holds it to the contract."""
    there = scale_expr(f"some_seconds > {limit}", factor)

    assert scale_expr(there, 1 / factor) == f"some_seconds > {limit}"
