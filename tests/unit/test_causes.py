"""The table of causes and the code that names them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import l4gate

PACKAGE = Path(l4gate.__file__).parent
TABLE = (PACKAGE.parent / "docs" / "causes.md").read_text()
IDS = re.findall(r"^\| `(\S+)` \|", TABLE, re.MULTILINE)


def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]


def test_every_cause_of_the_code_is_in_the_table() -> None:
    """A cause that is written out in the code must be explained in docs/causes.md."""
    named = {
        f"{stage.attr.lower()}/{code.value}"
        for tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Cause" and len(call.args) > 1
        for stage, code in [call.args[:2]]
        if isinstance(stage, ast.Attribute) and isinstance(code, ast.Constant)
    }

    assert len(named) > 30
    assert sorted(named - set(IDS)) == []


def test_every_cause_of_the_table_is_in_the_code() -> None:
    """A cause in docs/causes.md must be one whose code stands in the code, and stand there once."""
    texts = {
        node.value
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert sorted(each for each in IDS if each.partition("/")[2] not in texts) == []
    assert len(set(IDS)) == len(IDS)


def test_causes_stand_in_the_order_of_the_walk() -> None:
    """The table must begin where the walk begins: at the verdict, and end at the writer; the run is apart."""
    stages = list(dict.fromkeys(each.partition("/")[0] for each in IDS))

    assert stages == ["verdict", "query", "rules", "scrape", "transport", "writer", "run"]
