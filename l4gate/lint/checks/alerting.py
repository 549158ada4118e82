"""Whether somebody is told: the routes, receivers, mutes and inhibitions of alertmanager.yml, where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from l4gate.lint.facts import Facts
from l4gate.lint.model import check
from l4gate.lint.places import Place, Problem
from l4gate.lint.repository import Judged, entry, items, pairs, plain
from l4gate.lint.routing import Chosen, Unreadable, chosen, matches


@check(
    "alerting/parse",
    title="alertmanager.yml is YAML with routes and receivers",
    why="The Alertmanager refuses to load a file that it cannot read, and after a restart nobody is told.",
    mend="Correct what stands at the place; `amtool check-config alertmanager.yml` knows more.",
)
def parse(facts: Facts) -> Iterator[Problem]:
    """Reports what could not be read, and a section without which nobody is told."""
    repository = facts.repository
    yield from (each for each in repository.unreadable if each.place.file == repository.alerting_name)
    if repository.alerting is not None:
        for section, kind in (("route", yaml.MappingNode), ("receivers", yaml.SequenceNode)):
            if not isinstance(entry(repository.alerting, section), kind):
                yield Problem(f"expected {section}, found none", _at(facts, repository.alerting))


@check(
    "alerting/receiver",
    title="every alert goes to a receiver that calls somebody",
    why="An alert that fires and is sent to a receiver without an integration is heard by nobody, and nothing says so.",
    mend="Give the receiver what it is to call, or the route another receiver.",
)
def receiver(facts: Facts) -> Iterator[Problem]:
    """Follows every alert of the rules down the routes."""
    known = {
        plain(entry(each, "name")): any(
            str(key.value).endswith("_configs") and items(value) for key, value in pairs(each)
        )
        for each in items(entry(facts.repository.alerting, "receivers"))
    }
    for alert, found in _routes(facts):
        if isinstance(found, Problem):
            yield found
        elif found.receiver not in known:
            what = f"{alert.rule.name} goes to the receiver {found.receiver or 'without a name'}, which is not there"
            yield Problem(what, _at(facts, found.route))
        elif not known[found.receiver]:
            what = f"{alert.rule.name} goes to the receiver {found.receiver}, which calls nobody"
            yield Problem(what, _at(facts, found.route))


@check(
    "alerting/muted",
    title="no time interval mutes an abort or the watchdog",
    why="The service breaks at night as well; a watchdog that rests at the weekend raises a false alarm.",
    mend="Take mute_time_intervals and active_time_intervals out of that route.",
)
def muted(facts: Facts) -> Iterator[Problem]:
    """Looks at the routes that take what must always be heard."""
    for alert, found in _routes(facts):
        if isinstance(found, Problem) or not _must_be_heard(alert, facts):
            continue
        for key in ("mute_time_intervals", "active_time_intervals"):
            if entry(found.route, key) is not None:
                what = f"{alert.rule.name} is not sent at all times: {key}"
                yield Problem(what, _at(facts, entry(found.route, key)))


@check(
    "alerting/inhibited",
    title="no inhibition swallows an abort or the watchdog",
    why="Another alert that fires at the same time, as most do when a service breaks, would keep the ABORT from"
    " everybody.",
    mend="Narrow the target of the inhibition, so that it takes no such alert.",
)
def inhibited(facts: Facts) -> Iterator[Problem]:
    """Holds the target of every inhibition against what must always be heard."""
    for rule in items(entry(facts.repository.alerting, "inhibit_rules")):
        for alert in facts.repository.alerts:
            if not _must_be_heard(alert, facts):
                continue
            try:
                target = matches(rule, "target_match", _labels(alert))
            except Unreadable as error:
                yield Problem(f"expected a target that can be followed, found {error}", _at(facts, rule))
                break
            if target:
                yield Problem(f"{alert.rule.name} can be inhibited", _at(facts, rule))


def _routes(facts: Facts) -> Iterator[tuple[Judged, Chosen | Problem]]:
    """Every alert with each route that takes it, or with what keeps it from being followed."""
    route = entry(facts.repository.alerting, "route")
    if route is None:
        return
    for alert in facts.repository.alerts:
        try:
            for found in chosen(route, _labels(alert)):
                yield alert, found
        except Unreadable as error:
            yield alert, Problem(f"expected routes that can be followed, found {error}", _at(facts, route))
            return


def _must_be_heard(alert: Judged, facts: Facts) -> bool:
    return alert.rule.name in {*facts.contract.abort.alerts, facts.contract.watchdog}


def _labels(alert: Judged) -> dict[str, str]:
    return {**alert.rule.labels, "alertname": alert.rule.name}


def _at(facts: Facts, node: yaml.Node | None) -> Place:
    return facts.repository.at_node(facts.repository.alerting_name, node)
