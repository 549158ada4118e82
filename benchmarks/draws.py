"""A configuration to draw label mismatches from; what changes nothing in meaning is none."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.places import ADDED, CONFIG, OTHER, RULES, TARGETS, Documents, Place, places
from fixtures.contract import (
    DEFAULT_REALM,
    INPUTS,
    PUSH_JOB,
    RAW_SEQ,
    RAW_TS,
    REALM_LABEL,
    RECORDED,
    SERVICE_PUSH_JOB,
)
from l4gate import promql
from l4gate.scraping import ADDRESS, ScrapeJob

# What may come by a scrape beside what the contract names; promised elsewhere not to pass, or read by the gate.
_PROBED: Final = (
    *("up", "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "a:b", "node_textfile_scrape_error"),
    *("prometheus_config_last_reload_successful", "push_time_seconds", "push_failure_time_seconds"),
)


@dataclass(frozen=True)
class Drawn:
    """A mismatch of files: where, how, and the files that it changes, as they are then."""

    kind: str
    where: str
    way: str
    changed: Documents = field(repr=False)

    def __str__(self) -> str:
        return f"{self.where}: {self.way}"


@dataclass
class Files:
    """The configuration as plain documents, and what can be drawn from it."""

    source: Path
    documents: Documents

    @classmethod
    def read(cls, source: Path) -> Files:
        """Those of a configuration folder; anchors are written out, so that each place is a place of its own."""
        found = {}
        for path in sorted(source.rglob("*.yml")):
            name = path.relative_to(source).as_posix()
            if name == CONFIG or name.startswith((RULES, TARGETS)):
                found[name] = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8"))))
        return cls(source, found)

    @cached_property
    def places(self) -> list[Place]:
        """Every place of a label."""
        return places(self.documents)

    @cached_property
    def _recorded(self) -> dict[str, tuple[promql.Node, set[str]]]:
        """The expression and the own labels of what is recorded once."""
        rules = [rule for rule in rules_of(self.documents) if "record" in rule]
        return {each["record"]: (promql.parse(each["expr"]), set(each.get("labels", ()))) for each in rules}

    def _lacks(self, node: promql.Node) -> bool:
        """Whether nothing that an expression gives has the added label, as far as the text tells."""
        match promql.strip_parens(node):
            case promql.Aggregate(grouping=grouping, without=False):
                return ADDED not in grouping
            case promql.Binary(lhs=lhs, rhs=rhs):
                return self._lacks(lhs) and self._lacks(rhs)
            case promql.Selector(name=str(name)) if name in self._recorded:
                tree, own = self._recorded[name]
                return ADDED not in own and self._lacks(tree)
            case found:
                return promql.is_scalar(found)

    def drawn(self, place: Place, way: str) -> Drawn | None:
        """A place made wrong in one way; None if that changes nothing in meaning."""
        documents = copy.deepcopy(self.documents)
        place.ways[way](documents)
        changed = {name: each for name, each in documents.items() if each != self.documents[name]}
        if (
            not changed
            or way in place.same
            or self._is_nothing(place, way)
            or self._matches_as_much(place, way)
        ):
            return None
        if CONFIG in changed and _same_samples(self.documents, documents, place.kind):
            return None
        return Drawn(place.kind, place.where, way, changed)

    def _matches_as_much(self, place: Place, way: str) -> bool:
        """Whether a regex matches no other value, of a label whose values all stand in the files; realms do not."""
        if place.kind != "matcher" or way != "regex in place of equality":
            return False
        label, value = place.where.rpartition("{")[2].rstrip("}").partition("=")[::2]
        return label != REALM_LABEL and [each for each in self._values(label) if each.startswith(value)] == [
            value
        ]

    def _values(self, label: str) -> set[str]:
        """The values that the files give a label: job names, labels of records, and those that expressions make."""
        found = {
            rule.get("labels", {}).get(label, "") for rule in rules_of(self.documents) if "record" in rule
        }
        if label == "job":
            found |= {PUSH_JOB, SERVICE_PUSH_JOB}
            found |= {job["job_name"] for job in self.documents[CONFIG]["scrape_configs"]}
        for rule in rules_of(self.documents):
            for node in promql.walk(promql.parse(rule["expr"])):
                match node:
                    case promql.Call(
                        func="label_replace",
                        args=(_, promql.String(value=name), promql.String(value=value), *_),
                    ):
                        found |= {value} if name == label else set()
        return found

    def _is_nothing(self, place: Place, way: str) -> bool:
        if way != "added":
            return False
        if place.on:  # a label that none of the operands has
            return all(map(self._lacks, place.on))
        # Of an alert or a target, a label that nothing asks for.
        kinds = ("label of a alert", "static label", "label of a target list")
        return place.kind in kinds and ADDED not in clause_labels(self.documents)


def _same_samples(before: Documents, after: Documents, kind: str) -> bool:
    """Whether relabelling that differs does the same to everything that anybody reads or must not be able to send."""
    if kind not in ("source label", "target label", "regex of relabelling"):
        return False
    return _samples(before) == _samples(after)


def _samples(documents: Documents) -> list[Any]:
    own = {REALM_LABEL: DEFAULT_REALM}
    claims: list[dict[str, str]] = [{}, own, {REALM_LABEL: OTHER}, {"job": OTHER}, {"instance": OTHER}]
    claims += [{**own, "job": OTHER}, {**own, "instance": OTHER}, {f"exported_{REALM_LABEL}": OTHER}]
    found = []
    for config in documents[CONFIG]["scrape_configs"]:
        job = ScrapeJob.read(config)
        target = job.target({ADDRESS: "host:1", **own})
        for name in (RAW_TS, RAW_SEQ, *INPUTS, *RECORDED, *_PROBED):
            found += [target and job.sample({"__name__": name, **claim}, target) for claim in claims]
    return found


def clause_labels(documents: Documents) -> set[str]:
    """Every label that a matcher, by or on clause of the rules names."""
    found: set[str] = set()
    for rule in rules_of(documents):
        for node in promql.walk(promql.parse(rule["expr"])):
            match node:
                case promql.Selector(matchers=matchers):
                    found |= {each.label for each in matchers}
                case promql.Aggregate(grouping=grouping):
                    found |= set(grouping)
                case promql.Binary(matching=promql.Matching(labels=labels, include=include)):
                    found |= {*labels, *include}
    return found


def rules_of(documents: Documents) -> Iterator[dict[str, Any]]:
    """Every rule of every group."""
    for file, document in documents.items():
        if file.startswith(RULES):
            yield from (rule for group in document["groups"] for rule in group["rules"])
