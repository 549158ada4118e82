"""
How the engines that speak Prometheus' query API differ from it, one small description each.

Whatever an engine spells otherwise is brought into Prometheus' own form here, so that nobody beyond this package asks
which engine it is. What an engine cannot tell stays untold: it is named, and never filled in with what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from l4gate.base import format_duration, parse_duration

_NEVER_IN_PROMETHEUS: Final = "0001-01-01T00:00:00Z"  # how Prometheus prints that a target was never scraped
_LIMIT_OF_A_QUERY: Final = 16_384  # bytes; VictoriaMetrics' default of -search.maxQueryLen
# What a tool of VictoriaMetrics says to a path that it does not have: vmagent and vmalert know no queries.
_UNSUPPORTED: Final = "unsupported path requested"
_FRACTION: Final = re.compile(r"([0-9]{1,9}\.[0-9]{1,9})(ms|s|m|h)")
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
# What every query is asked with; an engine that does not know one of the words reads over it.
ASKED_WITH: Final = {
    # VictoriaMetrics answers about what it kept, and about 30 s ago, unless it is told so.
    "nocache": "1",
    # Its cluster (app/vmselect/searchutils, GetDenyPartialResponse): an error where a storage node is missing.
    "deny_partial_response": "1",
    # Thanos Query (pkg/api/query/v1.go): the same; by default it is a warning.
    "partial_response": "false",
    # Replicas that evaluate the same rules are one series there, as `--query.replica-label` says, or they would be two
    # that contradict each other in milliseconds. Where no replica label is named, two stay two, and are ambiguous.
    "dedup": "true",
    # Samples as they were written: with `--query.auto-downsampling` others would be taken.
    "max_source_resolution": "0s",
}


@dataclass(frozen=True)
class Dialect:
    """
    One engine.

    Attributes:
        name: what `--l4-engine` calls it.
        clock: the type of the answer to `time()`: a scalar, or a vector of one series without labels.
        longest_query: how many bytes of a query it reads at most by default; None where none is known.
        fields: by Prometheus' name of a field of a rule, this engine's own.
        never: how it prints the time of a scrape that has not been.
        untold: what its printed configuration leaves out whether it has it or not: sections, and `global.NAME`.
        omits_empty: whether an alerting rule without alerts has no list of them.
        prints_markers: whether the end of a series stands as NaN among its raw samples; it computes no NaN of its own.
        silent_default: by the name of a field of a scrape job, what is meant where the printout has none, in those
            versions that have the flag named by `since`.
        since: a flag that only versions of that default have; it stands among the metrics of the program.
        application: what it calls itself in `/api/v1/status/buildinfo`; "" where it does not.
        mark: a field that its rule groups have, and those of no other engine.
        has_mark: whether all its versions have it.
        speaks_everywhere: whether who scrapes and who evaluates beside it speak this dialect too.
    """

    name: str
    clock: str = "scalar"
    longest_query: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    never: str = _NEVER_IN_PROMETHEUS
    untold: frozenset[str] = frozenset()
    omits_empty: bool = False
    prints_markers: bool = False
    silent_default: Mapping[str, Any] = field(default_factory=dict)
    since: str = ""
    application: str = ""
    mark: str = ""
    has_mark: bool = False
    speaks_everywhere: bool = False

    def rule(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """A rule of its page with Prometheus' names for what is in it."""
        known = {theirs: ours for ours, theirs in self.fields.items()}
        found = {known.get(name, name): value for name, value in said.items()}
        if self.omits_empty and found.get("type") == "alerting":
            found.setdefault("alerts", [])
        return found

    def target(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """A target of its page as Prometheus would show it."""
        found = dict(said)
        if found.get("lastScrape") == self.never:
            found["lastScrape"] = _NEVER_IN_PROMETHEUS
        labels = found.get("discoveredLabels")
        if "scrapeTimeout" not in found and isinstance(labels, dict) and "__scrape_timeout__" in labels:
            found["scrapeTimeout"] = labels["__scrape_timeout__"]
        return found

    def configuration(self, said: Mapping[str, Any], *, is_since: bool) -> dict[str, Any]:
        """Its printed configuration as Prometheus would print it; `is_since`: whether it has the flag `since`."""
        found = dict(said)
        if isinstance(found.get("global"), dict):
            found["global"] = _spelt(found["global"])
        if isinstance(found.get("scrape_configs"), list):
            found["scrape_configs"] = [
                self._job(each, is_since=is_since) if isinstance(each, dict) else each
                for each in found["scrape_configs"]
            ]
        return found

    def _job(self, said: Mapping[str, Any], *, is_since: bool) -> dict[str, Any]:
        found = _spelt({**(self.silent_default if is_since else {}), **said})
        for steps in ("relabel_configs", "metric_relabel_configs"):
            if isinstance(found.get(steps), list):
                found[steps] = [_joined(step) for step in found[steps]]
        return found


def _spelt(said: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose durations may have a fraction, as Go prints them: `1.5s` is `1s500ms` in Prometheus."""
    found = dict(said)
    for name in ("scrape_interval", "scrape_timeout"):
        parts = _FRACTION.fullmatch(found[name]) if isinstance(found.get(name), str) else None
        if parts is not None:
            found[name] = format_duration(float(parts[1]) * parse_duration(f"1{parts[2]}"))
    return found


def _joined(step: Any) -> Any:
    """A relabelling whose expression is printed as a list of its alternatives."""
    parts = step.get("regex") if isinstance(step, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return step
    return {**step, "regex": "|".join(parts)}


PROMETHEUS: Final = Dialect("prometheus", speaks_everywhere=True)
# Read off the programs 1.79.5, 1.112.0 and 1.145.0: victoria-metrics, vmagent (targets, configuration) and vmalert
# (rules).
VICTORIA_METRICS: Final = Dialect(
    "victoriametrics",
    clock="vector",
    longest_query=_LIMIT_OF_A_QUERY,
    fields={"keepFiringFor": "keep_firing_for"},
    never="1970-01-01T00:00:00Z",
    # vmagent scrapes and vmalert evaluates, so what is about rules is told by vmalert's page of rules alone.
    untold=frozenset({"rule_files", "global.evaluation_interval"}),
    omits_empty=True,
    # vmalert 1.112 marks a series as ended at the very time of its next sample when a fallback gives way to a value.
    prints_markers=True,
    # Release notes of 1.93.0: from then on the times of a target are ignored unless `honor_timestamps: true`, which
    # is not printed where it is false. The flag came later; without it, what is not printed is Prometheus' default.
    silent_default={"honor_timestamps": False},
    since="promscrape.cluster.memberURLTemplate",
    speaks_everywhere=True,
)
# thanos-io/thanos, pkg/rules/rulespb/custom.go (RuleGroup): Query and Ruler both have the mark.
THANOS: Final = Dialect("thanos", mark="partialResponseStrategy", has_mark=True)
# grafana/mimir, pkg/util/version (BuildInfoHandler, since 2.0) and pkg/ruler/api.go (RuleGroup). Grafana Cloud is one.
MIMIR: Final = Dialect("mimir", application="Grafana Mimir", mark="sourceTenants")
# cortexproject/cortex, pkg/api/handlers.go (buildInfoHandler) and pkg/ruler/api.go: it says nothing of itself.
CORTEX: Final = Dialect("cortex")
DIALECTS: Final = {each.name: each for each in (PROMETHEUS, VICTORIA_METRICS, THANOS, MIMIR, CORTEX)}


def beside(engine: str) -> str:
    """The engine that who scrapes or evaluates beside this one is held to: the same, or "" for what it says it is."""
    found = DIALECTS.get(engine)
    return engine if found is None or found.speaks_everywhere else ""


def recognised(status: int, data: Any, said: str) -> Dialect | None:
    """
    The engine by its answer to `time()`: the status, the `data` of it (None where it is no API answer), and its words.

    VictoriaMetrics is known by a vector where all others give a scalar, and its vmagent and vmalert, which answer no
    queries, by their words for that. An answer that tells nothing is None.
    """
    kind = data.get("resultType") if isinstance(data, dict) else None
    if kind == VICTORIA_METRICS.clock or (status == _BAD_REQUEST and _UNSUPPORTED in said):
        return VICTORIA_METRICS
    # All others are as Prometheus but for their rule groups, and those tell by themselves whose they are. Who evaluates
    # rules and answers no queries (Thanos' Ruler) has the pages of Prometheus.
    return PROMETHEUS if kind == PROMETHEUS.clock or status == _NOT_FOUND else None
