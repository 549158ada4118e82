"""The JSON report: strict JSON whatever was measured."""

from __future__ import annotations

import json
import math

import pytest

from fixtures.contract import OK
from fixtures.evidence import NOW, cause, good_evidence, report
from l4gate.report import utc
from l4gate.report.as_json import render_json
from l4gate.verdict import Evaluation, Unreachable


def test_go_carries_its_evidence() -> None:
    """A GO must carry query, value and sample time of each reading, and the two evaluations."""
    data = json.loads(render_json(report(good_evidence())))
    evidence = data["realms"][0]["evidence"]

    assert (data["verdict"], data["exit_code"], data["causes"]) == ("GO", 0, [])
    assert evidence["readings"]["duri_heartbeat_ok"] == {
        "query": 'duri_heartbeat_ok{metric_realm="prod"}',
        "value": 1.0,
        "at": "2023-11-14T22:13:19.900Z",
    }
    assert [each["ok"] for each in evidence["evaluations"]] == [1.0, 1.0]
    assert {gate["outcome"] for gate in data["gates"]} == {"passed"}


def test_hold_carries_every_field_of_its_cause() -> None:
    """A cause must come with stage, code, expected, found, where and next step."""
    data = json.loads(render_json(report(good_evidence(broken=(cause(),)))))

    assert data["causes"] == [
        {
            "stage": "writer",
            "code": "stale",
            "expected": "a beat younger than 2 s",
            "found": "9.5 s old",
            "where": "query x",
            "next_step": "check cron.",
        }
    ]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, None])
def test_odd_samples_and_clocks_are_still_json(number: float | None) -> None:
    """A NaN among the raw samples, an absurd clock or no reading must NOT break the file."""
    odd = Evaluation(1e300, number, number)
    evidence = good_evidence(at=1e18, readings={OK: Unreachable("q", "\ud800")}, evaluations=(odd, odd))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(render_json(report(evidence)), parse_constant=refuse)["verdict"] == "HOLD"


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf, -math.inf, 1e300, 253402300800.0])
def test_time_that_is_none_has_no_text(seconds: float) -> None:
    """What is no time of a calendar must be None."""
    assert utc(seconds) is None


def test_time_has_milliseconds_in_utc() -> None:
    """A time must be RFC 3339 in UTC with milliseconds."""
    assert utc(NOW) == "2023-11-14T22:13:20.000Z"
