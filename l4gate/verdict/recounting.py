"""
The rules of a fleet asked again for all realms at once: how many series are as recorded, and in which realms not.

The server compares what is recorded with what the expression gives and sends a number, not series, of which there would
be hundreds of thousands. As many series that are the same as there are series prove a rule for every realm; where there
are fewer, the realms are named that differ, to be looked at closely. Times are Unix seconds of the server's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from l4gate import promql
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.promql import Aggregate, Binary, Call, Node, Number, Selector, String
from l4gate.rules import Expression, Recording
from l4gate.verdict.recomputed import UNDER_WAY
from l4gate.verdict.recomputing import ask
from l4gate.verdict.witness import Memory

_ROUNDING: Final = 1e-6  # sums of the same samples can be taken in any order; no limit of any rule is as fine
_ONE_SERIES: Final = float(
    1 << 24
)  # more than there are series, and their product still a whole number in a float
_MOVED: Final = 0.6180339887
_SIDE: Final = "side"
_INFINITE: Final = 1e300


def recount(
    api: PrometheusApi, found: tuple[Recording, ...], memory: Memory, now: float, pace: Pace
) -> dict[str, frozenset[str]]:
    """
    By realm, the recorded metrics that are not what their rules give; "" has those that no realm can be told of.

    What was found right before is not asked again. A scrape that was under way at an evaluation can be in the
    recomputation and not in the record: who is right without the newest samples is right.

    Raises:
        ApiError: if the expressions could not be asked.
    """
    times = _evaluated(api, found, now)
    bad: dict[str, set[str]] = {}
    fresh = [each for each in found if memory.counted.get(each.rule.name) != times.get(each.rule.name, now)]
    asked = [Expression(_counted(each, times.get(each.rule.name, now)), now) for each in fresh]
    for each, rows in zip(fresh, ask(api, asked), strict=True):
        name = each.rule.name
        at = times.get(name)
        count, same = divmod(next(iter(rows.values()), 0.0), _ONE_SERIES)
        if same == count and (count > 0) == (at is not None):  # what is recorded nowhere, nothing may give
            if at is not None:
                memory.counted[name] = at
            continue
        memory.counted.pop(name, None)
        for realm in _differing(api, each, now if at is None else at, now, pace):
            bad.setdefault(realm, set()).add(name)
    return {realm: frozenset(names) for realm, names in bad.items()}


def _evaluated(api: PrometheusApi, found: tuple[Recording, ...], now: float) -> Mapping[str, float]:
    """When each recorded metric was evaluated last, by its name; what is recorded nowhere is not in it."""
    newest = [
        Expression(Aggregate("max", Call("timestamp", (Selector(name=each.rule.name),))), now)
        for each in found
    ]
    answers = ask(api, newest)
    return {
        each.rule.name: next(iter(rows.values()))
        for each, rows in zip(found, answers, strict=True)
        if len(rows) == 1
    }


def _same(recording: Recording, at: float, late: float = 0.0) -> Node:
    """
    For each series that is recorded or given, 1 if it is both with the same value, else 0.

    The expression stands in it once, as it may read a month. So each side is moved from 0 by a number that no series
    has, the given one is negated, and both are added: nothing is left where they are the same.
    """
    recorded = promql.pinned(Selector(name=recording.rule.name), at)
    given = promql.pinned(recording.tree, at, later=recording.later, without_newest=late)
    if promql.is_scalar(given):
        given = Call("vector", (given,))
    for label, value in recording.rule.labels.items():
        given = _labelled(given, label, value)
    both = Binary(
        "or",
        _labelled(Binary("+", _finite(recorded), Number(_MOVED)), _SIDE, "recorded"),
        _labelled(Binary("-", Number(-_MOVED), _finite(given)), _SIDE, "given"),
    )
    left = Call("abs", (Aggregate("sum", both, grouping=(_SIDE,), without=True),))
    return Binary("<=", left, Number(_ROUNDING), return_bool=True)


def _finite(node: Node) -> Node:
    """The values without infinity, of which two leave no number."""
    return Call("clamp", (node, Number(-_INFINITE), Number(_INFINITE)))


def _labelled(node: Node, label: str, value: str) -> Node:
    return Call("label_replace", (node, String(label), String(value), String(""), String("")))


def _counted(recording: Recording, at: float) -> Node:
    """How many series there are, in units of _ONE_SERIES, and how many of them are the same: in one number."""
    return Aggregate("sum", Binary("+", _same(recording, at), Number(_ONE_SERIES)))


def _differing(api: PrometheusApi, recording: Recording, at: float, now: float, pace: Pace) -> Iterator[str]:
    """The realms of which a rule's series differ, with the newest samples and without them."""
    label = pace.contract.realm.label
    differing: frozenset[str] | None = None
    for share in (0.0, *UNDER_WAY):
        wrong = Binary("==", _same(recording, at, share * pace.scrape_interval), Number(0.0))
        (rows,) = ask(api, [Expression(Aggregate("count", wrong, grouping=(label,)), now)])
        found = frozenset(dict(labels).get(label, "") for labels in rows)
        differing = found if differing is None else differing & found
        if not differing:
            break
    yield from differing or ()
