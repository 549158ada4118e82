"""Faults of the rules that the server has loaded, and of what they record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from l4gate.base import StackError
from l4gate.contract import FRESH, LYAPUNOV, OK
from l4gate.faults.model import Action, Fault, Site
from l4gate.faults.tools import edited, pushed, rules_changed, rules_edited
from l4gate.verdict import Verdict


def _differs(name: str, says: str, action: Action, *also: str) -> Fault:
    return Fault(f"rules/{name}", says, action, Verdict.HOLD, "rules/rules-differ", also=also)


def _named(rules: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(rule for rule in rules if rule.get("record", rule.get("alert")) == name)


def _set(area: str, name: str, **fields: Any) -> Action:
    """Changes fields of one rule; None removes one."""

    def change(rules: list[dict[str, Any]]) -> None:
        rule = _named(rules, name)
        rule |= fields
        for field in [field for field, value in fields.items() if value is None]:
            del rule[field]

    return rules_changed(area, change)


def _without(area: str, name: str) -> Action:
    return rules_changed(area, lambda rules: rules.remove(_named(rules, name)))


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
    with _set("abort", "L4AbortLyapunovHigh", **{"for": "1h"})(site), _refused(site):
        yield


def _foreign(site: Site) -> Any:
    text = "groups: [{name: foreign, rules: [{record: foreign, expr: vector(1)}]}]\n"
    return edited(site, "rules/foreign.rules.yml", lambda _text: text)


def _no_files(site: Site) -> Any:
    return edited(
        site, "prometheus.yml", lambda text: text.replace("rules/*.rules.yml", "rules/*.rules.yaml")
    )


FAULTS: Final = (
    Fault(
        "rules/broken-file-beside",
        "A rule file that does not parse was put beside the right ones: the reload is refused, the right ones run on.",
        _refused,
        Verdict.GO,
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
        _without("heartbeat", OK),
        "rules/not-recorded",
    ),
    _differs("alert-missing", "An abort alert was taken out.", _without("abort", "L4AbortHeartbeatStale")),
    _differs(
        "alert-renamed",
        "An abort alert was renamed.",
        _set("abort", "L4AbortHeartbeatStale", alert="HeartbeatStale"),
    ),
    _differs(
        "threshold-edited",
        "The limit of an abort alert was raised on the server.",
        rules_edited("abort", "> 0.3", "> 3"),
    ),
    _differs(
        "for-edited",
        "An abort alert was made to wait longer.",
        _set("abort", "L4AbortLyapunovHigh", **{"for": "1h"}),
    ),
    _differs("foreign-group", "Somebody else's rule group was loaded.", _foreign),
    _differs(
        "constant",
        "The number that decides is a constant.",
        _set("heartbeat", OK, expr="vector(1)"),
    ),
    _differs(
        "not-boolean",
        "A comparison without `bool` records the value in place of 0 or 1.",
        _set("heartbeat", OK, expr="vector(0.5)"),
        "rules/not-boolean",
    ),
    # Not of the number that decides: one NaN among its samples stays in the 24 h mean behind the Lyapunov energy.
    _differs(
        "not-a-number",
        "A division by zero records NaN.",
        _set("heartbeat", FRESH, expr="vector(0) / 0"),
        "rules/not-finite",
    ),
    _differs(
        "fallback-removed",
        "Without the fallback, an empty source records nothing.",
        _set("heartbeat", OK, expr='source:no_such_metric{metric_realm="prod"}'),
        "rules/not-recorded",
    ),
    _differs(
        "realm-missing",
        "The rule that decides lost its realm.",
        _set("heartbeat", OK, expr="vector(1)", labels=None),
        "rules/label-mismatch",
    ),
    _differs(
        "other-realm",
        "The rule that decides records another realm.",
        _set("heartbeat", OK, labels={"metric_realm": "staging"}),
        "rules/label-mismatch",
    ),
    _differs(
        "rule-fails",
        "A rule fails at every evaluation.",
        _set("heartbeat", OK, expr='up{metric_realm="prod"} * on (metric_realm) up{metric_realm="prod"}'),
        "rules/rule-failing",
    ),
    Fault(
        "rules/decision-pushed",
        "Somebody pushes the number that decides, beside the rule that records it.",
        lambda site: pushed(site, "/metrics/job/somebody_else", f'{OK}{{metric_realm="{site.realm}"}} 1\n'),
        Verdict.HOLD,
        "query/ambiguous",
    ),
    Fault(
        "rules/energy-pushed",
        "Somebody pushes the Lyapunov energy, beside the rule that records it.",
        lambda site: pushed(
            site, "/metrics/job/somebody_else", f'{LYAPUNOV}{{metric_realm="{site.realm}"}} 0\n'
        ),
        Verdict.HOLD,
        "verdict/abort-input-missing",
    ),
)
