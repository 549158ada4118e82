"""
What a configuration has to pass before it goes live: promtool as it is, and the lint as it would be in production.

A scaled configuration is linted in production time. The lint knows one realm, the contract's own, so that of another
realm is linted as if it were that one's, and the rule set of a fleet as that of one realm that it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from l4gate.base import OperationRefused, RuleError, UsageError
from l4gate.contract import Contract, Pace
from l4gate.lint import as_text, lint
from l4gate.machine import scratch
from l4gate.operations.configuration import CONFIG_FILE, Configuration
from l4gate.programs import Promtool
from l4gate.rules import RuleGroup, as_yaml, is_rule_file, of_one, render

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
            first, *others = realms or (own,)
            files = _of_one(content, groups, pace.contract) if others else content.files
            report = lint(
                _in_production(files, folder, pace, first), promtool=promtool, contract=pace.contract
            )
            if not report.clean:
                of = "" if first == own else f"realm {first}, shown as {own}:\n"
                of = f"the rules of {len(realms)} realms, shown as those of {own}:\n" if others else of
                found = as_text(report).replace(_group_ending(first), _file_ending(first))
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


def _of_one(content: Configuration, groups: tuple[RuleGroup, ...], contract: Contract) -> dict[str, bytes]:
    """The files with the rules of a fleet as they were before they were made for many realms."""
    files = {name: text for name, text in content.files.items() if not is_rule_file(name)}
    for name in {group.file for group in groups}:
        if single := of_one([group for group in groups if group.file == name], contract):
            files[name] = as_yaml(single).encode()
    return files


def _in_production(files: Mapping[str, bytes], folder: Path, pace: Pace, realm: str) -> Path:
    """A folder with these files of a realm as they would be for the contract's own at factor 1."""
    given, production = folder / "rendered", folder / "production"
    given.mkdir()
    production.mkdir()
    # The lint holds the names of files and of groups together.
    named = {name.replace(_file_ending(realm), _group_ending(realm)): text for name, text in files.items()}
    Configuration(named).write(given)
    contract = pace.contract
    render(
        given,
        production,
        factor=1 / pace.factor,
        realms=(contract.realm.default,),
        addresses={},
        named=False,
        contract=contract.for_realm(realm),
    )
    return production


def _file_ending(realm: str) -> str:
    return f".{realm}.rules."


def _group_ending(realm: str) -> str:
    return f"-{realm}.rules."
