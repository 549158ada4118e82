"""The realm inside the relabelling steps of a configuration, where a run is of another one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml

from l4gate.base import Document, Edit, yamldoc
from l4gate.contract import Contract

_STEPS: Final = (("relabel_configs",), ("metric_relabel_configs",))
_PLAIN_SCALAR: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")


def plain_or_quoted(value: str) -> str:
    """A text as a YAML scalar."""
    return value if _PLAIN_SCALAR.fullmatch(value) else yamldoc.quote(value)


def relabelling_edits(document: Document, realm: str, contract: Contract) -> Iterator[Edit]:
    """The realm where a relabelling step writes it, or looks at it alone."""
    ours = contract.realm
    for keys, node in document.walk():
        if keys[-1:] not in _STEPS or not isinstance(node, yaml.MappingNode):
            continue
        step = {key.value: value for key, value in node.value}
        label, sources = step.get("target_label"), step.get("source_labels")
        if label is not None and label.value == ours.label:
            yield from _realm_edit(step.get("replacement"), realm, ours.default)
        if sources is not None and [each.value for each in sources.value] == [ours.label]:
            yield from _realm_edit(step.get("regex"), realm, ours.default)


def _realm_edit(node: yaml.Node | None, realm: str, default: str) -> Iterator[Edit]:
    if node is not None and node.value == default != realm:
        yield Edit(node, plain_or_quoted(realm))
