"""Editing the live configuration of a sandbox, as somebody on the server would, and putting it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import yaml

from l4gate.contract import Contract, Target
from l4gate.faults.model import Action, Site

# Which scrape job, of whatever contract.
Job = Callable[[Contract], Target]
# What a rule records, or the alert that it is, in whatever contract.
Named = Callable[[Contract], str]


def pushgateway(contract: Contract) -> Target:
    """The job that scrapes the Pushgateway."""
    return contract.targets.pushgateway


@contextmanager
def edited(site: Site, name: str, change: Callable[[str], str], *, reload: bool = True) -> Iterator[None]:
    """Changes a live configuration file and reloads; puts it back and reloads again."""
    path = site.sandbox.stack.config_dir / name
    before = path.read_text() if path.exists() else None
    path.write_text(change(before or ""))
    try:
        if reload:
            site.sandbox.stack.reload()
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
        if reload:
            site.sandbox.stack.reload()


def job_set(job: Job = pushgateway, **settings: Any) -> Action:
    """Changes settings of one scrape job."""

    def change(config: dict[str, Any], site: Site) -> None:
        if config["job_name"] == job(site.contract).job:
            config.update(settings)

    return jobs_changed(change)


def jobs_changed(change: Callable[[dict[str, Any], Site], None]) -> Action:
    """Changes every scrape job on the server, as data: `change(job, site)`."""

    def action(site: Site) -> AbstractContextManager[None]:
        def changed(text: str) -> str:
            config = yaml.safe_load(text)
            for job in config["scrape_configs"]:
                change(job, site)
            return yaml.safe_dump(config)

        return edited(site, "prometheus.yml", changed)

    return action


def rule_set(named: Named, fields: Callable[[Site], dict[str, Any]]) -> Action:
    """Changes fields of one rule on the server; None removes one."""

    def change(_rules: list[dict[str, Any]], rule: dict[str, Any], site: Site) -> None:
        rule |= fields(site)
        for field in [field for field, value in rule.items() if value is None]:
            del rule[field]

    return rule_changed(named, change)


def foreign_rule(fields: Callable[[Site], dict[str, Any]]) -> Action:
    """Loads somebody else's rule group, of one rule, beside the right ones."""

    def action(site: Site) -> AbstractContextManager[None]:
        text = yaml.safe_dump({"groups": [{"name": "foreign", "rules": [fields(site)]}]})
        return edited(site, "rules/foreign.rules.yml", lambda _text: text)

    return action


def rule_changed(
    named: Named, change: Callable[[list[dict[str, Any]], dict[str, Any], Site], None]
) -> Action:
    """Changes the rules of the group on the server that has a rule, as data: `change(rules, rule, site)`."""

    def action(site: Site) -> AbstractContextManager[None]:
        name = named(site.contract)
        for path in sorted((site.sandbox.stack.config_dir / "rules").rglob("*.yml")):
            if _rule_in(yaml.safe_load(path.read_text()), name) is not None:

                def changed(text: str) -> str:
                    config = yaml.safe_load(text)
                    rules, rule = _rule_in(config, name) or ([], {})
                    change(rules, rule, site)
                    return yaml.safe_dump(config)

                return edited(site, str(path.relative_to(site.sandbox.stack.config_dir)), changed)
        message = f"no rule of the server is {name}"
        raise LookupError(message)

    return action


def _rule_in(config: Any, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
    for group in config["groups"]:
        for rule in group["rules"]:
            if rule.get("record", rule.get("alert")) == name:
                return group["rules"], rule
    return None
