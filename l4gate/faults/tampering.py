"""Lies of those who edit the server's files: jobs that do not look, rules that abort, rules of others in our names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from l4gate.base import wait_until
from l4gate.contract import Contract
from l4gate.faults.decision import service_does
from l4gate.faults.edits import foreign_rule, job_set, jobs_changed, rule_set
from l4gate.faults.lying import DIFFERS, NO_TARGET, SAYS_ABORT, SAYS_GO, breaking, hold
from l4gate.faults.model import Action, Liar, Site
from l4gate.faults.tools import at_once, heart_stopped, of_the_service

_NOBODY: Final = "127.0.0.1:9"
_ALWAYS_ABOVE: Final = -1e9  # what no value of a service is below
_NEVER_YOUNGER: Final = 1e-6  # seconds; no beat arrives so soon
_FIRES_SECONDS: Final = 15.0  # it takes a beat, a scrape and an evaluation


def _alert(contract: Contract) -> str:
    return of_the_service(contract).alert


def _fresh(contract: Contract) -> str:
    return contract.heartbeat.fresh.metric


def _second_gateway(job: dict[str, Any], site: Site) -> None:
    if job["job_name"] == site.contract.targets.pushgateway.job:
        first = job["static_configs"][0]
        job["static_configs"] = [{**first, "targets": [*first["targets"], _NOBODY]}]


def _never_fresh(site: Site) -> dict[str, Any]:
    contract = site.contract
    beat = contract.selector(contract.heartbeat.time, site.realm)
    young = f"max by ({contract.realm.label}) (time() - {beat} < bool {_NEVER_YOUNGER:f})"
    return {"expr": f"{young} or on () vector(0)"}


def _low_threshold(site: Site) -> dict[str, Any]:
    metric = of_the_service(site.contract).metric
    return {"expr": f"{site.contract.selector(metric, site.realm)} > {_ALWAYS_ABOVE:f}"}


def _own(site: Site) -> dict[str, str]:
    return {site.contract.realm.label: site.realm}


def _as_the_gateway(contract: Contract) -> dict[str, str]:
    return {"job": contract.targets.pushgateway.job, "instance": "recorded"}


def _records(
    name: Callable[[Contract], str], labels: Callable[[Contract], dict[str, str]] = lambda _contract: {}
) -> Action:
    """Somebody else's rule records a metric as 1, for our realm."""
    return foreign_rule(
        lambda site: {
            "record": name(site.contract),
            "expr": "vector(1)",
            "labels": {**_own(site), **labels(site.contract)},
        }
    )


@contextmanager
def _hasty(site: Site) -> Iterator[None]:
    """The alert does not wait and does not end: one bad moment of the service is enough."""
    alert = _alert(site.contract)
    firing = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
    with rule_set(_alert, lambda _site: {"for": None, "keep_firing_for": "1h"})(site):
        with service_does(breaking(site.contract))(site):
            wait_until(
                lambda: bool(site.sandbox.judge.api.query(firing).series),
                deadline_seconds=_FIRES_SECONDS,
                interval_seconds=0.05,
                what=f"{alert} to fire",
            )
        yield


_CONTRADICTED: Final = "rules/alert-contradicted"
_RULES: Final = "rules/rules-differ"
_WELL: Final = SAYS_GO[Liar.EDITED_SERVER]
_ABORTS: Final = SAYS_ABORT[Liar.EDITED_SERVER]

FAULTS: Final = (
    hold(
        "scrape/second-gateway-down",
        "The job has a second Pushgateway, and that one is down: nobody knows what was pushed there.",
        jobs_changed(_second_gateway),
        "transport/target-down",
        _WELL,
        slow=True,
    ),
    hold(
        "scrape/metrics-path",
        "The job asks the Pushgateway for a page that it does not have.",
        job_set(metrics_path="/no-such-page"),
        DIFFERS,
        _WELL,
        "transport/scrape-error",
        slow=True,
    ),
    hold(
        "scrape/one-sample",
        "The job takes a single sample from the Pushgateway.",
        job_set(sample_limit=1),
        "scrape/target-down",
        _WELL,
        DIFFERS,
    ),
    hold(
        "rules/fresh-limit-lowered",
        "The limit of freshness was lowered on the server until no beat is fresh.",
        rule_set(_fresh, _never_fresh),
        _RULES,
        _ABORTS,
        "rules/contradicted",
    ),
    hold(
        "rules/threshold-lowered",
        "The limit of an abort alert was lowered on the server until it always fires.",
        rule_set(_alert, _low_threshold),
        _RULES,
        _ABORTS,
        _CONTRADICTED,
    ),
    hold(
        "rules/for-removed",
        "An abort alert was made to fire at once and for an hour, and the service had one bad moment.",
        _hasty,
        _RULES,
        _ABORTS,
        _CONTRADICTED,
    ),
    hold(
        "rules/alert-always",
        "An abort alert was made to fire whatever its metric is.",
        rule_set(_alert, lambda _site: {"expr": "vector(1)", "for": None}),
        _RULES,
        _ABORTS,
        _CONTRADICTED,
    ),
    hold(
        "rules/foreign-alert",
        "Somebody else's rule group has an alert of an abort alert's name, and it fires.",
        foreign_rule(
            lambda site: {"alert": _alert(site.contract), "expr": "vector(1)", "labels": _own(site)}
        ),
        _RULES,
        SAYS_ABORT[Liar.FOREIGN_RULE],
        _CONTRADICTED,
    ),
    hold(
        "rules/foreign-recording",
        "The writer is dead, and somebody else's rule group records the number that decides as 1.",
        at_once(_records(lambda contract: contract.heartbeat.ok), heart_stopped),
        _RULES,
        SAYS_GO[Liar.FOREIGN_RULE],
        "writer/stale",
    ),
    hold(
        "rules/foreign-up",
        "The pushgateway job has no target, and somebody else's rule group records its `up`.",
        at_once(NO_TARGET, _records(lambda _contract: "up", _as_the_gateway)),
        _RULES,
        SAYS_GO[Liar.FOREIGN_RULE],
        "scrape/target-unknown",
        slow=True,
    ),
)
