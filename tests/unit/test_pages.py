"""The pages of docs/ that are made from registers say what the registers say."""

from __future__ import annotations

import pytest

from tests.support.pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_made_page_is_up_to_date(name: str) -> None:
    """Each page must be what its register makes of it; `make docs` writes it."""
    assert (DOCS / name).read_text() == PAGES[name]()
