"""Faults of the transport: the Pushgateway, what is pushed there, and the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from l4gate.base import Verdict
from l4gate.faults import behaviours
from l4gate.faults.exchange import Behaviour
from l4gate.faults.model import PROCESSES, Action, Fault, Liar, Lie, Site
from l4gate.faults.tools import (
    beating_as,
    group,
    heart_set,
    killed,
    other_realm,
    paused,
    scraped_through,
    send,
    unlike,
)
from l4gate.stack import PUSHGATEWAY

PUSH_IS_REQUIRED: Final = "The push is the required path, whatever keeps it away; the textfile is advisory."
# A proxy on this host's loopback cannot be reached from a container.
_ON_LOOPBACK: Final = (PROCESSES,)


@contextmanager
def _restarted_empty(site: Site) -> Iterator[None]:
    with killed(site, PUSHGATEWAY):
        for path in (site.sandbox.stack.run_dir / "pushgateway").glob("*"):
            path.unlink()
    yield


@contextmanager
def _type_conflict(site: Site) -> Iterator[None]:
    send(site, "DELETE", group(site))
    name = site.contract.heartbeat.time
    body = f"# TYPE {name} counter\n{name} 1\n"
    # The next beat may come in between; then there is no conflict yet.
    while send(site, "PUT", "/metrics/job/somebody_else", body):
        send(site, "DELETE", group(site))
    try:
        yield
    finally:
        send(site, "DELETE", "/metrics/job/somebody_else")


def _other_job(site: Site) -> AbstractContextManager[None]:
    """Another writer that only pushes, under another grouping key."""
    heartbeat = site.contract.heartbeat
    return beating_as(site, unlike(heartbeat.job, "cron", "somebody_else"), heartbeat.instance)


def _push_wire(behaviour: Behaviour) -> Action:
    """The writer reaches the Pushgateway through a proxy that misbehaves; the textfile still delivers."""

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        with site.pushes.behaving(behaviour), heart_set(site, DURI_PUSHGATEWAY_URL=site.pushes.url):
            yield

    return action


def _scrape_wire(name: str, says: str, behaviour: Behaviour, cause: str) -> Fault:
    """Prometheus reaches the Pushgateway through a proxy that misbehaves."""
    return Fault(
        f"transport/{name}",
        says,
        lambda site: scraped_through(site, behaviour),
        Verdict.HOLD,
        cause,
        stacks=_ON_LOOPBACK,
    )


FAULTS: Final = (
    Fault(
        "transport/gateway-killed",
        "The Pushgateway is dead; connections are refused.",
        lambda site: killed(site, PUSHGATEWAY),
        Verdict.HOLD,
        "transport/target-down",
    ),
    Fault(
        "transport/gateway-hangs",
        "The Pushgateway accepts connections and never answers.",
        lambda site: paused(site, PUSHGATEWAY),
        Verdict.HOLD,
        "transport/target-down",
    ),
    Fault(
        "transport/gateway-restarted-empty",
        "The Pushgateway restarts without its persistence file.",
        _restarted_empty,
        Verdict.GO,
        passes=True,
    ),
    Fault(
        "transport/push-rejected",
        "Somebody pushed the heartbeat's metric with another type, so the gateway rejects the script's pushes.",
        _type_conflict,
        Verdict.HOLD,
        "transport/push-rejected",
        reason=PUSH_IS_REQUIRED,
    ),
    Fault(
        "transport/other-realm",
        "The script is set to another realm.",
        lambda site: heart_set(site, DURI_REALM=other_realm(site)),
        Verdict.HOLD,
        "transport/label-mismatch",
        lie=Lie(Liar.OTHER_REALM, Verdict.GO, Verdict.HOLD),
    ),
    Fault(
        "transport/other-job",
        "The heartbeat is pushed under somebody else's grouping key.",
        _other_job,
        Verdict.HOLD,
        "transport/label-mismatch",
        lie=Lie(Liar.PUSHER, Verdict.GO, Verdict.HOLD),
    ),
    Fault(
        "transport/push-hangs",
        "A proxy accepts the push and never answers; the textfile still delivers, but the push is required.",
        _push_wire(behaviours.hang),
        Verdict.HOLD,
        "transport/push-failed",
        reason=PUSH_IS_REQUIRED,
    ),
    Fault(
        "transport/push-reset",
        "A firewall resets the connection of the push; the textfile still delivers, but the push is required.",
        _push_wire(behaviours.reset),
        Verdict.HOLD,
        "transport/push-failed",
        reason=PUSH_IS_REQUIRED,
    ),
    Fault(
        "transport/push-answered-503",
        "A proxy answers the push with 503 and a page of HTML.",
        _push_wire(behaviours.says(503, "<html>Service Unavailable</html>")),
        Verdict.HOLD,
        "transport/push-rejected",
        reason=PUSH_IS_REQUIRED,
    ),
    Fault(
        "transport/push-redirected",
        "A proxy redirects the push to its login page.",
        _push_wire(behaviours.says(302, "", Location="/login")),
        Verdict.HOLD,
        "transport/push-rejected",
        reason=PUSH_IS_REQUIRED,
    ),
    Fault(
        "transport/push-swallowed",
        "A captive portal answers 200 to the push and drops it; only the textfile delivers, and the push is required.",
        _push_wire(behaviours.says(200, "<html>Welcome</html>")),
        Verdict.HOLD,
        "transport/push-failed",
        reason=PUSH_IS_REQUIRED,
    ),
    _scrape_wire(
        "gateway-answers-503",
        "A proxy before the Pushgateway answers 503.",
        behaviours.says(503, "<html>Service Unavailable</html>"),
        "transport/scrape-error",
    ),
    _scrape_wire(
        "gateway-answers-html",
        "A proxy before the Pushgateway answers with a page of HTML.",
        behaviours.says(200, "<html><body>Welcome</body></html>"),
        "transport/scrape-error",
    ),
    _scrape_wire(
        "gateway-body-spoilt",
        "Somebody's push makes the page of the Pushgateway unreadable.",
        behaviours.rewritten(lambda body: body + b'broken{a="1\n'),
        "transport/scrape-error",
    ),
    _scrape_wire(
        "gateway-redirects",
        "A proxy before the Pushgateway redirects for ever.",
        behaviours.circle,
        "transport/scrape-error",
    ),
    _scrape_wire(
        "gateway-body-cut",
        "The Pushgateway's page breaks off in the middle.",
        behaviours.cut,
        "transport/target-down",
    ),
    _scrape_wire(
        "gateway-resets",
        "The connection to the Pushgateway is reset.",
        behaviours.reset,
        "transport/target-down",
    ),
    _scrape_wire(
        "gateway-drips",
        "The Pushgateway's page arrives byte by byte.",
        behaviours.drip,
        "transport/target-down",
    ),
    _scrape_wire(
        "gateway-delays",
        "The Pushgateway takes the request and answers too late.",
        behaviours.hang,
        "transport/target-down",
    ),
)
