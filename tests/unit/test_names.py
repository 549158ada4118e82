"""Claims about the names in l4gate: one name, one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_two_classes_have_one_name() -> None:
    """A class of l4gate must have a name that no other has; a protocol may bear that of what it stands for."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "l4gate").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert places
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
