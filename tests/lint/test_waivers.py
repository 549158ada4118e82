"""Exceptions: complete, beside what they are for, and only as long as they are needed."""

from __future__ import annotations

import datetime as dt
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from l4gate.lint import as_github, as_json, as_junit, as_text
from l4gate.lint.engine import Report
from tests.lint.variants import CANARY, CONFIG, Variant, edited

RULE = "- record: duri_canary_samples_15m"
SELECTOR = Variant(
    "a selector without the filter",
    "realm/selector",
    CANARY,
    'duri_canary_events_total{metric_realm="prod"}',
    "duri_canary_events_total",
)
COMPLETE = '# l4gate-lint: disable=realm/selector reason="all realms together" owner="sre" until=2027-06-30'
TODAY = dt.date(2027, 6, 30)


def waived(folder: Path, comment: str, *, file: str = CANARY, above: str = RULE) -> None:
    path = folder / file
    path.write_text(edited(path.read_text(), above, f"{comment}\n{above}"))


def ids(report: Report) -> list[str]:
    return [each.id for each in report.findings]


def test_exception_above_a_rule_covers_it(folder: Path, check: Callable[..., Report]) -> None:
    """A complete exception must silence its check for the rule below, on its last day too."""
    SELECTOR.apply(folder)
    waived(folder, COMPLETE)

    assert ids(check(today=TODAY)) == []


def test_exception_inside_a_rule_covers_it(folder: Path, check: Callable[..., Report]) -> None:
    """A comment at the end of one of the rule's lines must be as good."""
    SELECTOR.apply(folder)
    path = folder / CANARY
    path.write_text(path.read_text().replace(RULE, f"{RULE} {COMPLETE}"))

    assert ids(check(today=TODAY)) == []


def test_exception_has_an_end(folder: Path, check: Callable[..., Report]) -> None:
    """On the day after its end both the exception and what it hid must be findings."""
    SELECTOR.apply(folder)
    waived(folder, COMPLETE)

    assert sorted(ids(check(today=TODAY + dt.timedelta(days=1)))) == ["realm/selector", "waiver/expired"]


def test_exception_covers_no_other_rule(folder: Path, check: Callable[..., Report]) -> None:
    """An exception above another rule must not help, and is not needed there."""
    SELECTOR.apply(folder)
    waived(folder, COMPLETE, above="- record: realm:duri_canary_rollback:increase_15m")

    assert sorted(ids(check(today=TODAY))) == ["realm/selector", "waiver/unused"]


def test_exception_covers_no_other_check(folder: Path, check: Callable[..., Report]) -> None:
    """An exception from one check must not silence another."""
    SELECTOR.apply(folder)
    waived(folder, COMPLETE.replace("realm/selector", "realm/label"))

    assert sorted(ids(check(today=TODAY))) == ["realm/selector", "waiver/unused"]


def test_exception_in_the_configuration_covers_the_next_line(
    folder: Path, check: Callable[..., Report]
) -> None:
    """In prometheus.yml an exception must be for the line below it."""
    Variant("", "config/interval", CONFIG, "scrape_interval: 15s", "scrape_interval: 20s").apply(folder)
    line = next(each for each in (folder / CONFIG).read_text().splitlines() if "scrape_interval" in each)
    waived(folder, COMPLETE.replace("realm/selector", "config/interval"), file=CONFIG, above=line.strip())

    assert ids(check(today=TODAY)) == []


@pytest.mark.parametrize(
    ("comment", "what"),
    [
        (COMPLETE.replace('reason="all realms together" ', ""), "the exception lacks reason"),
        (COMPLETE.replace('owner="sre" ', 'owner="" '), "the exception lacks owner"),
        (COMPLETE.replace(" until=2027-06-30", ""), "the exception lacks until"),
        (COMPLETE.replace("2027-06-30", "2027-06-31"), "expected until=YYYY-MM-DD, found '2027-06-31'"),
        (COMPLETE.replace("realm/selector", "realm/select"), "there is no check 'realm/select'"),
        ("# l4gate-lint: ignore", "the exception lacks disable, reason, owner, until"),
        (COMPLETE.replace("owner", "ownr"), "the exception lacks owner, and does not know ownr"),
    ],
)
def test_incomplete_exception_is_a_finding(
    comment: str, what: str, folder: Path, check: Callable[..., Report]
) -> None:
    """An exception with a part missing or wrong must silence nothing and be said."""
    SELECTOR.apply(folder)
    waived(folder, comment)

    found = {each.id: each.what for each in check(today=TODAY).findings}

    assert found["waiver/invalid"] == what
    assert "realm/selector" in found


def test_unneeded_exception_is_not_judged_when_only_some_checks_are_made(
    folder: Path, check: Callable[..., Report]
) -> None:
    """With `only`, an exception from another check must not be called unneeded."""
    waived(folder, COMPLETE)

    assert ids(check(today=TODAY, only=["rules"])) == []
    assert ids(check(today=TODAY)) == ["waiver/unused"]


def test_an_exception_ends_in_sight(folder: Path, check: Callable[..., Report]) -> None:
    """An end 370 days ahead must be good, and one on the day after it no end at all."""
    SELECTOR.apply(folder)
    waived(folder, COMPLETE)
    end = dt.date(2027, 6, 30)

    assert ids(check(today=end - dt.timedelta(days=370))) == []
    early = check(today=end - dt.timedelta(days=371))
    assert sorted(ids(early)) == ["realm/selector", "waiver/invalid"]
    assert "expected an end at most 370 days ahead, found 2027-06-30" in [
        each.what for each in early.findings
    ]


def test_what_is_waived_is_shown_in_every_form(folder: Path, check: Callable[..., Report]) -> None:
    """A hidden finding must be shown as waived with reason, owner and end, and leave the report clean."""
    SELECTOR.apply(folder)
    waived(folder, COMPLETE)

    report = check(today=TODAY)

    assert report.clean
    assert [each.finding.id for each in report.waived] == ["realm/selector"]
    said = "realm/selector (waived until 2027-06-30 by sre: all realms together): "
    text = as_text(report)
    assert said in text
    assert text.splitlines()[-1].startswith("obs-lint: clean (")
    assert text.splitlines()[-1].endswith(", 1 waived)")
    (found,) = json.loads(as_json(report))["waived"]
    assert (found["reason"], found["owner"], found["until"]) == ("all realms together", "sre", "2027-06-30")
    suite = ET.fromstring(as_junit(report))[0]  # noqa: S314 - our own
    (output,) = suite.iter("system-out")
    assert said in (output.text or "")
    assert suite.get("failures") == suite.get("errors") == "0"
    annotation = as_github(report)
    assert annotation.startswith("::notice file=prometheus/rules/canary.rules.yml,line=")
    assert "title=realm/selector (waived)::" in annotation
    assert "Waived until 2027-06-30 by sre: all realms together" in annotation
