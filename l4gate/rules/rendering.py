"""
The configuration of one run, made from the repository's: other addresses, another realm, scaled time.

At factor 1 and for the default realm the files differ from the source in nothing but addresses, byte for byte. Every
other change is made at one place of the parsed YAML or PromQL tree, and leaves comments and layout as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from l4gate import promql
from l4gate.base import Document, Edit, RuleError, UsageError, read_config, yamldoc
from l4gate.contract import Contract, load_contract
from l4gate.rules.alerting import own_alertmanager
from l4gate.rules.fleet_files import fleet_files
from l4gate.rules.model import CONFIG_FILE, RULE_FILES, RULES_FOLDER, RuleGroup, rules_in
from l4gate.rules.realm_in_steps import plain_or_quoted, relabelling_edits
from l4gate.rules.scaling import scale_config, scale_rule_file

_TARGET_FILES: Final = "*.yml"


def render(
    source: Path,
    destination: Path,
    *,
    factor: float,
    realms: tuple[str, ...],
    addresses: Mapping[str, str],
    rules: bool = True,
    named: bool = True,
    contract: Contract | None = None,
    alertmanager: str = "",
) -> None:
    """
    Writes prometheus.yml, rules/ and targets/ below `destination`, and removes other files from those two folders.

    `addresses` maps the addresses in the source ("prometheus:9090") to those of this run; all others stay. Several
    realms get one rule set for all of them, see `fleet`. A single one that is not the default has files and groups
    named after it, unless `named` is false.
    Targets, and what they say about themselves (`up`), carry the first realm: what is pushed brings its own.
    Without `rules` none are written: they take ten times as long as the rest (0.2 s), and a start has no use for them.
    `alertmanager` is the one address that alerts are sent to, whatever the source says; none leaves that as it is.
    `contract` is what the source is held to, if that does not lie beside it: a live folder has none.

    Raises:
        RuleError: naming file, line and column, if a source file cannot be used.
        UsageError: if an address is not in the source, or the factor rounds a duration by more than 1 %.
    """
    if not realms or source.resolve() == destination.resolve():
        message = (
            f"expected at least one realm and two folders, found {realms} and {source} to {destination}."
        )
        raise UsageError(message)
    contract = contract or load_contract(source)
    written = _configured(source, contract, factor=factor, realms=realms, addresses=addresses)
    if alertmanager:
        path = Path(CONFIG_FILE)
        written[path] = own_alertmanager(written[path], alertmanager, str(source / path))
    if rules:
        written |= _rules(source, contract, factor=factor, realms=realms, named=named)
    _write(destination, written)


def rendered_rules(source: Path, *, factor: float, realms: tuple[str, ...]) -> tuple[RuleGroup, ...]:
    """
    The rules of the folder `source` as they are in a run at this factor and for these realms; writes nothing.

    Raises:
        RuleError, UsageError: as `render`.
    """
    contract = load_contract(source)
    written = _configured(source, contract, factor=factor, realms=realms, addresses={})
    written |= _rules(source, contract, factor=factor, realms=realms)
    return rules_in({path.as_posix(): text.encode() for path, text in written.items()}, folder=source)


def rendered_config(source: Path, *, factor: float, realms: tuple[str, ...]) -> dict[str, Any]:
    """
    The prometheus.yml of the folder `source` as it is in such a run, but for addresses, as data; writes nothing.

    Raises:
        RuleError, UsageError: as `render`.
    """
    contract = load_contract(source)
    text = _configured(source, contract, factor=factor, realms=realms, addresses={})[Path(CONFIG_FILE)]
    parsed = yamldoc.plain(text, str(source / CONFIG_FILE))
    return parsed if isinstance(parsed, dict) else {}


def _configured(
    source: Path,
    contract: Contract,
    *,
    factor: float,
    realms: tuple[str, ...],
    addresses: Mapping[str, str],
) -> dict[Path, str]:
    """The text of prometheus.yml and of every target list of a run, by its path below the destination."""
    written, unused = {}, set(addresses)
    for path in (source / CONFIG_FILE, *sorted((source / "targets").glob(_TARGET_FILES))):
        document = _read(path)
        edits = [
            *_edits(document, lambda _path, value: addresses.get(value)),
            *_edits(document, lambda keys, value: realms[0] if _is_realm(keys, value, contract) else None),
            *relabelling_edits(document, realms[0], contract),
        ]
        unused -= {edit.node.value for edit in edits}
        text = yamldoc.apply(document, edits)
        if path.name == CONFIG_FILE and factor != 1:
            text = scale_config(text, factor, name=str(path))
        written[path.relative_to(source)] = text
    if unused:
        message = f"expected the address {', '.join(sorted(unused))} in {source}, found it nowhere."
        raise UsageError(message)
    return written


def _rules(
    source: Path, contract: Contract, *, factor: float, realms: tuple[str, ...], named: bool = True
) -> dict[Path, str]:
    """The text of every rule file of a run, by its path below the destination."""
    if len(realms) > 1:
        return fleet_files(source, contract, factor=factor, realms=realms)
    written, (realm,) = {}, realms
    for path in sorted((source / RULES_FOLDER).rglob(RULE_FILES)):
        document = _read(path)
        text = _rules_for(document, realm, contract, named=named)
        if factor != 1:
            text = scale_rule_file(text, factor, name=str(path), is_time=contract.in_seconds)
        name = _file_name(path.name, realm, contract.realm.default) if named else path.name
        written[path.relative_to(source).with_name(name)] = text
    return written


def _rules_for(document: Document, realm: str, contract: Contract, *, named: bool) -> str:
    """The text of a rule file for a realm."""
    default = contract.realm.default
    if realm == default:
        return document.text

    def change(keys: tuple[str, ...], value: str) -> str | None:
        if keys == ("groups", "rules", "expr"):
            return _expression_for(document, value, realm, contract)
        if keys == ("groups", "name"):
            return _group_name(value, realm, default) if named else None
        return (
            realm
            if keys == ("groups", "rules", "labels", contract.realm.label) and value == default
            else None
        )

    return yamldoc.apply(document, _edits(document, change))


def _expression_for(document: Document, text: str, realm: str, contract: Contract) -> str | None:
    """The expression with the realm in place of the default one, or None if it does not speak of it."""

    def change(node: promql.Node) -> promql.Node:
        match node:
            case promql.Selector(matchers=matchers):
                return replace(
                    node, matchers=tuple(_matcher_for(document, each, realm, contract) for each in matchers)
                )
            case promql.Call(func="label_replace", args=args) if args[1] == promql.String(
                contract.realm.label
            ):
                same = promql.String(realm) if args[2] == promql.String(contract.realm.default) else args[2]
                return replace(node, args=(*args[:2], same, *args[3:]))
            case _:
                return node

    tree = promql.parse(text)
    changed = promql.transform(tree, change)
    return None if changed == tree else promql.to_text(changed)


def _matcher_for(
    document: Document, matcher: promql.Matcher, realm: str, contract: Contract
) -> promql.Matcher:
    ours = contract.realm
    if matcher.label != ours.label:
        return matcher
    if matcher.op in ("=", "!=") and matcher.value == ours.default:
        return replace(matcher, value=realm)
    if matcher.op not in ("=", "!=") and ours.default in matcher.value:
        message = (
            f'{document.name}: expected {ours.label}="{ours.default}" or !=, found '
            f'{matcher.label}{matcher.op}"{matcher.value}", which cannot be rewritten for another realm.'
        )
        raise RuleError(message)
    return matcher


def _edits(document: Document, change: Callable[[tuple[str, ...], str], str | None]) -> list[Edit]:
    """An edit for each scalar for which `change(keys, value)` gives another value."""
    edits = []
    for keys, node in document.walk():
        if isinstance(node, yaml.ScalarNode):
            value = change(keys, str(node.value))
            if value is not None and value != node.value:
                edits.append(Edit(node, plain_or_quoted(value)))
    return edits


def _is_realm(keys: tuple[str, ...], value: str, contract: Contract) -> bool:
    return keys[-1:] == (contract.realm.label,) and value == contract.realm.default


def _group_name(name: str, realm: str, default: str) -> str:
    return name if realm == default else f"{name}-{realm}"


def _file_name(name: str, realm: str, default: str) -> str:
    stem, _, suffix = name.partition(".")
    return name if realm == default else f"{stem}.{realm}.{suffix}"


def _read(path: Path) -> Document:
    try:
        return yamldoc.read(read_config(path).decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: expected a readable file, found: {error}."
        raise RuleError(message) from None


def _write(destination: Path, written: Mapping[Path, str]) -> None:
    for folder in (RULES_FOLDER, "targets"):
        for path in (destination / folder).rglob("*.yml"):
            if path.relative_to(destination) not in written:
                path.unlink()
    for relative, text in written.items():
        path = destination / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
