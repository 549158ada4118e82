"""A number that is there although nothing was measured is no measurement."""

from __future__ import annotations

from collections.abc import Iterator

from l4gate import promql
from l4gate.contract import Recorded
from l4gate.lint.absence import Presence
from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Problem
from l4gate.lint.repository import Judged


@check(
    "constant/without-data",
    title="without any data nothing is recorded, and the heartbeat says 0",
    why="A constant in place of a missing metric turns an outage into good news. Only the heartbeat has a"
    " fallback, and it is"
    " bad news: fresh, changes and ok are 0, stall is 1.",
    mend="Take the constant out (`vector(...)`, `or vector(...)`, `absent()`, `time()`, or the rule that"
    " brings it); for the"
    " heartbeat write `or on () vector(0)`.",
    needs_all_rules=True,
)
def without_data(facts: Facts) -> Iterator[Problem]:
    """Evaluates every recorded metric with all inputs missing, through all the rules behind it."""
    for each in facts.repository.recording:
        name = each.rule.name
        answer = facts.without(name)
        if name in facts.contract.never_missing:
            yield from _fallback(
                each, facts.contract.recorded[name], answer.presence, answer.value, "any data"
            )
        elif answer.presence is not Presence.ABSENT:
            value = "" if answer.value is None else f", namely {answer.value:g}"
            yield Problem(f"{name} has a value when nothing was measured{value}", each.at())


def _fallback(
    judged: Judged, contract: Recorded, presence: Presence, value: float | None, without: str
) -> Iterator[Problem]:
    expected = contract.without_heartbeat
    if presence is not Presence.PRESENT:
        yield Problem(
            f"{judged.rule.name}: expected {expected:g} without {without}, found no value", judged.at()
        )
    elif value is not None and value != expected:
        yield Problem(
            f"{judged.rule.name}: expected {expected:g} without {without}, found {value:g}", judged.at()
        )


@check(
    "constant/missing-input",
    title="one missing input is enough to leave a metric missing",
    why="A value made from the other inputs alone looks as good as one made from all, and nobody learns that"
    " one is gone.",
    mend="Take the alternative for the missing input (`or ...`) out.",
    needs_all_rules=True,
)
def missing_input(facts: Facts) -> Iterator[Problem]:
    """Evaluates every metric of the contract with one of its inputs missing at a time."""
    for each, contract in facts.contract_rules():
        for name in sorted(facts.inputs(each)):
            answer = facts.without(each.rule.name, frozenset({name}))
            if each.rule.name in facts.contract.never_missing:
                if name in contract.reads:
                    yield from _fallback(each, contract, answer.presence, answer.value, name)
            elif answer.presence is not Presence.ABSENT:
                yield Problem(f"{each.rule.name} can have a value although {name} is missing", each.at())


@check(
    "constant/unmeasured",
    title="every recorded value depends on a measurement",
    why="`x * 0 + 1` or `group(x)` is there exactly when x is, and yet says nothing about it.",
    mend="Record something that is computed from the measured value.",
)
def unmeasured(facts: Facts) -> Iterator[Problem]:
    """Looks at each alternative of every recorded expression; the heartbeat's fallback is allowed."""
    for each in facts.repository.recording:
        for node in _alternatives(each.tree):
            fallback = each.rule.name in facts.contract.never_missing and node == promql.Call(
                "vector", (promql.Number(0.0),)
            )
            if not fallback and not facts.values.is_measured(node):
                yield Problem(
                    f"{each.rule.name} has a value that does not depend on any measurement", each.at(node)
                )


def _alternatives(node: promql.Node) -> Iterator[promql.Node]:
    if isinstance(node, promql.Binary) and node.op == "or":
        yield from _alternatives(node.lhs)
        yield from _alternatives(node.rhs)
    else:
        yield node


@check(
    "constant/scalar",
    title="no rule records a scalar()",
    why="scalar() of a missing series is NaN and not missing, and every comparison with NaN is 0: an outage"
    " becomes a number.",
    mend="Keep it a vector: match on the realm label, or aggregate both sides alike.",
)
def scalar(facts: Facts) -> Iterator[Problem]:
    """Finds the function anywhere in a recording rule."""
    for each in facts.repository.recording:
        for node in promql.walk(each.tree):
            if isinstance(node, promql.Call) and node.func == "scalar":
                yield Problem(f"{each.rule.name} uses scalar()", each.at(node))
