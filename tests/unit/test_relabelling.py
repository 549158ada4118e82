"""Relabelling, and what becomes of targets and samples, as Prometheus does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from l4gate.base import RuleError
from l4gate.scraping import ScrapeJob, relabel, relabellings

LABELS = {"__name__": "m", "a": "foo", "b": "bar", "c": "Baz", "e": "baz", "long": "duri_" * 20}

# What a step changes of LABELS ("" for a label that is gone); None if it drops them.
STEPS: Mapping[str, tuple[dict[str, Any], dict[str, str] | None]] = {
    "replace by default": ({"source_labels": ["a"], "target_label": "d"}, {"d": "foo"}),
    "an anchored expression": ({"source_labels": ["a"], "regex": "fo", "target_label": "d"}, {}),
    "an expression with an alternative": (
        {"source_labels": ["a"], "regex": "f|foo", "target_label": "d"},
        {"d": ""},
    ),
    "two sources": (
        {"source_labels": ["a", "b"], "regex": "(f.*);(.*r)", "replacement": "$2${1}x", "target_label": "d"},
        {"d": "barfoox"},
    ),
    "another separator": (
        {"source_labels": ["a", "b"], "separator": "", "target_label": "d"},
        {"d": "foobar"},
    ),
    "a reference as long as it can be": (
        {"source_labels": ["a"], "regex": "(.*)", "replacement": "$1x", "target_label": "d"},
        {"d": ""},
    ),
    "a named reference": (
        {"source_labels": ["a"], "regex": "(?P<all>.*)", "replacement": "$all-$$1", "target_label": "d"},
        {"d": "foo-$1"},
    ),
    "a target by reference": (
        {"source_labels": ["a"], "regex": "f(.*)", "replacement": "x", "target_label": "l_$1"},
        {"l_oo": "x"},
    ),
    "a constant": ({"replacement": "x", "target_label": "d"}, {"d": "x"}),
    "nothing for something": ({"replacement": "", "target_label": "a"}, {"a": ""}),
    "keep": ({"source_labels": ["a"], "regex": "foo", "action": "keep"}, {}),
    "keep another": ({"source_labels": ["a"], "regex": "bar", "action": "keep"}, None),
    "drop": ({"source_labels": ["a"], "regex": "f.o", "action": "drop"}, None),
    "a class of Unicode": ({"source_labels": ["a"], "regex": r"\pL+", "action": "drop"}, None),
    "a class of POSIX": ({"source_labels": ["a"], "regex": "[[:alpha:]]+", "action": "drop"}, None),
    "a literal brace": ({"source_labels": ["a"], "regex": "fo{,2}", "action": "drop"}, {}),
    "a group that is not there": (
        {"source_labels": ["a"], "regex": "(.*)", "replacement": "${99999999999}x", "target_label": "d"},
        {"d": "x"},
    ),
    "an expression that tries everything": (
        {"source_labels": ["long"], "regex": r"((\w+)+)+!", "action": "drop"},
        {},
    ),
    "drop another": ({"source_labels": ["a"], "regex": "f", "action": "drop"}, {}),
    "drop what is not there": ({"source_labels": ["z"], "regex": "", "action": "drop"}, None),
    "no expression": ({"source_labels": ["z"], "regex": None, "action": "drop"}, None),
    "keepequal": ({"source_labels": ["a"], "target_label": "b", "action": "keepequal"}, None),
    "dropequal": ({"source_labels": ["a"], "target_label": "a", "action": "dropequal"}, None),
    "hashmod": (
        {"source_labels": ["e"], "target_label": "d", "action": "hashmod", "modulus": 1000},
        {"d": "976"},
    ),
    "labelmap": (
        {"regex": "(a|b)", "replacement": "my_$1", "action": "labelmap"},
        {"my_a": "foo", "my_b": "bar"},
    ),
    "labeldrop": ({"regex": "a|b", "action": "labeldrop"}, {"a": "", "b": ""}),
    "labelkeep": (
        {"regex": "__name__|a", "action": "labelkeep"},
        {"b": "", "c": "", "e": "", "long": ""},
    ),
    "lowercase": ({"source_labels": ["c"], "target_label": "c", "action": "lowercase"}, {"c": "baz"}),
    "uppercase": ({"source_labels": ["c"], "target_label": "c", "action": "uppercase"}, {"c": "BAZ"}),
    "an action in capitals": ({"source_labels": ["a"], "regex": "foo", "action": "Drop"}, None),
}


@pytest.mark.parametrize(("step", "changed"), STEPS.values(), ids=STEPS)
def test_a_step_does_what_prometheus_does(step: dict[str, Any], changed: dict[str, str] | None) -> None:
    """Each action must change, keep or drop what it does in Prometheus, with the same defaults."""
    found = relabel(LABELS, relabellings([step]))

    expected = None if changed is None else {k: v for k, v in {**LABELS, **changed}.items() if v}
    assert found == expected


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ({"action": "rename"}, "rename"),
        ({"regex": r"\C", "action": "drop"}, r"\C"),
        ({"regex": "a{1001}", "action": "drop"}, "a{1001}"),
        ({"regex": "((((a{1000}){1000}){1000})", "action": "drop"}, "a{1000}"),
        ({"regex": "(" * 20_000, "action": "drop"}, "(((("),
        ({"regex": "(?!up).*", "action": "drop"}, "(?!up)"),
        ({"regex": "(", "action": "drop"}, "'('"),
        ({"source_labels": ["a"]}, "target_label"),
        ({"action": "hashmod", "target_label": "d"}, "modulus"),
        ({"action": "drop", "negate": True}, "negate"),
        ({"action": "drop", "source_labels": "a"}, "source_labels 'a'"),
        ({"action": "drop", "regex": ["a"]}, "regex ['a']"),
        ("drop", "'drop'"),
    ],
)
def test_what_is_not_understood_is_named(step: object, named: str) -> None:
    """A step that is not understood must be an error that names it, and never be passed over."""
    with pytest.raises(RuleError) as caught:
        relabellings([step])

    assert named in caught.value.message


def test_a_label_that_only_some_versions_allow_is_not_understood() -> None:
    """A name that Prometheus 2 refuses and 3 takes must not be guessed about."""
    steps = relabellings([{"source_labels": ["a"], "target_label": "$1", "replacement": "x"}])

    with pytest.raises(RuleError, match="a label of the name 'a-b'"):
        relabel({"a": "a-b"}, steps)


def job(**settings: object) -> ScrapeJob:
    return ScrapeJob.read({"job_name": "j", **settings})


OWNER = {"job": "j", "instance": "h:1", "realm": "prod"}


@pytest.mark.parametrize(
    ("own", "honored", "exported"),
    [
        ({}, {}, {}),
        ({"job": "x"}, {"job": "x"}, {"exported_job": "x"}),
        ({"job": ""}, {"job": ""}, {}),
        (
            {"job": "x", "exported_job": "y"},
            {"job": "x", "exported_job": "y"},
            {"exported_job": "y", "exported_exported_job": "x"},
        ),
    ],
)
def test_labels_of_a_sample(own: dict[str, str], honored: dict[str, str], exported: dict[str, str]) -> None:
    """With honor_labels a sample's own label must win, an empty one too; without, it must become exported_."""
    name = {"__name__": "m"}

    for honors, changed in ((True, honored), (False, exported)):
        found = job(honor_labels=honors).sample({**name, **own}, OWNER)
        assert found == {k: v for k, v in {**name, **OWNER, **changed}.items() if v}


def test_metric_relabelling_sees_the_targets_labels() -> None:
    """A sample must be judged with the target's labels merged, and dropped when it loses its name."""
    drop = [{"source_labels": ["realm"], "regex": "prod", "action": "drop"}]
    nameless = [{"regex": "__name__", "action": "labeldrop"}]

    assert job(metric_relabel_configs=drop).sample({"__name__": "m"}, OWNER) is None
    assert job(metric_relabel_configs=nameless).sample({"__name__": "m"}, OWNER) is None


def test_labels_of_a_target() -> None:
    """A target must have the job's name, its address for an instance, and what relabelling makes of them."""
    discovered = {"__address__": "h:1", "__meta_x": "y", "realm": "prod"}
    moved = [{"source_labels": ["__meta_x"], "target_label": "x"}]
    elsewhere = [{"replacement": "/other", "target_label": "__metrics_path__"}]
    gone = [{"source_labels": ["__address__"], "regex": "h:.*", "action": "drop"}]

    found = job(relabel_configs=[*moved, *elsewhere]).target(discovered)

    assert found is not None
    assert {k: v for k, v in found.items() if not k.startswith("__")} == {**OWNER, "x": "y"}
    assert found["__metrics_path__"] == "/other"
    assert "__meta_x" not in found
    assert job(relabel_configs=gone).target(discovered) is None
    assert job().target({}) is None
