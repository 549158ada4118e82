"""
Who is told, in one run: alertmanager.yml with scaled times and receivers of the run's own.

Routes, groups, mute times and inhibitions stay as they are written. A receiver keeps its name alone: what it calls in
production must not be called because a sandbox practises an ABORT.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import yaml

from l4gate.base import Document, Edit, RuleError, format_duration, read_config, yamldoc

ALERTING_FILE: Final = "alertmanager.yml"
_ROUTE: Final = "route"
_INTERVALS: Final = ("group_wait", "group_interval", "repeat_interval")
_NO_TEMPLATE: Final = "none.tmpl"  # a pattern that matches no file
_RESOLVED: Final = "resolve_timeout"


def rendered_alerting(source: Path, *, factor: float, pager: str) -> str:
    """
    The text of the alertmanager.yml of the folder `source` as it is in a run at this factor.

    `pager` is the URL that every receiver calls, with a slash and its own name at the end; none calls anybody if it is
    empty.

    Raises:
        RuleError: naming file, line and column, if the file cannot be used, or leaves one of the route's intervals to
            its default, which cannot be scaled.
    """
    path = source / ALERTING_FILE
    try:
        document = yamldoc.read(read_config(path).decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: expected a readable file, found: {error}."
        raise RuleError(message) from None
    top = document.mapping(document.root)
    for section in (_ROUTE, "receivers"):
        if section not in top:
            document.fail(document.root, f"expected {section}, found none.")
    names = [
        document.scalar(document.mapping(each)["name"])
        for each in document.sequence(top["receivers"])
        if "name" in document.mapping(each)
    ]
    edits = [_list_in_place(top["receivers"], [_receiver(name, pager) for name in names])]
    # What receivers take from elsewhere: templates, and secrets in files that are not here.
    if "templates" in top:
        edits.append(_list_in_place(top["templates"], [_NO_TEMPLATE]))
    if "global" in top:
        found = document.mapping(top["global"]).get(_RESOLVED)
        kept = {} if found is None else {_RESOLVED: _scaled(document, found, factor)}
        edits.append(Edit(top["global"], json.dumps(kept)))
    return yamldoc.apply(document, [*edits, *_times(document, top[_ROUTE], factor)])


def own_alertmanager(text: str, address: str, name: str) -> str:
    """
    The text of a prometheus.yml that sends its alerts to one address alone, whatever it says, if it sends any.

    Raises:
        RuleError: naming file, line and column, if it cannot be read.
    """
    document = yamldoc.read(text, name)
    section = document.mapping(document.root).get("alerting")
    if not isinstance(section, yaml.MappingNode):
        return text
    found = document.mapping(section).get("alertmanagers")
    if found is None:
        return text
    return yamldoc.apply(document, [_list_in_place(found, [{"static_configs": [{"targets": [address]}]}])])


def _list_in_place(node: yaml.Node, values: list[object]) -> Edit:
    """Another list in the style of the one that is there: a `[` may not stand where a `-` may."""
    items = [json.dumps(value) for value in values]
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return Edit(node, f"\n{' ' * node.start_mark.column}".join(f"- {item}" for item in items))
    return Edit(node, f"[{', '.join(items)}]")


def _receiver(name: str, pager: str) -> dict[str, object]:
    calls = {"webhook_configs": [{"url": f"{pager}/{name}", "send_resolved": True}]} if pager else {}
    return {"name": name, **calls}


def _times(document: Document, route: yaml.Node, factor: float) -> list[Edit]:
    """The edits that scale a route and those below it; the topmost has to name all its intervals."""
    missing = [each for each in _INTERVALS if each not in document.mapping(route)]
    if missing and factor != 1:
        document.fail(
            route, f"expected {' and '.join(missing)} of the route, found none: a default cannot be scaled."
        )
    if factor == 1:
        return []
    edits = []
    for path, node in Document(document.name, document.text, route).walk():
        if path[-1:] and path[-1] in _INTERVALS and isinstance(node, yaml.ScalarNode):
            edits.append(Edit(node, _scaled(document, node, factor)))
    return edits


def _scaled(document: Document, node: yaml.Node, factor: float) -> str:
    """What is rounded here changes when somebody is told by a millisecond, and no meaning."""
    seconds = document.seconds(node)
    return document.scalar(node) if factor == 1 else format_duration(seconds / factor)
