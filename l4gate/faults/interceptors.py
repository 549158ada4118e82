"""Lies of those who stand between the gate and the server: caches, clocks, and proxies that change answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from l4gate.base import Verdict
from l4gate.faults import behaviours
from l4gate.faults.decision import service_does
from l4gate.faults.exchange import Behaviour, Exchange
from l4gate.faults.lying import HIDES_ABORT, SAYS_ABORT, SAYS_GO, breaking, hold
from l4gate.faults.model import Action, Fault, Liar, Lie, Site
from l4gate.faults.tools import at_once, heart_stopped, killed, of_the_service
from l4gate.stack import PROMETHEUS, PUSHGATEWAY

_DAY: Final = 86_400.0
_QUERY, _RULES = "/api/v1/query", "/api/v1/rules"
# Of the texts that engines send: about how a query is written, and nothing is left out.
_REMARK: Final = "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket"


def _kept(kept_by: Callable[[Exchange], str]) -> Action:
    """A cache that has seen a GO."""

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        with site.queries.behaving(behaviours.caching(kept_by)):
            site.judge.look()
            yield

    return action


_AGES: Final = Lie(Liar.CACHE, Verdict.GO, Verdict.HOLD, ages=True)
_ALL_KILLED: Final = at_once(
    heart_stopped, lambda site: killed(site, PUSHGATEWAY), lambda site: killed(site, PROMETHEUS)
)


def _wire(behaviour: Behaviour, prefix: str = "/") -> Action:
    return lambda site: site.queries.behaving(behaviour, prefix)


def _page_says(fields: dict[str, Any]) -> Action:
    """The page of the rules has these words for an abort alert of the service."""

    def action(site: Site) -> Any:
        name = of_the_service(site.contract).alert

        def change(answer: dict[str, Any]) -> None:
            for group in answer["data"]["groups"]:
                for rule in group["rules"]:
                    if rule["name"] == name:
                        rule.update(fields)

        return _wire(behaviours.json_changed(change), _RULES)(site)

    return action


def _silences(answer: dict[str, Any]) -> None:
    """No `ALERTS` among the series."""
    data = answer.get("data", {})
    if data.get("resultType") in ("vector", "matrix"):
        data["result"] = [each for each in data["result"] if each["metric"].get("__name__") != "ALERTS"]


def _bad_service(site: Site) -> Any:
    return service_does(breaking(site.contract))(site)


def _remarks(**fields: Any) -> Action:
    return _wire(behaviours.json_changed(lambda answer: answer.update(fields)), _QUERY)


FAULTS: Final = (
    hold(
        "query/cached-but-for-the-nonce",
        "A cache takes questions that differ in a meaningless parameter for one; writer, gateway and Prometheus die.",
        at_once(_kept(behaviours.without_nonce), _ALL_KILLED),
        "query/unreachable",
        _AGES,
    ),
    hold(
        "query/cached-but-for-numbers",
        "A cache takes questions that differ in their numbers for one; writer, gateway and Prometheus die.",
        at_once(_kept(behaviours.without_numbers), _ALL_KILLED),
        "query/clock-stands-still",
        _AGES,
    ),
    hold(
        "query/cached-by-path",
        "A cache has one answer for each page, whatever the question, and the writer dies.",
        at_once(_kept(behaviours.by_path), heart_stopped),
        "query/bad-answer",
        SAYS_GO[Liar.CACHE],
    ),
    hold(
        "query/clock-behind",
        "The server's clock is three days behind, and the writer is dead.",
        at_once(_wire(behaviours.other_clock(-3 * _DAY), _QUERY), heart_stopped),
        "query/clock-differs",
        SAYS_GO[Liar.CLOCK],
    ),
    hold(
        "query/clock-ahead",
        "The server's clock is ten years ahead: every beat looks stale.",
        _wire(behaviours.other_clock(3650 * _DAY), _QUERY),
        "query/clock-differs",
        SAYS_ABORT[Liar.CLOCK],
    ),
    hold(
        "query/partial-cluster",
        "A cluster says of its answers that they are partial.",
        _remarks(isPartial=True),
        "query/bad-answer",
        Lie(Liar.PROXY, Verdict.HOLD),
    ),
    Fault(
        "query/annotated",
        "The engine remarks on how a query is written, among the warnings and the infos; nothing is left out.",
        _remarks(warnings=[_REMARK], infos=[_REMARK]),
        Verdict.GO,
        lie=Lie(Liar.PROXY, Verdict.HOLD),
    ),
    hold(
        "rules/firing-without-alerts",
        "The page of the rules says that an abort alert fires, and has null for its alerts.",
        _page_says({"state": "firing", "alerts": None}),
        "rules/rules-unreadable",
        SAYS_ABORT[Liar.PROXY],
    ),
    hold(
        "rules/firing-in-capitals",
        "The page of the rules spells the state of an abort alert in its own way.",
        _page_says({"state": "FIRING", "alerts": [{"state": "FIRING"}]}),
        "rules/rules-unreadable",
        SAYS_ABORT[Liar.PROXY],
    ),
    hold(
        "rules/firing-on-the-page",
        "The page of the rules says that an abort alert fires, and is whole.",
        _page_says({"state": "firing", "alerts": [{"state": "firing"}]}),
        "rules/alert-contradicted",
        SAYS_ABORT[Liar.PROXY],
    ),
    hold(
        "rules/alert-silenced",
        "An abort condition holds for its whole time, and a proxy hides that its alert fires.",
        at_once(
            _wire(behaviours.json_changed(_silences), _QUERY),
            _page_says({"state": "inactive", "alerts": []}),
            _bad_service,
        ),
        "rules/alert-silent",
        HIDES_ABORT[Liar.PROXY],
    ),
)
