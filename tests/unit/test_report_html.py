"""The HTML report: whole, self-contained, and harmless whatever it quotes."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fixtures import contract
from fixtures.evidence import NOW, cause, good_evidence, report
from l4gate.report import Event, Outcome, RunReport
from l4gate.report.html import render_html
from l4gate.verdict import Stage

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)>\"' & \x1b[32m\x00\ud800"
VOID = {"meta", "rect", "path", "line", "link", "br"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; every tag that opens must close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def runs() -> dict[str, RunReport]:
    firing = frozenset({contract.ABORT_RULES[0].alert})
    nasty = cause(expected=NASTY, found=NASTY, where=NASTY, next_step=NASTY)
    return {
        "GO": report(good_evidence(warnings=(cause(Stage.SCRAPE, "advisory"),))),
        "HOLD": report(
            good_evidence(broken=(nasty,), realm=NASTY), Outcome.FAILED, NASTY, facts={NASTY: NASTY}
        ),
        "ABORT": report(good_evidence(abort_firing=firing), Outcome.NOT_RUN),
    }


@pytest.mark.parametrize("name", ["GO", "HOLD", "ABORT"])
def test_page_is_well_formed_and_alone(name: str) -> None:
    """A page must have its verdict, no script, nothing to fetch and no event handler, whatever it quotes."""
    text = render_html(runs()[name])
    page = Page(text)

    assert text.encode("utf-8")
    assert f"L4 gate: {name}" in page.text
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key in {"src", "href"} or key.startswith("on")]
    assert "prefers-color-scheme: dark" in text


def test_hold_page_says_everything_of_its_cause() -> None:
    """Expected, found, where and next of each cause must be readable, escaped."""
    text = render_html(runs()["HOLD"])

    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert all(f"<dt>{name}</dt>" in text for name in ("expected", "found", "where", "next"))


def test_go_page_has_the_evidence() -> None:
    """Queries, values and sample times of a GO must stand in the page."""
    page = Page(render_html(runs()["GO"]))

    for part in (
        'duri_heartbeat_ok{metric_realm="prod"}',
        "2023-11-14T22:13:19.900Z",
        "0.12",
        "armed, not firing",
    ):
        assert part in page.text


def test_events_become_a_picture() -> None:
    """Verdicts over time must be a picture with a description for those who cannot see it."""
    events = (
        Event(NOW, "verdict", "HOLD"),
        Event(NOW + 5, "verdict", "GO"),
        Event(NOW + 6, "heartbeat", "stopped"),
    )
    page = Page(render_html(replace(report(good_evidence()), events=events)))

    assert "svg" in page.tags
    assert "heartbeat stopped" in page.text
    assert "svg" not in Page(render_html(report(good_evidence()))).tags
