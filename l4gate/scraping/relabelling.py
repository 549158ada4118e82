"""
Relabelling as Prometheus does it (prometheus/prometheus, model/relabel): labels in, labels out, or dropped.

What is not understood is an error and never ignored: an unknown action, a key of a later version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

from l4gate.base import RuleError, keep_deadline
from l4gate.promql import MOST_CHARACTERS

Labels = dict[str, str]

_DEFAULTS: Final[Mapping[str, Any]] = {
    "source_labels": (),
    "separator": ";",
    "regex": "(.*)",
    "modulus": 0,
    "target_label": "",
    "replacement": "$1",
    "action": "replace",
}
ACTIONS: Final = frozenset(
    {"replace", "keep", "drop", "keepequal", "dropequal", "hashmod"}
    | {"labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"}
)
_WITH_TARGET: Final = frozenset({"replace", "keepequal", "dropequal", "hashmod", "lowercase", "uppercase"})
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_REFERENCE: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)
# RE2 is what Go's regular expressions are, and takes linear time over whatever somebody wrote; `\C` Go does not have.
_GO: Final = re2.Options()
_GO.dot_nl = True  # Prometheus compiles `^(?s:...)$`
_GO.log_errors = False
_DIGITS: Final = 6  # of a group's number; an expression has at most thousands
_NOT_IN_GO: Final = "\\C"  # and RE2 floods stderr over an expression of megabytes


@dataclass(frozen=True)
class Relabelling:
    """One step of relabel_configs or metric_relabel_configs, with Prometheus' defaults filled in."""

    source_labels: tuple[str, ...]
    separator: str
    regex: str
    modulus: int
    target_label: str
    replacement: str
    action: str

    @classmethod
    def read(cls, config: object) -> Relabelling:
        """
        A step from its configuration.

        Raises:
            RuleError: naming what is not understood.
        """
        if not isinstance(config, Mapping):
            raise _not_understood(f"{config!r} is no mapping")
        unknown = sorted(map(str, set(config) - set(_DEFAULTS)))
        if unknown:
            raise _not_understood(f"the key {', '.join(unknown)}")
        found = {**_DEFAULTS, **config}
        found["regex"] = _text(found["regex"] if found["regex"] is not None else "", "regex")
        for key in ("separator", "target_label", "replacement", "action"):
            found[key] = _text(found[key], key)
        sources = found["source_labels"]
        if not isinstance(sources, (list, tuple)) or not all(isinstance(each, str) for each in sources):
            raise _not_understood(f"source_labels {sources!r}")
        if type(found["modulus"]) is not int or found["modulus"] < 0:
            raise _not_understood(f"modulus {found['modulus']!r}")
        step = cls(**{**found, "source_labels": tuple(sources), "action": found["action"].lower()})
        step.check()
        return step

    def check(self) -> None:
        """
        Whether Prometheus takes this step, and we know what it does.

        Raises:
            RuleError: if not.
        """
        if self.action not in ACTIONS:
            raise _not_understood(f"the action {self.action!r}")
        if self.action in _WITH_TARGET and not self.target_label:
            raise _not_understood(f"{self.action} without target_label")
        if self.action == "hashmod" and not self.modulus:
            raise _not_understood("hashmod without modulus")
        _compiled(self.regex)

    def matches(self, value: str) -> bool:
        """Whether the regular expression matches the whole of a value."""
        return _compiled(self.regex).fullmatch(value) is not None


def relabellings(configs: object) -> tuple[Relabelling, ...]:
    """
    The steps of a list of them; none for an empty or missing one.

    Raises:
        RuleError: naming what is not understood.
    """
    if configs is None:
        return ()
    if not isinstance(configs, list):
        raise _not_understood(f"{configs!r} is no list of relabelling steps")
    return tuple(map(Relabelling.read, configs))


def relabel(labels: Mapping[str, str], steps: Iterable[Relabelling]) -> Labels | None:
    """
    The labels after all steps, without empty ones; None if a step drops them.

    Raises:
        RuleError: if a step would write a label of a name that only some versions of Prometheus allow.
    """
    found = {name: value for name, value in labels.items() if value}
    for step in steps:
        if not _keeps(found, step):
            return None
        found = {name: value for name, value in _changed(found, step).items() if value}
    return found


def _source(labels: Labels, step: Relabelling) -> str:
    return step.separator.join(labels.get(name, "") for name in step.source_labels)


def _keeps(labels: Labels, step: Relabelling) -> bool:
    match step.action:
        case "keep" | "drop":
            return step.matches(_source(labels, step)) == (step.action == "keep")
        case "keepequal" | "dropequal":
            same = labels.get(step.target_label, "") == _source(labels, step)
            return same == (step.action == "keepequal")
        case _:
            return True


def _changed(labels: Labels, step: Relabelling) -> Labels:
    value, target = _source(labels, step), step.target_label
    changed = {}
    match step.action:
        case "replace":
            found = _compiled(step.regex).fullmatch(value)
            if found is not None:
                changed = {_label_name(_expanded(target, found)): _expanded(step.replacement, found)}
        case "lowercase":
            changed = {target: value.lower()}
        case "uppercase":
            changed = {target: value.upper()}
        case "hashmod":
            digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
            changed = {target: str(int.from_bytes(digest[8:], "big") % step.modulus)}
        case "labeldrop" | "labelkeep":
            changed = {name: "" for name in labels if step.matches(name) == (step.action == "labeldrop")}
        case "labelmap":
            for name, text in labels.items():
                found = _compiled(step.regex).fullmatch(name)
                if found is not None:
                    changed[_label_name(_expanded(step.replacement, found))] = text
    return {**labels, **changed}


def _expanded(template: str, found: Any) -> str:
    """The template with `$1`, `${name}` and `$$` replaced as Go does: what the expression does not have is empty."""

    def group(reference: re.Match[str]) -> str:
        name = reference[2] or reference[3]
        if reference[1]:
            return "$"
        key: str | int = int(name[:_DIGITS]) if name.isdecimal() else name
        try:
            return found[key] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(group, template)


def _label_name(name: str) -> str:
    if not _LABEL_NAME.fullmatch(name):
        raise _not_understood(f"a label of the name {name!r}")
    return name


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> Any:
    """The expression compiled by `re2`, which has the interface of `re`."""
    try:
        keep_deadline("reading the configuration")  # thousands of them, a millisecond each
        if _NOT_IN_GO not in regex and len(regex) <= MOST_CHARACTERS:
            return re2.compile(regex, _GO)
    except (re2.error, UnicodeEncodeError):
        pass
    raise _not_understood(f"the regular expression {regex!r:.200}")


def _text(value: object, key: str) -> str:
    """A scalar as Prometheus takes it for a text."""
    if isinstance(value, str):
        return value
    if type(value) in (int, float):
        return str(value)
    raise _not_understood(f"{key} {value!r}")


def _not_understood(what: str) -> RuleError:
    return RuleError(f"expected relabelling as Prometheus knows it, found {what}, which is not understood.")
