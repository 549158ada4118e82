"""
Every place of a label in rules, prometheus.yml and target lists, and the ways in which each can be made wrong.

Pure: a way is a function that changes plain documents (as YAML has them, without anchors), named by their file. Long
because each kind of place has its ways beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from l4gate import promql

Documents = dict[str, Any]
Change = Callable[[Documents], None]

OTHER: Final = "staging"  # a value or a name that nothing has
ADDED: Final = "instance"  # a label that targets have, so that it tells series apart which belong together
RULES: Final = "rules/"
TARGETS: Final = "targets/"
CONFIG: Final = "prometheus.yml"


@dataclass(frozen=True)
class Place:
    """
    One place: its kind, where it is, and the ways to make it wrong.

    `same` are the ways that change nothing in meaning here; `on` are the operands of a by or on clause.
    """

    kind: str
    where: str
    ways: Mapping[str, Change]
    same: frozenset[str] = frozenset()
    on: tuple[promql.Node, ...] = field(default=(), repr=False)


def places(documents: Documents) -> list[Place]:
    """All places of the documents."""
    found: list[Place] = []
    for file, document in documents.items():
        if file.startswith(RULES):
            found += _of_rules(file, document)
        elif file == CONFIG:
            found += _of_config(document)
        else:
            for number, each in enumerate(document):
                found += _labels("label of a target list", file, [file, number], each)
    return found


def _at(documents: Any, path: list[Any]) -> Any:
    for key in path:
        documents = documents[key]
    return documents


def _labels(kind: str, where: str, path: list[Any], holder: Mapping[str, Any]) -> Iterator[Place]:
    """The entries of the mapping `labels` of what is at a path."""
    for name in holder.get("labels", {}):
        yield Place(
            kind,
            f"{where}, {name}",
            {
                "other value": partial(_set, path=[*path, "labels"], name=name, value=OTHER),
                "other name": partial(_rename, path=[*path, "labels"], name=name),
                "removed": partial(_remove, path=[*path, "labels"], name=name),
                "added": partial(_set, path=[*path, "labels"], name=ADDED, value=OTHER),
            },
        )


def _set(documents: Documents, *, path: list[Any], name: Any, value: Any) -> None:
    _at(documents, path)[name] = value


def _remove(documents: Documents, *, path: list[Any], name: Any) -> None:
    del _at(documents, path)[name]


def _rename(documents: Documents, *, path: list[Any], name: str) -> None:
    holder = _at(documents, path)
    holder[f"{OTHER}_{name}"] = holder.pop(name)


# Rules


def _of_rules(file: str, document: Any) -> Iterator[Place]:
    for group_number, group in enumerate(document["groups"]):
        for number, rule in enumerate(group["rules"]):
            path: list[Any] = [file, "groups", group_number, "rules", number]
            kind = "record" if "record" in rule else "alert"
            where = f"{file}, {rule[kind]}"
            yield from _labels(f"label of a {kind}", where, path, rule)
            tree = promql.parse(rule["expr"])
            for node in promql.walk(tree):
                yield from _of_node(where, path, rule.get("labels", {}), tree, node)


def _of_node(
    where: str, path: list[Any], own: Mapping[str, str], tree: promql.Node, node: promql.Node
) -> Iterator[Place]:
    def ways(found: Mapping[str, promql.Node]) -> dict[str, Change]:
        return {
            way: partial(_set, path=path, name="expr", value=_put(tree, node, new))
            for way, new in found.items()
        }

    match node:
        case promql.Selector(name=name, matchers=matchers):
            for number, each in enumerate(matchers):
                wrongs = _wrong_matchers(matchers, number)
                shown = f"{name}{{{each.label}{each.op}{each.value}}}"
                changed = {way: replace(node, matchers=wrong) for way, wrong in wrongs.items()}
                plain = each.op == "=" and each.value.isalnum()
                yield Place(
                    "matcher",
                    f"{where}, {shown}",
                    ways(changed),
                    frozenset({"the same as a regex"} if plain else ()),
                )
        case promql.Aggregate(grouping=grouping) if grouping:
            for number, label in enumerate(grouping):
                changed = {
                    way: replace(node, grouping=wrong)
                    for way, wrong in _wrong_names(grouping, number).items()
                }
                # The rule gives back the label that every sample has.
                given = label in own and node == _result(tree) and _pinned(node, label) == own[label]
                same = frozenset({"removed", "other name"} if given else ())
                yield Place("by", f"{where}, {node.op} by {label}", ways(changed), same, (node.expr,))
        case promql.Binary(matching=matching) if matching is not None:
            on = (node.lhs, node.rhs)
            for number in range(max(len(matching.labels), 1)):
                lists = _wrong_names(matching.labels, number)
                changed = {
                    way: replace(node, matching=replace(matching, labels=wrong))
                    for way, wrong in lists.items()
                }
                both = {_pinned(side, label) for side in on for label in matching.labels[number : number + 1]}
                same = frozenset({"removed", "other name"} if len(both) == 1 and None not in both else ())
                yield Place("on", f"{where}, {node.op} on {matching.labels}", ways(changed), same, on)


def _wrong_matchers(
    matchers: tuple[promql.Matcher, ...], number: int
) -> dict[str, tuple[promql.Matcher, ...]]:
    each = matchers[number]
    before, after = matchers[:number], matchers[number + 1 :]
    return {
        "other value": (*before, replace(each, value=OTHER), *after),
        "other name": (*before, replace(each, label=f"{OTHER}_{each.label}"), *after),
        "removed": (*before, *after),
        "added": (*matchers, promql.Matcher(ADDED, "=", OTHER)),
        "regex in place of equality": (*before, replace(each, op="=~", value=f"{each.value}.*"), *after),
        "the same as a regex": (*before, replace(each, op="=~"), *after),
    }


def _wrong_names(names: tuple[str, ...], number: int) -> dict[str, tuple[str, ...]]:
    added = {"added": (*names, ADDED)}
    if not names:
        return added
    before, after = names[:number], names[number + 1 :]
    return {
        "other name": (*before, f"{OTHER}_{names[number]}", *after),
        "removed": (*before, *after),
        **added,
    }


def _result(tree: promql.Node) -> promql.Node:
    """What gives a rule its labels: the expression, without a fallback that is taken where it gives nothing at all."""
    match promql.strip_parens(tree):
        case promql.Binary(op="or", lhs=lhs, matching=promql.Matching(on=True, labels=())):
            return promql.strip_parens(lhs)
        case found:
            return found


def _pinned(node: promql.Node, label: str) -> str | None:
    """The one value of a label that everything read below a node has; None if there is none."""
    found = [
        {each.value for each in selector.matchers if each.label == label and each.op == "="}
        for selector in promql.selectors(node)
    ]
    values = set().union(*found)
    return values.pop() if all(found) and len(values) == 1 else None


def _put(tree: promql.Node, place: promql.Node, new: promql.Node) -> str:
    """The text of the tree with a node exchanged: by place, as the same expression often stands twice."""

    def change(node: promql.Node) -> promql.Node:
        return new if node.span == place.span and type(node) is type(place) else node

    return promql.to_text(promql.transform(tree, change))


# prometheus.yml


def _of_config(config: Any) -> Iterator[Place]:
    for number, job in enumerate(config["scrape_configs"]):
        path: list[Any] = [CONFIG, "scrape_configs", number]
        where = f"{CONFIG}, job {job['job_name']}"
        yield Place(
            "job_name",
            where,
            {"other value": partial(_set, path=path, name="job_name", value=f"{OTHER}-{job['job_name']}")},
        )
        honors = not job.get("honor_labels", False)
        yield Place(
            "honor_labels",
            where,
            {"other value": partial(_set, path=path, name="honor_labels", value=honors)},
        )
        for entry, each in enumerate(job.get("static_configs", ())):
            yield from _labels("static label", where, [*path, "static_configs", entry], each)
        for key in ("relabel_configs", "metric_relabel_configs"):
            for entry, step in enumerate(job.get(key, ())):
                yield from _of_step(f"{where}, {key} {entry}", [*path, key, entry], step)


def _of_step(where: str, path: list[Any], step: Mapping[str, Any]) -> Iterator[Place]:
    names = tuple(step.get("source_labels", ()))
    for number, name in enumerate(names):
        yield Place(
            "source label",
            f"{where}, {name}",
            {
                way: partial(_set, path=path, name="source_labels", value=list(wrong))
                for way, wrong in _wrong_names(names, number).items()
            },
        )
    if "target_label" in step:
        other = f"{OTHER}_{step['target_label']}"
        yield Place(
            "target label", where, {"other name": partial(_set, path=path, name="target_label", value=other)}
        )
    regex = step.get("regex")
    if regex is None:
        return
    ways: dict[str, Change] = {
        "other value": partial(_set, path=path, name="regex", value=f"{OTHER}_{regex}"),
        "removed": partial(_remove, path=path, name="regex"),
    }
    for number, less in enumerate(_without_one(regex)):
        ways[f"alternative {number} removed"] = partial(_set, path=path, name="regex", value=less)
    yield Place("regex of relabelling", f"{where}, {regex}", ways)


def _without_one(regex: str) -> Iterator[str]:
    """The expression without one of its outermost alternatives, or of those of its groups."""
    for found in re.finditer(r"[^|()]+", regex):
        text = regex[: found.start()] + regex[found.end() :]
        if "|" in (regex[found.start() - 1 : found.start()], regex[found.end() : found.end() + 1]):
            yield re.sub(r"\|\|", "|", re.sub(r"(^|\()\||\|($|\))", r"\1\2", text))
