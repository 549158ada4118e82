"""Faults of the rules that the server has loaded, and of what they record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import yaml

from l4gate.base import StackError, Verdict
from l4gate.contract import Contract
from l4gate.faults.edits import Named, edited, foreign_rule, rule_changed, rule_set
from l4gate.faults.model import Action, Fault, Site
from l4gate.faults.tools import of_the_service, other_realm


def _differs(name: str, says: str, action: Action, *also: str) -> Fault:
    return Fault(f"rules/{name}", says, action, Verdict.HOLD, "rules/rules-differ", also=also)


def _decides(contract: Contract) -> str:
    return contract.heartbeat.ok


def _fresh(contract: Contract) -> str:
    return contract.heartbeat.fresh.metric


def _alert(contract: Contract) -> str:
    return of_the_service(contract).alert


def _expression(named: Named, expr: str) -> Action:
    return rule_set(named, lambda _site: {"expr": expr})


def _without(named: Named) -> Action:
    return rule_changed(named, lambda rules, rule, _site: rules.remove(rule))


def _higher_limit(site: Site) -> dict[str, Any]:
    """A limit ten times as far off, on the side where the condition does not hold."""
    condition = of_the_service(site.contract)
    selector = site.contract.selector(condition.metric, site.realm)
    off = 9 * (abs(condition.threshold) or 1)
    limit = condition.threshold + (off if condition.op in (">", ">=") else -off)
    op = "==" if condition.op == "!=" else condition.op  # a healthy value is equal to the right limit only
    return {"expr": f"{selector} {op} {limit:g}"}


def _failing(site: Site) -> dict[str, Any]:
    label, up = site.contract.realm.label, site.contract.selector("up", site.realm)
    return {"expr": f"{up} * on ({label}) {up}"}


@contextmanager
def _refused(site: Site) -> Iterator[None]:
    """A file that does not parse: the reload is refused and the old rules run on."""
    stack = site.sandbox.stack
    with edited(
        site,
        "rules/broken.rules.yml",
        lambda _text: "groups: [{name: x, rules: [{expr: '('}]}]\n",
        reload=False,
    ):
        try:
            stack.reload()
        except StackError:
            yield
        else:
            message = "a broken rule file was accepted"
            raise RuntimeError(message)
    stack.reload()


@contextmanager
def _refused_with_a_change(site: Site) -> Iterator[None]:
    """Rules that differ were loaded, and the reload that should mend them is refused."""
    with rule_set(_alert, lambda _site: {"for": "1h"})(site), _refused(site):
        yield


def _nobody_s(_site: Site) -> dict[str, Any]:
    return {"record": "foreign", "expr": "vector(1)"}


def _no_files(site: Site) -> Any:
    def change(text: str) -> str:
        return yaml.safe_dump(yaml.safe_load(text) | {"rule_files": ["rules/*.rules.yaml"]})

    return edited(site, "prometheus.yml", change)


FAULTS: Final = (
    Fault(
        "rules/broken-file-beside",
        "A rule file that does not parse was put beside the right ones: the reload is refused, the right ones run on.",
        _refused,
        Verdict.GO,
        warnings=("rules/reload-failed",),
        reason="What runs is the repository's and is judged; what would not start again is for a person to mend.",
    ),
    _differs(
        "reload-refused",
        "The rules were edited, and the reload that mends them is refused.",
        _refused_with_a_change,
    ),
    _differs(
        "not-loaded",
        "The configuration names rule files that match nothing.",
        _no_files,
        "rules/not-recorded",
    ),
    _differs(
        "rule-missing",
        "The rule that decides was taken out.",
        _without(_decides),
        "rules/not-recorded",
    ),
    _differs("alert-missing", "An abort alert was taken out.", _without(_alert)),
    _differs(
        "alert-renamed",
        "An abort alert was renamed.",
        rule_set(_alert, lambda _site: {"alert": "Renamed"}),
    ),
    _differs(
        "threshold-edited",
        "The limit of an abort alert was raised on the server.",
        rule_set(_alert, _higher_limit),
    ),
    _differs(
        "for-edited",
        "An abort alert was made to wait longer.",
        rule_set(_alert, lambda _site: {"for": "1h"}),
    ),
    _differs("foreign-group", "Somebody else's rule group was loaded.", foreign_rule(_nobody_s)),
    _differs(
        "constant",
        "The number that decides is a constant.",
        _expression(_decides, "vector(1)"),
    ),
    _differs(
        "not-boolean",
        "A comparison without `bool` records the value in place of 0 or 1.",
        _expression(_decides, "vector(0.5)"),
        "rules/not-boolean",
    ),
    # Not of the number that decides: one NaN among its samples stays in the 24 h mean behind an abort condition.
    _differs(
        "not-a-number",
        "A division by zero records NaN.",
        _expression(_fresh, "vector(0) / 0"),
        "rules/not-finite",
    ),
    _differs(
        "fallback-removed",
        "Without the fallback, an empty source records nothing.",
        _expression(_decides, "source:no_such_metric"),
        "rules/not-recorded",
    ),
    _differs(
        "realm-missing",
        "The rule that decides lost its realm.",
        rule_set(_decides, lambda _site: {"expr": "vector(1)", "labels": None}),
        "rules/label-mismatch",
    ),
    _differs(
        "other-realm",
        "The rule that decides records another realm.",
        rule_set(_decides, lambda site: {"labels": {site.contract.realm.label: other_realm(site)}}),
        "rules/label-mismatch",
    ),
    _differs(
        "rule-fails",
        "A rule fails at every evaluation.",
        rule_set(_decides, _failing),
        "rules/rule-failing",
    ),
)
