"""Every wrong variant is noticed by the check that is there for it, and every check notices something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from l4gate.lint.engine import CATALOGUE, Report
from tests.lint.variants import TODAY, VARIANTS, Variant


@pytest.mark.parametrize("variant", VARIANTS, ids=[f"{each.id}: {each.what}" for each in VARIANTS])
def test_wrong_variant_is_noticed(variant: Variant, folder: Path, check: Callable[..., Report]) -> None:
    """The finding must carry the named id and point at a line of an existing file, or at a file."""
    variant.apply(folder)

    asked: dict[str, None] = {} if variant.id.startswith("promtool/") else {"promtool": None}
    found = {each.id: each for each in check(today=TODAY, **asked).findings}

    assert variant.id in found
    place = found[variant.id].place
    path = folder.parent / place.file
    assert path.exists()
    assert place.line <= len(path.read_text().splitlines()) if path.is_file() else place.line == 0


def test_every_check_has_a_wrong_variant() -> None:
    """Every check must have a variant that tests it, and every variant must name a check that is there."""
    assert {each.id for each in VARIANTS} == set(CATALOGUE)
