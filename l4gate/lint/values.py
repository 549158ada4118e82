"""Which expressions are 0 or 1 by construction, and which never depend on what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from l4gate import promql

_KEEPS_BOOLEAN: Final = frozenset(
    {
        "min_over_time",
        "max_over_time",
        "last_over_time",
        "abs",
        "ceil",
        "floor",
        "round",
        "sgn",
        "vector",
        "sort",
    }
    | {"sort_desc", "label_replace", "label_join", "clamp_min", "clamp_max"}
)
_ALWAYS_ONE: Final = frozenset({"absent", "absent_over_time", "present_over_time"})
_NEVER_NEGATIVE: Final = frozenset(
    {"abs", "count_over_time", "changes", "resets", "rate", "increase", "irate", "stddev_over_time", "exp"}
)
_CLOCKS: Final = frozenset({"time", "pi", "minute", "hour", "day_of_week", "day_of_month", "month", "year"})


class Values:
    """
    Judges expressions over one rule set.

    `recorded` maps a metric to the trees that record it; `boolean_inputs` are inputs that are 0 or 1 by definition.
    """

    def __init__(self, recorded: Mapping[str, Sequence[promql.Node]], boolean_inputs: frozenset[str]) -> None:
        self._recorded = recorded
        self._boolean_inputs = boolean_inputs
        self._boolean: dict[str, bool] = {}
        self._measured: dict[str, bool] = {}
        self._bounding: set[str] = set()
        # By identity, with the node so that it stays: without them, nested calls ask anew at each level, twice each.
        self._of_nodes: dict[tuple[str, int], tuple[promql.Node, bool]] = {}

    # 0 or 1

    def boolean_metric(self, name: str) -> bool:
        """Whether a metric is 0 or 1 by construction."""
        if name not in self._recorded:
            return name in self._boolean_inputs
        return _remember(self._boolean, name, lambda: all(map(self.is_boolean, self._recorded[name])))

    def is_boolean(self, node: promql.Node) -> bool:
        """Whether a result can only be 0 or 1."""
        return self._once("boolean", node, self._is_boolean)

    def _once(self, what: str, node: promql.Node, find: Callable[[promql.Node], bool]) -> bool:
        key = what, id(node)
        if key not in self._of_nodes:
            self._of_nodes[key] = node, find(node)
        return self._of_nodes[key][1]

    def _is_boolean(self, node: promql.Node) -> bool:
        match node:
            case promql.Number(value=value):
                return value in (0.0, 1.0)
            case promql.Selector(name=name):
                return name is not None and self.boolean_metric(name)
            case promql.Aggregate(op=op, expr=expr):
                return op == "group" or (op in ("min", "max", "topk", "bottomk") and self.is_boolean(expr))
            case promql.Call(func=func, args=args):
                if func in _ALWAYS_ONE or (func == "sgn" and self.bounds(args[0])[0] == 0):
                    return True
                return func in _KEEPS_BOOLEAN and bool(args) and self.is_boolean(_vector(args))
            case promql.Binary():
                return self._is_boolean_binary(node)
            case promql.Subquery(expr=expr) | promql.Paren(expr=expr):
                return self.is_boolean(expr)
        return False

    def _is_boolean_binary(self, node: promql.Binary) -> bool:
        if node.op in promql.COMPARISONS and node.return_bool:
            return True
        if node.op in ("*", "or"):
            return self.is_boolean(node.lhs) and self.is_boolean(node.rhs)
        if node.op == "-":
            return node.lhs == promql.Number(1.0) and self.is_boolean(node.rhs)
        if node.op in promql.SET_OPERATORS or node.op in promql.COMPARISONS:
            vector = node.rhs if isinstance(node.lhs, promql.Number) else node.lhs
            return self.is_boolean(vector)
        return False

    def is_truth(self, node: promql.Node) -> bool:
        """Whether a result is a measured yes or no: 0 or 1, and not a plain constant."""
        return self.is_boolean(node) and self.is_measured(node)

    # Measured at all

    def measured_metric(self, name: str) -> bool:
        """Whether a metric's value depends on a measurement."""
        if name not in self._recorded:
            return True
        return _remember(self._measured, name, lambda: any(map(self.is_measured, self._recorded[name])))

    def is_measured(self, node: promql.Node) -> bool:
        """Whether a result's value depends on a measurement, as opposed to being the same whatever was measured."""
        return self._once("measured", node, self._is_measured)

    def _is_measured(self, node: promql.Node) -> bool:
        match node:
            case promql.Selector(name=name):
                return name is None or self.measured_metric(name)
            case promql.Aggregate(op=op, expr=expr):
                return op != "group" and self.is_measured(expr)
            case promql.Call(func=func, args=args):
                if func in _ALWAYS_ONE or func in _CLOCKS:
                    return False
                if func.startswith("clamp") and self._clamped_to_one(func, args):
                    return False
                return any(map(self.is_measured, args))
            case promql.Negation(expr=expr) | promql.Subquery(expr=expr) | promql.Paren(expr=expr):
                return self.is_measured(expr)
            case promql.Binary():
                return self._is_measured_binary(node)
        return False

    def _clamped_to_one(self, func: str, args: Sequence[promql.Node]) -> bool:
        if func == "clamp":
            return args[1] == args[2]
        (lowest, highest), limit = self.bounds(args[0]), _number(args[1])
        if limit is None:
            return False
        return (
            highest is not None and limit >= highest
            if func == "clamp_min"
            else lowest is not None and limit <= lowest
        )

    def _is_measured_binary(self, node: promql.Binary) -> bool:
        if node.op in ("and", "unless"):
            return self.is_measured(node.lhs)
        if node.op in promql.COMPARISONS and not node.return_bool:
            return self.is_measured(node.rhs if isinstance(node.lhs, promql.Number) else node.lhs)
        if self.tautology(node):
            return False
        return self.is_measured(node.lhs) or self.is_measured(node.rhs)

    def tautology(self, node: promql.Binary) -> str:
        """Why an operation always gives the same value; empty when it does not."""
        if node.op in promql.SET_OPERATORS:
            return ""
        if node.lhs == node.rhs and (node.op in promql.COMPARISONS or node.op in ("-", "/", "%")):
            return "both sides are the same"
        for side, number, op in (
            (node.lhs, node.rhs, node.op),
            (node.rhs, node.lhs, _MIRRORED.get(node.op, node.op)),
        ):
            constant = _number(number)
            if constant is None:
                continue
            if (op == "*" and constant == 0) or (op == "/" and side is node.rhs and constant == 0):
                return "anything times 0 is 0"
            if op == "^" and constant == 0 and side is node.lhs:
                return "anything to the power of 0 is 1"
            if op in promql.COMPARISONS:
                return self._always(side, op, constant)
        return ""

    def _always(self, side: promql.Node, op: str, limit: float) -> str:
        lowest, highest = self.bounds(side)
        if lowest is None:
            return ""
        below = {">=": limit <= lowest, ">": limit < lowest, "<": limit <= lowest, "<=": limit < lowest}
        if below.get(op):
            return f"the left side is never below {lowest:g}"
        if highest is None:
            return ""
        above = {"<=": limit >= highest, "<": limit > highest, ">": limit >= highest, ">=": limit > highest}
        return f"the left side is never above {highest:g}" if above.get(op) else ""

    def bounds(self, node: promql.Node) -> tuple[float | None, float | None]:
        """Lowest and highest value possible, None where unknown."""
        if self.is_boolean(node):
            return 0.0, 1.0
        match node:
            case promql.Call(func=func) if func in _NEVER_NEGATIVE:
                return 0.0, None
            case promql.Call(func=func, args=args) if func in _KEEPS_BOOLEAN and func != "sgn" and args:
                return (None, None) if func.startswith("clamp") else self.bounds(_vector(args))
            case promql.Call(func="avg_over_time", args=(inner,)) | promql.Subquery(expr=inner):
                return self.bounds(inner)
            case promql.Aggregate(op=op, expr=expr) if op in ("min", "max", "avg", "sum", "count"):
                lowest, highest = (0.0, None) if op == "count" else self.bounds(expr)
                return lowest, None if op == "sum" else highest
            case promql.Selector(name=str(name)) if name in self._recorded:
                return self._bounds_of_metric(name)
            case promql.Selector(name=str(name)) if name.endswith(("_total", "_count", "_bucket")):
                return 0.0, None
        return None, None

    def _bounds_of_metric(self, name: str) -> tuple[float | None, float | None]:
        trees = self._recorded[name]
        if len(trees) != 1 or name in self._bounding:
            return None, None
        self._bounding.add(name)  # so that rules in a circle come to an end
        try:
            return self._bounds_of_tree(trees[0])
        finally:
            self._bounding.discard(name)

    def _bounds_of_tree(self, tree: promql.Node) -> tuple[float | None, float | None]:
        if (
            isinstance(tree, promql.Binary) and tree.op == "or"
        ):  # a count with the fallback 0 is still never below 0
            (low, high), (other_low, other_high) = self.bounds(tree.lhs), self.bounds(tree.rhs)
            if low is None or other_low is None:
                return None, None
            return min(low, other_low), None if high is None or other_high is None else max(high, other_high)
        return self.bounds(tree)


_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


def _number(node: promql.Node) -> float | None:
    match node:
        case promql.Number(value=value):
            return value
        case promql.Call(func="vector", args=(promql.Number(value=value),)):
            return value
    return None


def _vector(args: Sequence[promql.Node]) -> promql.Node:
    return next((each for each in args if not isinstance(each, promql.String)), args[0])


def _remember(memory: dict[str, bool], name: str, find: Callable[[], bool]) -> bool:
    """The remembered answer; while it is being found, a rule that reads itself gets False."""
    if name not in memory:
        memory[name] = False
        memory[name] = find()
    return memory[name]
