"""The numbers of the contract, as the rules have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate import promql
from l4gate.base import format_duration
from l4gate.contract import Condition
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import Judged

_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


@check(
    "contract/abort-alerts",
    title="the abort alerts are those of the contract",
    why="They decide over a rollback. The gate looks for exactly these names, limits and times.",
    mend="Write the alert as the contract has it (contract.yml, `abort`).",
    needs_all_rules=True,
)
def abort_alerts(facts: Facts) -> Iterator[Problem]:
    """Compares name, expression, `for` and label of each."""
    abort = facts.contract.abort
    label = abort.label
    for condition in abort.conditions:
        for judged in _alerts_of(facts, condition):
            yield from _differs(facts, judged, condition, abort.for_seconds)
            yield from _no_keep_firing(judged)
            found = judged.rule.labels.get(label.name)
            if found != label.value:
                yield Problem(
                    f"{condition.alert}: expected the label {label.name}: {label.value}, found {found!r}",
                    judged.at_key(f"labels.{label.name}", "labels", "alert"),
                )
        if not _alerts_of(facts, condition):
            yield _missing(facts, condition)


@check(
    "contract/warning-alerts",
    title="the warnings with a limit are those of the contract",
    why="A certificate holds a window to the same limits: a warning with another one warns of something else.",
    mend="Write the alert as the contract has it (contract.yml, `warnings`).",
    needs_all_rules=True,
)
def warning_alerts(facts: Facts) -> Iterator[Problem]:
    """Compares name, expression and `for` of each."""
    for condition in facts.contract.warnings:
        for judged in _alerts_of(facts, condition):
            yield from _differs(facts, judged, condition, condition.for_seconds)
        if not _alerts_of(facts, condition):
            yield _missing(facts, condition)


def _alerts_of(facts: Facts, condition: Condition) -> list[Judged]:
    return [each for each in facts.repository.alerts if each.rule.name == condition.alert]


def _missing(facts: Facts, condition: Condition) -> Problem:
    return Problem(f"the alert {condition.alert} is missing", Place(f"{facts.repository.folder.name}/rules"))


def _differs(facts: Facts, judged: Judged, condition: Condition, for_seconds: float) -> Iterator[Problem]:
    rule, realm = judged.rule, facts.contract.realm
    metric = promql.Selector(condition.metric, (promql.Matcher(realm.label, "=", realm.default),))
    limit = promql.Number(condition.threshold)
    mirrored = promql.Binary(_MIRRORED.get(condition.op, condition.op), limit, metric)
    if judged.tree not in (promql.Binary(condition.op, metric, limit), mirrored):
        wanted = facts.contract.selector(condition.metric, realm.default)
        yield Problem(
            f"{rule.name}: expected {wanted} {condition.op} {condition.threshold:g}, found another expression",
            judged.at(),
        )
    if rule.for_seconds != for_seconds:
        expected, found = format_duration(for_seconds), format_duration(rule.for_seconds)
        yield Problem(f"{rule.name}: expected for: {expected}, found {found}", judged.at_key("for", "alert"))


def _no_keep_firing(judged: Judged) -> Iterator[Problem]:
    if judged.rule.keep_firing_for_seconds:
        yield Problem(
            f"{judged.rule.name}: expected no keep_firing_for, which would hold up a recovered system",
            judged.at_key("keep_firing_for"),
        )


@check(
    "contract/abort-label",
    title="no other rule carries the abort label",
    why="Whatever carries it and fires rolls the system back.",
    mend="Take the label off, or make the condition part of the contract.",
)
def abort_label(facts: Facts) -> Iterator[Problem]:
    """Looks at the labels of all other rules."""
    abort = facts.contract.abort
    name, value = abort.label.name, abort.label.value
    for each in facts.rules:
        is_one = not each.is_recording and each.rule.name in abort.alerts
        if each.rule.labels.get(name) == value and not is_one:
            yield Problem(f"{each.rule.name} carries {name}: {value}", each.at_key(f"labels.{name}"))


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
            yield Problem(f"{each.rule.name} does not depend on {', '.join(missing)}", each.at())


@check(
    "contract/fresh-bounds",
    title="fresh means younger than the limit, and not too far in the future",
    why="Without a bound on the other side a writer whose clock is ahead looks fresh long after it has died.",
    mend="Compare the age with both `< bool LIMIT` and `>= bool -FUTURE` of the contract (`heartbeat`).",
    needs_all_rules=True,
)
def fresh_bounds(facts: Facts) -> Iterator[Problem]:
    """Reads the bounds off the comparisons of time() with the raw time stamp, wherever and however they are spelt."""
    heartbeat = facts.contract.heartbeat
    expected = {("<", heartbeat.fresh.limit), (">=", -heartbeat.fresh.future)}
    for each in (each for each in facts.rules if each.is_recording):
        metric = each.rule.name
        # Rules repeat them rather than read each other, so each that has one is held to both.
        tree = facts.expanded(each.tree) if metric == heartbeat.fresh.metric else each.tree
        found = {bound for node in promql.walk(tree) if (bound := _age_bound(node, heartbeat.time))}
        if not found and metric != heartbeat.fresh.metric:
            continue
        for op, limit in sorted(expected - found):
            others = (
                ", ".join(f"{other} {value:g}" for other, value in sorted(found - expected))
                or "no such comparison"
            )
            yield Problem(f"{metric}: expected an age {op} {limit:g} s, found {others}", each.at())


def _age_bound(node: promql.Node, stamp_name: str) -> tuple[str, float] | None:
    """A comparison as a bound of the age (time() - time stamp): operator and seconds; None for any other node."""
    if not isinstance(node, promql.Binary) or node.op not in _MIRRORED:
        return None
    lhs, rhs = _linear(node.lhs, stamp_name), _linear(node.rhs, stamp_name)
    if lhs is None or rhs is None:
        return None
    now, stamp, rest = (left - right for left, right in zip(lhs, rhs, strict=True))
    if now == 0 or now != -stamp:
        return None
    return node.op if now > 0 else _MIRRORED[node.op], -rest / now + 0.0


def _linear(node: promql.Node, stamp: str) -> tuple[float, float, float] | None:
    """An expression as a * time() + b * time stamp + c, if it is one; choosing among sources changes nothing."""
    match node:
        case promql.Number(value=value):
            return 0.0, 0.0, value
        case promql.Call(func="time"):
            return 1.0, 0.0, 0.0
        case promql.Selector(name=name) if name == stamp and node.range_seconds is None:
            return 0.0, 1.0, 0.0
        case promql.Aggregate(op="min" | "max", expr=expr):
            return _linear(expr, stamp)
        case promql.Negation(expr=expr):
            inner = _linear(expr, stamp)
            return inner and (-inner[0], -inner[1], -inner[2])
        case promql.Binary(op="+" | "-" as op):
            lhs, rhs = _linear(node.lhs, stamp), _linear(node.rhs, stamp)
            sign = 1 if op == "+" else -1
            return lhs and rhs and (lhs[0] + sign * rhs[0], lhs[1] + sign * rhs[1], lhs[2] + sign * rhs[2])
    return None


@check(
    "contract/changes-window",
    title="the sequence's changes are counted with changes(), and ok compares its values, over the contract's window",
    why="increase() takes a restarted sequence for a reset and invents beats; VictoriaMetrics' changes() counts the"
    " change into the window as well, so what stands still has moved for longer; another window answers another"
    " question.",
    mend="Count with `changes(SEQUENCE{...}[WINDOW])` and decide by `max_over_time(SEQUENCE{...}[WINDOW]) > bool"
    " min_over_time(SEQUENCE{...}[WINDOW])`, with those of the contract (`heartbeat`).",
    needs_all_rules=True,
)
def changes_window(facts: Facts) -> Iterator[Problem]:
    """Looks for the calls in the expressions and the rules behind them, and at every window of the sequence."""
    heartbeat = facts.contract.heartbeat
    sequence, changes = heartbeat.sequence, heartbeat.changes
    window = format_duration(changes.window)
    wanted = {changes.metric: ("changes",), heartbeat.ok: ("max_over_time", "min_over_time")}
    for each in (each for each in facts.rules if each.is_recording):
        metric = each.rule.name
        tree = facts.expanded(each.tree) if metric in wanted else each.tree
        calls = [call for node in promql.walk(tree) if (call := _over_sequence(node, sequence))]
        for func in wanted.get(metric, ()):
            if (func, changes.window) not in calls:
                yield Problem(
                    f"{metric}: expected {func}({sequence}[{window}]), found no such call", each.at()
                )
        for func, seconds in sorted(set(calls)):
            if seconds != changes.window:
                found = f"{func}({sequence}[{format_duration(seconds)}])"
                yield Problem(f"{metric}: expected a window of {window}, found {found}", each.at())


def _over_sequence(node: promql.Node, sequence: str) -> tuple[str, float] | None:
    """The function and the window in seconds of a call over a window of the sequence; None for any other node."""
    match node:
        case promql.Call(func=func, args=(promql.Selector(name=name, range_seconds=float(seconds)),)):
            return (func, seconds) if name == sequence else None
    return None
