"""The numbers of the contract, as the rules have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate import promql
from l4gate.base import format_duration
from l4gate.contract import (
    ABORT_FOR_SECONDS,
    ABORT_LABEL,
    ABORT_RULES,
    CHANGES,
    CHANGES_WINDOW_SECONDS,
    DEFAULT_REALM,
    FRESH,
    FRESH_LIMIT_SECONDS,
    FUTURE_LIMIT_SECONDS,
    RAW_SEQ,
    RAW_TS,
    REALM_LABEL,
    AbortRule,
)
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import Judged

_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_REALM_MATCHER: Final = promql.Matcher(REALM_LABEL, "=", DEFAULT_REALM)


@check(
    "contract/abort-alerts",
    title="the four abort alerts are those of the contract",
    why="They decide over a rollback. The gate looks for exactly these names, limits and times.",
    mend="Write the alert as the contract has it (l4gate/contract/model.py, ABORT_RULES).",
    needs_all_rules=True,
)
def abort_alerts(facts: Facts) -> Iterator[Problem]:
    """Compares name, expression, `for` and label of each."""
    for contract in ABORT_RULES:
        found = [each for each in facts.repository.alerts if each.rule.name == contract.alert]
        if not found:
            yield Problem(
                f"the alert {contract.alert} is missing", Place(f"{facts.repository.folder.name}/rules")
            )
        for each in found:
            yield from _abort_alert(each, contract)


def _abort_alert(judged: Judged, contract: AbortRule) -> Iterator[Problem]:
    rule = judged.rule
    metric = promql.Selector(contract.metric, (_REALM_MATCHER,))
    mirrored = promql.Binary(
        _MIRRORED.get(contract.op, contract.op), promql.Number(contract.threshold), metric
    )
    if judged.tree not in (promql.Binary(contract.op, metric, promql.Number(contract.threshold)), mirrored):
        wanted = f'{contract.metric}{{{REALM_LABEL}="{DEFAULT_REALM}"}} {contract.op} {contract.threshold:g}'
        yield Problem(f"{rule.name}: expected {wanted}, found another expression", judged.at())
    if rule.for_seconds != ABORT_FOR_SECONDS:
        wanted, found = format_duration(ABORT_FOR_SECONDS), format_duration(rule.for_seconds)
        yield Problem(f"{rule.name}: expected for: {wanted}, found {found}", judged.at_key("for", "alert"))
    if rule.keep_firing_for_seconds:
        yield Problem(
            f"{rule.name}: expected no keep_firing_for, which would hold up a recovered system",
            judged.at_key("keep_firing_for"),
        )
    label, value = ABORT_LABEL
    if rule.labels.get(label) != value:
        yield Problem(
            f"{rule.name}: expected the label {label}: {value}, found {rule.labels.get(label)!r}",
            judged.at_key(f"labels.{label}", "labels", "alert"),
        )


@check(
    "contract/abort-label",
    title="no other rule carries the abort label",
    why="Whatever carries it and fires rolls the system back.",
    mend="Take the label off, or make the condition part of the contract.",
)
def abort_label(facts: Facts) -> Iterator[Problem]:
    """Looks at the labels of all other rules."""
    label, value = ABORT_LABEL
    names = {each.alert for each in ABORT_RULES}
    for each in facts.rules:
        if each.rule.labels.get(label) == value and (each.is_recording or each.rule.name not in names):
            yield Problem(f"{each.rule.name} carries {label}: {value}", each.at_key(f"labels.{label}"))


@check(
    "contract/reads",
    title="a metric of the contract is made from all its inputs",
    why="A term that was dropped makes the number better than the truth.",
    mend="Bring the input back into the expression, directly or through the rules that it reads.",
    needs_all_rules=True,
)
def reads(facts: Facts) -> Iterator[Problem]:
    """Follows each metric of the contract down to its inputs."""
    for each, contract in facts.contract_rules():
        missing = [name for name in contract.reads if name not in facts.inputs(each)]
        if missing:
            yield Problem(f"{contract.name} does not depend on {', '.join(missing)}", each.at())


@check(
    "contract/fresh-bounds",
    title="fresh means younger than the limit, and not too far in the future",
    why="Without a bound on the other side a writer whose clock is ahead looks fresh long after it has died.",
    mend=f"Compare the age with both `< bool {FRESH_LIMIT_SECONDS:g}` and `>= bool -{FUTURE_LIMIT_SECONDS:g}`.",
    needs_all_rules=True,
)
def fresh_bounds(facts: Facts) -> Iterator[Problem]:
    """Reads the bounds off the comparisons of time() with the raw time stamp, however they are spelt."""
    expected = {("<", FRESH_LIMIT_SECONDS), (">=", -FUTURE_LIMIT_SECONDS)}
    for each in facts.repository.recorded.get(FRESH, []):
        tree = facts.expanded(each.tree)
        found = {bound for node in promql.walk(tree) if (bound := _age_bound(node))}
        for op, limit in sorted(expected - found):
            others = (
                ", ".join(f"{other} {value:g}" for other, value in sorted(found - expected))
                or "no such comparison"
            )
            yield Problem(f"{FRESH}: expected an age {op} {limit:g} s, found {others}", each.at())


def _age_bound(node: promql.Node) -> tuple[str, float] | None:
    """A comparison as a bound of the age (time() - time stamp): operator and seconds; None for any other node."""
    if not isinstance(node, promql.Binary) or node.op not in _MIRRORED:
        return None
    lhs, rhs = _linear(node.lhs), _linear(node.rhs)
    if lhs is None or rhs is None:
        return None
    now, stamp, rest = (left - right for left, right in zip(lhs, rhs, strict=True))
    if now == 0 or now != -stamp:
        return None
    return node.op if now > 0 else _MIRRORED[node.op], -rest / now + 0.0


def _linear(node: promql.Node) -> tuple[float, float, float] | None:
    """An expression as a * time() + b * time stamp + c, if it is one; choosing among sources changes nothing."""
    match node:
        case promql.Number(value=value):
            return 0.0, 0.0, value
        case promql.Call(func="time"):
            return 1.0, 0.0, 0.0
        case promql.Selector(name=name) if name == RAW_TS and node.range_seconds is None:
            return 0.0, 1.0, 0.0
        case promql.Aggregate(op="min" | "max", expr=expr):
            return _linear(expr)
        case promql.Negation(expr=expr):
            inner = _linear(expr)
            return inner and (-inner[0], -inner[1], -inner[2])
        case promql.Binary(op="+" | "-" as op):
            lhs, rhs = _linear(node.lhs), _linear(node.rhs)
            sign = 1 if op == "+" else -1
            return lhs and rhs and (lhs[0] + sign * rhs[0], lhs[1] + sign * rhs[1], lhs[2] + sign * rhs[2])
    return None


@check(
    "contract/changes-window",
    title="the sequence's changes are counted with changes() over the contract's window",
    why="increase() takes a restarted sequence for a reset and invents beats; another window answers another"
    " question.",
    mend=f"Use `changes({RAW_SEQ}{{...}}[{format_duration(CHANGES_WINDOW_SECONDS)}])`.",
    needs_all_rules=True,
)
def changes_window(facts: Facts) -> Iterator[Problem]:
    """Looks for the call in the expression and the rules behind it."""
    for each in facts.repository.recorded.get(CHANGES, []):
        tree = facts.expanded(each.tree)
        if not any(_counts_changes(node) for node in promql.walk(tree)):
            window = format_duration(CHANGES_WINDOW_SECONDS)
            yield Problem(f"{CHANGES}: expected changes({RAW_SEQ}[{window}]), found no such call", each.at())


def _counts_changes(node: promql.Node) -> bool:
    match node:
        case promql.Call(func="changes", args=(promql.Selector(name=name, range_seconds=seconds),)):
            return name == RAW_SEQ and seconds == CHANGES_WINDOW_SECONDS
    return False
