"""
What a configuration has to pass before it goes live: promtool as it is, and the lint as it would be in production.

A scaled configuration is linted in production time. The lint knows one realm, the contract's own, so the files of each
realm are linted as if they were that one's: the rules are the same, whichever realm they are of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from l4gate.base import OperationRefused, RuleError, UsageError
from l4gate.contract import Contract, Pace
from l4gate.lint import as_text, lint
from l4gate.machine import scratch
from l4gate.operations.configuration import CONFIG_FILE, Configuration
from l4gate.programs import Promtool
from l4gate.rules import RuleGroup, is_rule_file, render

_SHOWN_NAMES: Final = 5


def check(
    content: Configuration, promtool: Promtool, *, live_dir: Path, pace: Pace, realms: tuple[str, ...]
) -> tuple[RuleGroup, ...]:
    """
    Promtool and the lint over a copy of the files; returns the rules.

    Args:
        content: what is to go live.
        promtool: of the server's version.
        live_dir: where it is to go; names of files may be given by that folder.
        pace: the time factor at which it was rendered, and the contract.
        realms: for which it was rendered, the targets' own first; none: the contract's.

    Raises:
        OperationRefused: with everything that was found.
    """
    with scratch("check") as folder:
        copy = folder / "live"
        copy.mkdir()
        content.write(copy)
        done = promtool.run("check", "config", CONFIG_FILE, folder=copy)
        if done.returncode != 0:
            raise refused(content, f"promtool {promtool.version}: {(done.stderr + done.stdout).strip()}")
        try:
            outside = content.names_outside(live_dir)
            if outside:
                raise refused(content, named_outside(outside))
            groups = content.rules()
            if not groups:
                raise refused(content, f"{CONFIG_FILE}: expected rules, found none.")
            own = pace.contract.realm.default
            said = _realms_said(groups, pace.contract)
            for realm, production in _in_production(content, folder, pace, realms or (own,), said):
                report = lint(production, promtool=promtool, contract=pace.contract)
                if not report.clean:
                    of = "" if realm == own else f"realm {realm}, shown as {own}:\n"
                    found = as_text(report).replace(_group_ending(realm), _file_ending(realm))
                    raise refused(content, f"{of}{found}")
        except (RuleError, UsageError) as error:
            raise refused(content, str(error).replace(f"{copy}/", "")) from None
        return groups


def refused(content: Configuration, found: str) -> OperationRefused:
    """Nothing was changed, and why; promtool and the lint quote lines."""
    message = f"the configuration did not pass the check, and nothing was changed:\n{content.without_secrets(found)}\n"
    return OperationRefused(
        message, next_step="mend what is named; the server runs its old rules until then."
    )


def named_outside(names: list[str]) -> str:
    """What a configuration names that no switch takes along, in words."""
    return (
        f"{CONFIG_FILE} names {', '.join(names[:_SHOWN_NAMES])}, which matches no file in rules/ and targets/ "
        "of the live folder: nothing else is switched with it."
    )


def _in_production(
    content: Configuration,
    folder: Path,
    pace: Pace,
    realms: tuple[str, ...],
    said: Mapping[str, set[str]],
) -> Iterator[tuple[str, Path]]:
    """
    For each realm, a folder with what there is of it, as it would be for the contract's realm at factor 1.

    The first realm has all rule files that none of the realms has for itself.
    """
    contract, first = pace.contract, realms[0]
    others = [{realm} for realm in realms[1:]]
    for number, realm in enumerate(realms):
        files = {
            name.replace(_file_ending(realm), _group_ending(realm)): text  # the lint holds the two together
            for name, text in content.files.items()
            if not is_rule_file(name)
            or (of := said.get(name)) == {realm}
            or (realm == first and of not in others)
        }
        steps = [folder / f"{number}-{step}" / "live" for step in ("rendered", "targets", "production")]
        for step in steps:
            step.mkdir(parents=True)
        Configuration(files).write(steps[0])
        # The targets, and what the rules ask of them, carry the first realm; what is pushed its own.
        for source, target, factor, name in (
            (steps[0], steps[1], 1 / pace.factor, first),
            (steps[1], steps[2], 1.0, realm),
        ):
            render(
                source,
                target,
                factor=factor,
                realms=(contract.realm.default,),
                addresses={},
                named=False,
                contract=contract.for_realm(name),
            )
        yield realm, steps[-1]


def _file_ending(realm: str) -> str:
    return f".{realm}.rules."


def _group_ending(realm: str) -> str:
    return f"-{realm}.rules."


def _realms_said(groups: tuple[RuleGroup, ...], contract: Contract) -> Mapping[str, set[str]]:
    """By the names of rule files, the realms that their rules say."""
    said: dict[str, set[str]] = {}
    for group in groups:
        found = said.setdefault(group.file, set())
        found.update(rule.labels.get(contract.realm.label, "") for rule in group.rules)
    return said
