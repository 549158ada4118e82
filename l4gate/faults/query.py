"""Faults of the query: Prometheus itself, and the way from its API to the gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from l4gate.base import Verdict
from l4gate.faults import behaviours
from l4gate.faults.exchange import Behaviour
from l4gate.faults.model import Fault, Liar, Lie, Site
from l4gate.faults.tools import heart_stopped, killed, paused
from l4gate.stack import PROMETHEUS

_JSON: Final = "application/json"
_QUERY: Final = "/api/v1/query"


def _wire(name: str, says: str, behaviour: Behaviour, cause: str, prefix: str = "/") -> Fault:
    """The gate reaches Prometheus through a proxy that misbehaves."""
    return Fault(
        f"query/{name}", says, lambda site: site.queries.behaving(behaviour, prefix), Verdict.HOLD, cause
    )


def _warned(body: bytes) -> bytes:
    return body.replace(b'"status":"success"', b'"status":"success","warnings":["a store did not answer"]', 1)


@contextmanager
def _cached(site: Site) -> Iterator[None]:
    """The cache has seen a GO before the writer dies."""
    with site.queries.behaving(behaviours.caching()):
        site.judge.look()
        with heart_stopped(site):
            yield


FAULTS: Final = (
    Fault(
        "query/cached",
        "A cache that does not say so keeps the answers of a GO, and the writer dies.",
        _cached,
        Verdict.HOLD,
        "writer/stale",
        lie=Lie(Liar.CACHE, Verdict.GO, Verdict.HOLD),
    ),
    Fault(
        "query/prometheus-hangs",
        "Prometheus accepts connections and never answers.",
        lambda site: paused(site, PROMETHEUS),
        Verdict.HOLD,
        "query/unreachable",
    ),
    Fault(
        "query/prometheus-killed",
        "Prometheus is dead; when it comes back it has to scrape and evaluate again.",
        lambda site: killed(site, PROMETHEUS),
        Verdict.HOLD,
        "query/unreachable",
    ),
    _wire("hangs", "A proxy accepts the question and never answers.", behaviours.hang, "query/unreachable"),
    _wire("resets", "A firewall resets the connection.", behaviours.reset, "query/unreachable"),
    _wire("drips", "The answer arrives byte by byte.", behaviours.drip, "query/unreachable"),
    _wire(
        "replaying",
        "Prometheus replays its log and answers 503.",
        behaviours.says(503, "Service Unavailable", "text/plain"),
        "query/unreachable",
    ),
    _wire(
        "bad-gateway",
        "A proxy answers 502 with a page of HTML.",
        behaviours.says(502, "<html>Bad Gateway</html>"),
        "query/bad-answer",
    ),
    _wire(
        "html",
        "A proxy answers 200 with a page of HTML.",
        behaviours.says(200, "<html>Sign in</html>"),
        "query/bad-answer",
    ),
    _wire(
        "login",
        "A proxy redirects to its login page.",
        behaviours.says(302, "", Location="/login"),
        "query/bad-answer",
    ),
    _wire("circle", "A proxy redirects for ever.", behaviours.circle, "query/bad-answer"),
    _wire(
        "forbidden",
        "The server wants credentials.",
        behaviours.says(401, "Unauthorized", "text/plain"),
        "query/bad-answer",
    ),
    _wire("cut", "The answer breaks off in the middle.", behaviours.cut, "query/bad-answer"),
    _wire("flood", "The answer has no end.", behaviours.flood, "query/bad-answer"),
    _wire("empty", "The answer is empty.", behaviours.says(200, "", _JSON), "query/bad-answer"),
    _wire(
        "null",
        "The answer is JSON, but not the API's.",
        behaviours.says(200, "null", _JSON),
        "query/bad-answer",
    ),
    _wire(
        "no-data",
        "A server that knows the API but holds none of our data answers.",
        behaviours.says(200, '{"status":"success","data":{"resultType":"vector","result":[]}}', _JSON),
        "query/bad-answer",
    ),
    _wire(
        "failed",
        "The query fails on the server.",
        behaviours.says(422, '{"status":"error","errorType":"execution","error":"query timed out"}', _JSON),
        "query/bad-answer",
    ),
    _wire(
        "partial",
        "The answer comes with a warning: a store did not answer.",
        behaviours.rewritten(_warned),
        "query/bad-answer",
        _QUERY,
    ),
    _wire(
        "truncated-json",
        "The answer lost its end, but its length was corrected.",
        behaviours.rewritten(lambda body: body[:-9]),
        "query/bad-answer",
    ),
    _wire(
        "rules-unreadable",
        "The page of the rules answers 404.",
        behaviours.says(404, "not found", "text/plain"),
        "rules/rules-unreadable",
        "/api/v1/rules",
    ),
    _wire(
        "targets-unreadable",
        "The page of the targets answers 404: `up` alone may be anybody's.",
        behaviours.says(404, "not found", "text/plain"),
        "query/bad-answer",
        "/api/v1/targets",
    ),
    _wire(
        "configuration-unreadable",
        "The page of the configuration answers 404: nobody knows what the server lets in.",
        behaviours.says(404, "not found", "text/plain"),
        "scrape/config-unreadable",
        "/api/v1/status/config",
    ),
)
