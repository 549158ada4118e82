"""Reading a contract: strictly, with the line and column of what is wrong, and held together where its parts meet."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import TypeAdapter, ValidationError

from l4gate.base import PROMETHEUS_DIR, RuleError, UsageError, read_config, says_seconds, yamldoc
from l4gate.contract.bounds import Keys
from l4gate.contract.meaning import meaningless
from l4gate.contract.model import SECONDS_UNIT, Contract

CONTRACT_NAME: Final = "contract.yml"
SCHEMA_NAME: Final = "contract.schema.json"
ADAPTER: Final = TypeAdapter(Contract)


def load_contract(folder: Path) -> Contract:
    """
    The contract beside the rules of a folder; this repository's where the folder has none.

    Raises:
        UsageError: naming file, line and column, if it cannot be used.
    """
    path = folder / CONTRACT_NAME
    if not path.exists():
        path = PROMETHEUS_DIR / CONTRACT_NAME
    try:
        text = read_config(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: expected a readable contract, found: {error}."
        raise UsageError(message) from None
    return parse_contract(text, str(path))


@lru_cache(maxsize=8)
def parse_contract(text: str, name: str) -> Contract:
    """
    The contract that a text is; `name` is how errors call it.

    Raises:
        UsageError: naming line and column, if it is none.
    """
    try:
        document = yamldoc.read(text, name)
        for node in _nodes(document.root):
            if isinstance(node, yaml.MappingNode):
                document.mapping(node)  # a key that stands twice
        data = yamldoc.meaning(document.root, name)
        contract = ADAPTER.validate_python(data)
    except RuleError as error:
        raise UsageError(error.message, next_step=error.next_step) from None
    except (ValidationError, ValueError) as error:
        where, found = _first(error)
        message = f"{_place(document, where)}: {_dotted(where)}{found}."
        raise UsageError(message, next_step=f"see {SCHEMA_NAME} for what a contract may say.") from None
    for where, found in _contradictions(contract):
        message = f"{_place(document, where)}: {_dotted(where)}{found}."
        raise UsageError(message)
    return contract


def contract_hash(contract: Contract) -> str:
    """
    SHA-256 of what the contract says, as loaded: the same for another order or comment, another for any other number.

    Every verdict names it. A limit that is no limit for anything can only be known by somebody who knows the service.
    """
    said = ADAPTER.dump_python(contract, by_alias=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _first(error: Exception) -> tuple[Keys, str]:
    if not isinstance(error, ValidationError):
        return (), f"expected a contract, found: {error}"
    found = error.errors(include_url=False, include_context=False)[0]
    if found["type"] == "unexpected_keyword_argument":
        return found["loc"], "unknown key"
    said = found["msg"].removeprefix("Value error, ")
    seen = "" if found["type"] == "missing" or said.startswith("expected") else f", found {found['input']!r}"
    return found["loc"], f"{said[0].lower()}{said[1:]}{seen}"


def _dotted(where: Keys) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".") + (
        ": " if where else ""
    )


def _place(document: yamldoc.Document, where: Keys) -> str:
    """`file:line:column` of the deepest part of a path that the file has."""
    node = document.root
    for part in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            pairs = {str(key.value): (key, value) for key, value in node.value}
            if str(part) not in pairs:
                break
            key, node = pairs[str(part)]
            if isinstance(node, yaml.ScalarNode) and part == where[-1]:
                return document.where(node if node.value else key)
    return document.where(node)


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        for each in node.value:
            for part in each if isinstance(each, tuple) else (each,):
                yield from _nodes(part)


def _contradictions(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """What each part says for itself and the parts do not say together."""
    known = {*contract.inputs, *contract.recorded}
    for where, metric in _mentioned(contract):
        if metric not in known:
            yield where, f"expected a metric of `inputs` or `recorded`, found {metric}"
    yield from _doubled(contract)
    yield from _simulated(contract)
    for part, metrics in (("inputs", contract.inputs), ("recorded", contract.recorded)):
        for name, each in metrics.items():
            if says_seconds(name) and not contract.in_seconds(name):
                yield (
                    (part, name),
                    f"expected the unit {SECONDS_UNIT}, as the name says, found {each.unit or each.kind}",
                )
    for name in contract.inputs.keys() & contract.recorded.keys():
        yield ("recorded", name), "expected a metric that is no input as well"
    for metric in (*contract.decisive, contract.heartbeat.changes.metric):
        if metric not in contract.recorded:
            yield ("heartbeat",), f"expected {metric} among `recorded`"
    yield from meaningless(contract)


def _doubled(contract: Contract) -> Iterator[tuple[Keys, str]]:
    alerts = [each.alert for each in (*contract.abort.conditions, *contract.warnings)]
    for alert, count in Counter(alerts).items():
        if count > 1:
            yield ("abort", "conditions"), f"expected each alert once, found {alert} {count} times"
    for alert, count in Counter(each.id for each in contract.criteria.certificate).items():
        if count > 1:
            yield ("criteria",), f"expected each id once, found {alert} {count} times"


def _simulated(contract: Contract) -> Iterator[tuple[Keys, str]]:
    for index, fault in enumerate(contract.simulation.faults):
        where = ("simulation", "faults", index)
        if fault.aborts is not None and fault.aborts not in contract.abort.alerts:
            yield (*where, "aborts"), f"expected an abort alert, found {fault.aborts}"
        for name in (*fault.service, *fault.omitted):
            if name not in contract.inputs or contract.inputs[name].simulated is None:
                yield where, f"expected an input that is simulated, found {name}"
    for name, each in contract.inputs.items():
        if each.jobs and each.simulated is not None and contract.simulation.job not in each.jobs:
            yield (
                ("inputs", name, "jobs"),
                f"expected the simulation's job {contract.simulation.job} among them",
            )
    restore_time = contract.inputs.get(contract.rehearsal.restore_time)
    simulated = restore_time.simulated if restore_time else None
    if simulated is None or not simulated.buckets:
        yield ("rehearsal", "restore_time"), "expected a histogram that is simulated, with its buckets"


def _mentioned(contract: Contract) -> Iterator[tuple[Keys, str]]:
    """Every place that names a metric which must be known."""
    yield ("heartbeat", "time"), contract.heartbeat.time
    yield ("heartbeat", "sequence"), contract.heartbeat.sequence
    for name, recorded in contract.recorded.items():
        for index, read in enumerate(recorded.reads):
            yield ("recorded", name, "reads", index), read
        if recorded.covered is not None:
            yield ("recorded", name, "covered", "metric"), recorded.covered.metric
    for index, condition in enumerate(contract.abort.conditions):
        yield ("abort", "conditions", index, "metric"), condition.metric
    for index, warning in enumerate(contract.warnings):
        yield ("warnings", index, "metric"), warning.metric
    for group in ("heartbeat", "canary_quorum", "error_budget", "disaster_recovery"):
        for index, criterion in enumerate(getattr(contract.criteria, group)):
            yield ("criteria", group, index, "metric"), criterion.metric
    yield ("levels", "metric"), contract.levels.metric
    for part in ("restore_time", "succeeded", "failed", "p95"):
        yield ("rehearsal", part), getattr(contract.rehearsal, part)
