"""The manual of the lint says what the lint does."""

from __future__ import annotations

import re

from l4gate.lint.engine import CATALOGUE
from tests.lint import manual


def test_every_link_leads_to_a_section() -> None:
    """Each finding's link must be the anchor of a heading, as Markdown renderers make it."""
    headings = re.findall(r"(?m)^### (.+)$", manual.render())
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    assert {each.link.partition("#")[2] for each in CATALOGUE.values()} == anchors
