"""Lies of those who can push: series under names, jobs and instances that are not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from l4gate import promql
from l4gate.base import Verdict
from l4gate.faults.lying import (
    DIFFERS,
    HIDES_ABORT,
    LET_IN,
    SAYS_ABORT,
    SAYS_GO,
    SOMEBODY,
    Lines,
    alarming_value,
    calm_value,
    energy,
    hold,
)
from l4gate.faults.model import Action, Fault, Liar, Lie, Site
from l4gate.faults.tools import at_once, beating_as, heart_stopped, of_the_service, pushed, sample, unlike

_GROUP: Final = f"/metrics/job/{SOMEBODY}"
_WORST: Final = 1e6  # beyond every limit, whatever is counted


def _pushes(lines: Lines) -> Action:
    return lambda site: pushed(site, _GROUP, lines(site))


def _decision(site: Site) -> str:
    return "".join(sample(site, name, 1) for name in site.contract.decisive)


def _links(site: Site) -> str:
    """What the rules record of each writer, under names that no contract has. Nothing that decides reads it."""
    contract, found = site.contract, site.judge.expectation.chain(site.realm).recordings
    links = {contract.heartbeat.time, contract.heartbeat.sequence}
    for each in found:
        if each.rule.name not in contract.recorded and links & {
            one.name for one in promql.selectors(each.rule.tree)
        }:
            links.add(each.rule.name)
    return "".join(sample(site, each.rule.name, 1) for each in found if each.rule.name in links)


def _alert(site: Site) -> str:
    alert = of_the_service(site.contract).alert
    return sample(site, "ALERTS", 1, alertname=alert, alertstate="firing")


def _number(site: Site) -> str:
    """A number that the service alone may publish."""
    inputs = site.contract.inputs.items()
    return next(name for name, each in inputs if each.jobs and each.kind == "gauge" and each.simulated)


def _numbered(value: float) -> Lines:
    """That number, with the type that the service gives it, or the gateway would refuse the push."""
    return lambda site: f"# TYPE {_number(site)} gauge\n{sample(site, _number(site), value)}"


@contextmanager
def _without_number(site: Site) -> Iterator[None]:
    """The service does not publish it any more."""
    service = site.sandbox.service
    before, service.omitted = service.omitted, {*service.omitted, _number(site)}
    try:
        yield
    finally:
        service.omitted = before


def _other_instance(site: Site) -> AbstractContextManager[None]:
    heartbeat = site.contract.heartbeat
    return beating_as(site, heartbeat.job, unlike(heartbeat.instance, "standby", SOMEBODY))


FAULTS: Final = (
    Fault(
        "rules/decision-pushed",
        "Somebody pushes the number that decides, beside the rule that records it; the scrape drops it.",
        _pushes(_decision),
        Verdict.GO,
        lie=Lie(Liar.PUSHER, Verdict.GO),
    ),
    Fault(
        "rules/energy-pushed",
        "Somebody pushes what an abort condition of the service watches; the scrape drops it.",
        _pushes(energy(calm_value)),
        Verdict.GO,
        lie=Lie(Liar.PUSHER, Verdict.GO),
    ),
    hold(
        "rules/decision-pushed-while-dead",
        "The writer is dead, and somebody pushes the numbers that decide as good; the scrape drops them.",
        at_once(_pushes(_decision), heart_stopped),
        "writer/stale",
        SAYS_GO[Liar.PUSHER],
    ),
    hold(
        "rules/decision-let-in",
        "The same, and the server no longer drops them.",
        at_once(LET_IN, _pushes(_decision), heart_stopped),
        "query/ambiguous",
        HIDES_ABORT[Liar.PUSHER],
        "rules/contradicted",
        DIFFERS,
    ),
    Fault(
        "rules/links-pushed",
        "The writer is dead for good, and somebody pushes what is recorded of each writer.",
        at_once(_pushes(_links), heart_stopped),
        Verdict.ABORT,
        "writer/stale",
        also=("verdict/abort-firing",),
        lie=HIDES_ABORT[Liar.PUSHER],
    ),
    hold(
        "rules/links-let-in",
        "The same, and the server no longer drops it: what is recorded is not what its rule gives.",
        at_once(LET_IN, _pushes(_links), heart_stopped),
        "rules/contradicted",
        HIDES_ABORT[Liar.PUSHER],
        DIFFERS,
        "writer/stale",
    ),
    Fault(
        "rules/alert-pushed",
        "Somebody pushes an abort alert that fires; the scrape drops it.",
        _pushes(_alert),
        Verdict.GO,
        lie=SAYS_ABORT[Liar.PUSHER],
    ),
    hold(
        "rules/alert-let-in",
        "The same, and the server no longer drops it.",
        at_once(LET_IN, _pushes(_alert)),
        "rules/alert-contradicted",
        SAYS_ABORT[Liar.PUSHER],
        DIFFERS,
    ),
    Fault(
        "rules/alarm-pushed",
        "Somebody pushes a bad value of what an abort condition watches; the scrape drops it.",
        _pushes(energy(alarming_value)),
        Verdict.GO,
        lie=SAYS_ABORT[Liar.PUSHER],
    ),
    hold(
        "rules/alarm-let-in",
        "The same, and the server no longer drops it: its abort alert fires.",
        at_once(LET_IN, _pushes(energy(alarming_value))),
        "rules/contradicted",
        SAYS_ABORT[Liar.PUSHER],
        DIFFERS,
    ),
    hold(
        "transport/number-by-another",
        "Somebody pushes a number of the service, as bad as can be: its abort alert fires.",
        _pushes(_numbered(_WORST)),
        "transport/stray-input",
        SAYS_ABORT[Liar.PUSHER],
    ),
    hold(
        "transport/number-in-its-place",
        "The service no longer publishes a number, and somebody pushes a good one in its place.",
        at_once(_pushes(_numbered(0)), _without_number),
        "transport/stray-input",
        SAYS_GO[Liar.PUSHER],
    ),
    hold(
        "transport/other-instance",
        "The writer is dead, and somebody beats under another instance of its job.",
        _other_instance,
        "transport/required-path-dead",
        SAYS_GO[Liar.PUSHER],
    ),
)
