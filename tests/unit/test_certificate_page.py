"""The certificate's page and picture: whole, self-contained, and harmless whatever they quote."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import jinja2
import pytest

from fixtures.contract import ABORT_RULES, CERTIFICATE, LYAPUNOV, pace
from l4gate.certificate import Certificate, SeriesHistory, Window
from l4gate.certificate.judging import certify
from l4gate.report.certificate_page import certificate_html, certificate_svg
from l4gate.report.pages import render

START = 1_700_000_000.0
NASTY = "<script>alert(1)</script>\"' &\x00\ud800"


def certified(realm: str) -> tuple[Certificate, dict[str, SeriesHistory]]:
    """A certificate of an hour without a single sample: everything in it is violated."""
    names = {criterion.metric for criterion in CERTIFICATE} | {rule.metric for rule in ABORT_RULES}
    histories = {name: SeriesHistory() for name in (*names, LYAPUNOV)}
    window = Window(START, START + 3600, pace(1.0))
    return certify(realm, window, CERTIFICATE, histories, {}), histories


def test_hostile_facts_and_realms_are_text() -> None:
    """A page must show foreign text as text, and nothing that no page can show."""
    page = certificate_html(*certified(NASTY), {NASTY: NASTY})

    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    assert page.encode("utf-8")
    assert "\x00" not in page


def test_the_page_says_what_keeps_the_next_level_away() -> None:
    """Every reason, every criterion and every fact must stand in the page."""
    certificate, histories = certified("prod")
    page = certificate_html(certificate, histories, {"server": "http://here"})

    assert "What keeps L4.7 away" in page
    assert page.count('<td class="state hold">not met</td>') == len(certificate.results)
    assert "<td>server</td><td><code>http://here</code></td>" in page


def test_the_picture_is_a_file_of_its_own_whatever_the_realm() -> None:
    """The SVG must be well-formed XML, also when its title quotes control characters."""
    svg = ET.fromstring(certificate_svg(*certified(NASTY)))  # noqa: S314 - our own text

    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert not list(svg.iter("script"))


def test_a_value_that_is_not_given_is_an_error() -> None:
    """A template must NOT show an empty place for what nobody gave it."""
    with pytest.raises(jinja2.UndefinedError):
        render("page.html", title="T", kind="go", headline="H")  # and no subtitle
