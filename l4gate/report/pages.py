"""
Pages and pictures from the templates beside this module: self-contained, no script, light or dark as the reader has it.

Every text that a template is given is escaped: a server's words, labels and log lines are data, whatever they contain.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def render(template: str, **context: object) -> Markup:
    """A filled template. What it returns is safe to be put into another one as it is."""
    # Autoescape is on for every template, so what comes out holds no markup but the template's own.
    return Markup(_templates().get_template(template).render(context))  # noqa: S704


def _shown(value: object) -> object:
    """A text without what no page can show, which becomes a replacement character."""
    return value if isinstance(value, Markup) else _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))


@cache
def _templates() -> Environment:
    from jinja2 import (
        Environment,
        PackageLoader,
        StrictUndefined,
    )  # 60 ms, which `l4gate decide` need not wait

    return Environment(
        loader=PackageLoader("l4gate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
