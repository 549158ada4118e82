"""Lies of those who edit the server's files: jobs that do not look, rules that abort, rules of others in our names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from l4gate.base import Verdict, wait_until
from l4gate.contract import Contract
from l4gate.faults.decision import service_does
from l4gate.faults.edits import foreign_rule, job_set, jobs_changed, rule_set
from l4gate.faults.lying import DIFFERS, NO_TARGET, SAYS_ABORT, SAYS_GO, breaking
from l4gate.faults.model import Action, Fault, Liar, Site
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


def _edited(name: str, says: str, action: Action, *also: str) -> Fault:
    """Rules on the server that abort a healthy service."""
    lie = SAYS_ABORT[Liar.EDITED_SERVER]
    return Fault(f"rules/{name}", says, action, Verdict.HOLD, "rules/rules-differ", also=also, lie=lie)


_CONTRADICTED: Final = "rules/alert-contradicted"

FAULTS: Final = (
    Fault(
        "scrape/second-gateway-down",
        "The job has a second Pushgateway, and that one is down: nobody knows what was pushed there.",
        jobs_changed(_second_gateway),
        Verdict.HOLD,
        "transport/target-down",
        by_discovery=True,
        lie=SAYS_GO[Liar.EDITED_SERVER],
    ),
    Fault(
        "scrape/metrics-path",
        "The job asks the Pushgateway for a page that it does not have.",
        job_set(metrics_path="/no-such-page"),
        Verdict.HOLD,
        DIFFERS,
        also=("transport/scrape-error",),
        by_discovery=True,
        lie=SAYS_GO[Liar.EDITED_SERVER],
    ),
    Fault(
        "scrape/one-sample",
        "The job takes a single sample from the Pushgateway.",
        job_set(sample_limit=1),
        Verdict.HOLD,
        "scrape/target-down",
        also=(DIFFERS,),
        lie=SAYS_GO[Liar.EDITED_SERVER],
    ),
    _edited(
        "fresh-limit-lowered",
        "The limit of freshness was lowered on the server until no beat is fresh.",
        rule_set(_fresh, _never_fresh),
        "rules/contradicted",
    ),
    _edited(
        "threshold-lowered",
        "The limit of an abort alert was lowered on the server until it always fires.",
        rule_set(_alert, _low_threshold),
        _CONTRADICTED,
    ),
    _edited(
        "for-removed",
        "An abort alert was made to fire at once and for an hour, and the service had one bad moment.",
        _hasty,
        _CONTRADICTED,
    ),
    _edited(
        "alert-always",
        "An abort alert was made to fire whatever its metric is.",
        rule_set(_alert, lambda _site: {"expr": "vector(1)", "for": None}),
        _CONTRADICTED,
    ),
    Fault(
        "rules/foreign-alert",
        "Somebody else's rule group has an alert of an abort alert's name, and it fires.",
        foreign_rule(
            lambda site: {"alert": _alert(site.contract), "expr": "vector(1)", "labels": _own(site)}
        ),
        Verdict.HOLD,
        "rules/rules-differ",
        also=(_CONTRADICTED,),
        lie=SAYS_ABORT[Liar.FOREIGN_RULE],
    ),
    Fault(
        "rules/foreign-recording",
        "The writer is dead, and somebody else's rule group records the number that decides as 1.",
        at_once(
            foreign_rule(
                lambda site: {
                    "record": site.contract.heartbeat.ok,
                    "expr": "vector(1)",
                    "labels": _own(site),
                }
            ),
            heart_stopped,
        ),
        Verdict.HOLD,
        "rules/rules-differ",
        also=("writer/stale",),
        lie=SAYS_GO[Liar.FOREIGN_RULE],
    ),
    Fault(
        "rules/foreign-up",
        "The pushgateway job has no target, and somebody else's rule group records its `up`.",
        at_once(
            NO_TARGET,
            foreign_rule(
                lambda site: {
                    "record": "up",
                    "expr": "vector(1)",
                    "labels": {
                        **_own(site),
                        "job": site.contract.targets.pushgateway.job,
                        "instance": "recorded",
                    },
                }
            ),
        ),
        Verdict.HOLD,
        "rules/rules-differ",
        also=("scrape/target-unknown",),
        by_discovery=True,
        lie=SAYS_GO[Liar.FOREIGN_RULE],
    ),
)
