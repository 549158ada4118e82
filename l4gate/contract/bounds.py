"""What limits a contract may set: each must be one that can be kept and broken, and a certificate must rest on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from l4gate.base import format_duration
from l4gate.contract.criteria import OPERATORS, Criterion
from l4gate.contract.model import Contract, Levels

# Where in the contract something stands: keys of mappings and indices of lists.
Keys = tuple[str | int, ...]
_PARTS_OF_ONE: Final = ("share", "probability")  # units of what is from 0 to 1
_UNBOUNDED: Final = 1.7e308
_LEAST_SHARE: Final = 0.5  # what is proven for less of the time is disproven for more


def limits(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """Each limit must be one that can be kept and one that can be broken."""
    conditions = [
        (("abort", "conditions", index), each) for index, each in enumerate(contract.abort.conditions)
    ]
    warnings = [(("warnings", index), each) for index, each in enumerate(contract.warnings)]
    for where, condition in (*conditions, *warnings):
        yield from _both_ways(
            (*where, "threshold"), contract, condition.metric, condition.op, condition.threshold
        )
    for part in ("heartbeat", "canary_quorum", "error_budget", "disaster_recovery"):
        criteria: tuple[Criterion, ...] = getattr(contract.criteria, part)
        if not criteria:
            yield (
                ("criteria", part),
                "expected a criterion at least, found none: nothing would be proven by nothing",
            )
        for index, each in enumerate(criteria):
            at = ("criteria", part, index)
            yield from _both_ways((*at, "limit"), contract, each.metric, each.op, each.limit)
            if each.share <= _LEAST_SHARE:
                yield (
                    (*at, "share"),
                    f"expected more than {_LEAST_SHARE:g} of the window, found {each.share:g}",
                )


def windows(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """What must be covered of a window must be in it."""
    for name, each in contract.recorded.items():
        covered = each.covered
        if covered is not None and covered.least > covered.window:
            yield (
                ("recorded", name, "covered", "least"),
                (
                    f"expected the window ({format_duration(covered.window)}) at most, found"
                    f" {format_duration(covered.least)}"
                ),
            )


def _both_ways(
    where: Keys, contract: Contract, metric: str, op: str, limit: float
) -> Iterator[tuple[Keys, str]]:
    kind, low, high = _range(contract, metric)
    # The ends, what lies between, and the limit itself: an operator that says the same of these says it of everything.
    between = () if contract.is_boolean(metric) else (limit, low / 2 + high / 2)
    values = (low, high, *(each for each in between if low <= each <= high))
    held = {OPERATORS[op](value, limit) for value in values}
    if len(held) == 1:
        always = "always" if held.pop() else "never"
        yield (
            where,
            f"expected a limit that {kind} can keep and break, found {metric} {op} {limit:g}, which {always} holds",
        )


def _range(contract: Contract, metric: str) -> tuple[str, float, float]:
    """What kind of values a metric has, in words, and between which it is."""
    found = contract.recorded.get(metric) or contract.inputs[metric]
    if contract.is_boolean(metric):
        return "0 or 1", 0.0, 1.0
    if found.unit in _PARTS_OF_ONE:
        return f"a {found.unit} from 0 to 1", 0.0, 1.0
    if contract.in_seconds(metric):
        return "a time", 0.0, _UNBOUNDED
    return "a number", -_UNBOUNDED, _UNBOUNDED


def certificates(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """A certificate must rest on the heartbeat, and its levels on each other."""
    held = {
        each.metric
        for each in contract.criteria.heartbeat
        if OPERATORS[each.op](1.0, each.limit) and not OPERATORS[each.op](0.0, each.limit)
    }
    for metric in contract.decisive:
        if metric not in held:
            yield ("criteria", "heartbeat"), f"expected a criterion that {metric} is 1, found none"
    yield from _levels(contract, contract.levels)


def _levels(contract: Contract, levels: Levels) -> Iterator[tuple[Keys, str]]:
    if levels.share <= _LEAST_SHARE:
        yield (
            ("levels", "share"),
            f"expected more than {_LEAST_SHARE:g} of the window, found {levels.share:g}",
        )
    if not 0 <= levels.noise < levels.best.rise_below:
        yield (
            ("levels", "noise"),
            f"expected 0 at least and less than `rise_below` ({levels.best.rise_below:g}), found {levels.noise:g}",
        )
    if levels.best.mean > levels.good.mean:
        yield (
            ("levels", "best", "mean"),
            f"expected no more than `good` allows ({levels.good.mean:g}), found {levels.best.mean:g}",
        )
    for each in contract.abort.conditions:
        if each.metric == levels.metric and each.op in (">", ">=") and levels.good.mean > each.threshold:
            yield (
                ("levels", "good", "mean"),
                f"expected no more than what aborts ({each}), found {levels.good.mean:g}",
            )
