"""
Whether anybody would be told of an ABORT of this sandbox: warnings, on which no verdict depends.

The watchdog fires always and goes the way of every alert, so what keeps it from people shows at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from l4gate.base import ApiError, RuleError
from l4gate.contract import Contract
from l4gate.prometheus_api import AlertmanagerApi
from l4gate.stack import Stack
from l4gate.verdict import Cause, Stage


def teller(
    stack: Stack, contract: Contract, *, failed_before: float = 0.0
) -> Callable[[], tuple[Cause, ...]]:
    """Asks the stack's Alertmanager again and again why nobody would be told; calls that failed before do not count."""

    def why_untold() -> tuple[Cause, ...]:
        if stack.alertmanager_url is None:
            return (nobody_told(stack.untold, f"the stack {stack.kind}"),)
        api = AlertmanagerApi(stack.alertmanager_url)
        try:
            return tuple(
                nobody_told(why, stack.alertmanager_url) for why in _reasons(api, contract, failed_before)
            )
        except (ApiError, RuleError) as error:
            return (nobody_told(error.message, stack.alertmanager_url),)

    return why_untold


def _reasons(api: AlertmanagerApi, contract: Contract, failed_before: float) -> Iterator[str]:
    """What keeps aborts and the watchdog from people, in words."""
    silent = api.silent_receivers()
    for alert in api.alerts():
        name = alert.labels.get("alertname", "")
        if name not in (contract.watchdog, *contract.abort.alerts):
            continue
        if alert.silenced_by:
            yield f"{name} is silenced by {', '.join(alert.silenced_by)}"
        if alert.inhibited_by:
            yield f"{name} is inhibited by another alert ({', '.join(alert.inhibited_by)})"
        if alert.receivers and silent.issuperset(alert.receivers):
            yield f"{name} goes to {', '.join(alert.receivers)}, which calls nobody"
    failed = api.failed_notifications() - failed_before
    if failed > 0:
        yield f"{failed:.0f} calls of receivers have failed"


def nobody_told(found: str, where: str) -> Cause:
    """The warning that nobody is told, in a sentence that says why, and no full stop."""
    return Cause(
        Stage.VERDICT,
        "nobody-told",
        "an Alertmanager by which somebody is told of an ABORT",
        found.removesuffix("."),
        where,
        'See "Who is told" in docs/operations.md; no verdict depends on it.',
    )
