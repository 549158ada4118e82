"""Texts for XML, whatever is in them."""

from __future__ import annotations

import re
from typing import Final

_NOT_XML: Final = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """XML 1.0 has no way to write control characters; a server's words may hold them."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
