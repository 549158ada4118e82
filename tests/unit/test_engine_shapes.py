"""Engines that cannot be had here, each by a server that answers in the shape of its sources: evidence, or HOLD."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from fixtures import contract
from fixtures.engine_shapes import (
    Asking,
    Shape,
    clients,
    cortex,
    grafana_cloud,
    judged,
    mimir,
    prometheus,
    thanos_groups,
    thanos_query,
    thanos_ruler,
    vmselect,
)
from fixtures.fake_server import fires, held
from l4gate.base import UsageError, Verdict
from l4gate.prometheus_api import Caller, external_of
from l4gate.report import judged_by
from l4gate.settings import load_settings
from l4gate.verdict import Decision, judge_for
from l4gate.verdict.evidence import Stage

EU = frozenset({("cluster", "eu")})
CLOUD = Caller(authorization="Basic MTIzNDU6dG9rZW4=")
WHOLE: dict[str, Callable[[], Asking]] = {
    "prometheus": lambda: Asking(prometheus(), engine="prometheus"),
    "thanos query": lambda: Asking(thanos_query(), scrape=prometheus(), external=EU, engine="thanos"),
    "thanos query and ruler": lambda: Asking(
        thanos_query(), rules=thanos_ruler(), scrape=prometheus(), external=EU, engine="thanos"
    ),
    "thanos query and prometheus": lambda: Asking(
        thanos_query(), rules=prometheus(), scrape=prometheus(), external=EU, engine="thanos"
    ),
    "mimir": lambda: Asking(mimir(), scrape=prometheus(), engine="mimir"),
    "cortex": lambda: Asking(cortex(), scrape=prometheus(), engine="cortex"),
    "grafana cloud": lambda: Asking(grafana_cloud(), scrape=prometheus(), caller=CLOUD, engine="mimir"),
    "vmselect": lambda: Asking(vmselect(), rules=prometheus(), scrape=prometheus()),
}


def ids(decision: Decision) -> list[str]:
    """The causes, but for the one that says that the others leave nothing proven."""
    return [cause.id for cause in decision.causes if cause.stage is not Stage.VERDICT]


def found(decision: Decision) -> str:
    return "\n".join(f"{cause.found} {cause.next_step}" for cause in decision.causes)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("is_named", [True, False])
def test_whole_evidence_is_go(name: str, *, is_named: bool) -> None:
    """Where every question has an answer, the verdict must be GO, whether the engine was named or not."""
    asking = WHOLE[name]()
    if not is_named:
        asking = Asking(asking.server, asking.rules, asking.scrape, asking.caller, "", asking.external)
    decision = judged(asking)
    assert (decision.verdict, ids(decision)) == (Verdict.GO, [])


@pytest.mark.parametrize("name", WHOLE)
def test_firing_is_abort(name: str) -> None:
    """An abort alert that fires where rules are evaluated, on a value that held, must be ABORT on every engine."""
    asking = WHOLE[name]()
    for shape in filter(None, (asking.server, asking.rules)):
        held(shape.data, contract.LYAPUNOV, "0.5", seconds=7)
        fires(shape.data, "/api/v1/rules")
    assert judged(asking).verdict is Verdict.ABORT


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_asked_beside_the_prefix(name: str) -> None:
    """No path outside the given one must be asked, and no `alerts`: Mimir's own is Alertmanager's configuration."""
    asking = WHOLE[name]()
    judged(asking)
    for shape in filter(None, (asking.server, asking.rules, asking.scrape)):
        for path, _ in shape.asked:
            assert path.startswith(shape.prefix + "/api/v1/"), path
            assert not path.endswith("/alerts")


def test_every_query_refuses_partial_answers() -> None:
    """Thanos and VictoriaMetrics' cluster must be told so with each query; replicas are one, samples the raw ones."""
    asking = WHOLE["thanos query"]()
    judged(asking)
    queries = [params for path, params in asking.server.asked if path.endswith("/query")]
    wanted = {
        "partial_response": "false",
        "deny_partial_response": "1",
        "dedup": "true",
        "max_source_resolution": "0s",
    }
    assert queries
    assert all(wanted.items() <= params.items() for params in queries)


@pytest.mark.parametrize(
    ("asking", "causes", "step"),
    [
        (Asking(thanos_query(), external=EU), ["scrape/config-unreadable"], "--scrape-url"),
        (Asking(mimir()), ["query/bad-answer", "scrape/config-unreadable"], "--scrape-url"),
        (Asking(cortex()), ["query/bad-answer", "scrape/config-unreadable"], "--scrape-url"),
        (
            Asking(grafana_cloud(), caller=CLOUD),
            ["query/bad-answer", "scrape/config-unreadable"],
            "--scrape-url",
        ),
        (Asking(vmselect(), scrape=prometheus()), ["rules/rules-differ"], ""),
        (Asking(vmselect(), rules=prometheus()), ["query/bad-answer"], "--scrape-url"),
        (Asking(thanos_ruler(), scrape=prometheus()), ["query/bad-answer"], "check the path"),
    ],
    ids=["thanos", "mimir", "cortex", "grafana cloud", "vmselect", "vmselect with rules", "ruler"],
)
def test_a_missing_page_holds(asking: Asking, causes: list[str], step: str) -> None:
    """What an engine cannot answer, and nobody else was named for, must be HOLD that says who to ask."""
    decision = judged(asking)
    assert (decision.verdict, ids(decision)) == (Verdict.HOLD, causes)
    assert step in found(decision)


@pytest.mark.parametrize(
    ("server", "missing"),
    [
        (thanos_query(envelope={"warnings": ["No StoreAPIs matched for this query"]}), "No StoreAPIs"),
        (
            thanos_query(envelope={"warnings": ["receive series from Addr: 10.0.0.1:10901: timeout"]}),
            "timeout",
        ),
        (vmselect(envelope={"isPartial": True}), "isPartial"),
        (mimir(envelope={"infos": ["3 more info annotations omitted"]}), "omitted"),
    ],
    ids=["no store", "a store", "a storage node", "untold infos"],
)
def test_a_partial_answer_holds(server: Shape, missing: str) -> None:
    """An answer that says that something is missing must be HOLD, whatever is in it."""
    decision = judged(Asking(server, rules=prometheus(), scrape=prometheus(), external=EU))
    assert decision.verdict is Verdict.HOLD
    assert "find the store or shard that did not answer" in found(decision)
    assert missing in found(decision)


def test_an_annotation_of_thanos_is_no_partial_answer() -> None:
    """Thanos has infos about names among its warnings: they must hold nobody back."""
    info = 'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "a" (1:6)'
    asking = Asking(thanos_query(envelope={"warnings": [info]}), scrape=prometheus(), external=EU)
    assert judged(asking).verdict is Verdict.GO


@pytest.mark.parametrize(
    ("server", "engine"),
    [
        (prometheus, "mimir"),
        (prometheus, "thanos"),
        (prometheus, "victoriametrics"),
        (mimir, "prometheus"),
        (mimir, "cortex"),
        (mimir, "thanos"),
        (mimir, "victoriametrics"),
        (cortex, "mimir"),
        (cortex, "thanos"),
        (thanos_query, "prometheus"),
        (thanos_query, "cortex"),
        (thanos_query, "mimir"),
        (vmselect, "thanos"),
        (vmselect, "mimir"),
        (vmselect, "prometheus"),
    ],
)
def test_a_wrong_name_is_found(server: Callable[[], Shape], engine: str) -> None:
    """An engine that is not the one that was named must be HOLD by what it says, never believed."""
    decision = judged(Asking(server(), scrape=prometheus(), external=EU, engine=engine))
    assert decision.verdict is Verdict.HOLD
    assert "was said to be" in found(
        decision
    ) or f"no {'vector' if engine == 'victoriametrics' else 'scalar'}" in found(decision)


def altered(change: Callable[[list[dict[str, Any]]], None], groups: Any = thanos_groups) -> Any:
    """The groups of a shape with something changed in them."""

    def made(*given: Any) -> Any:
        found = groups(*given)
        change(found)
        return found

    return made


def swapped(groups: list[dict[str, Any]]) -> None:
    """The two rules of the first group that were evaluated first have been in the other order."""
    first, second = sorted(groups[0]["rules"], key=lambda rule: rule["lastEvaluation"])[:2]
    first["lastEvaluation"], second["lastEvaluation"] = second["lastEvaluation"], first["lastEvaluation"]


def earlier(groups: list[dict[str, Any]]) -> None:
    """The page was read while a group was evaluated: its last rule has the time of the evaluation before."""
    for group in groups:
        last = max(group["rules"], key=lambda rule: rule["lastEvaluation"])
        at = dt.datetime.fromisoformat(last["lastEvaluation"]) - dt.timedelta(seconds=group["interval"])
        last["lastEvaluation"] = at.isoformat()


def partly(groups: list[dict[str, Any]]) -> None:
    """A group that takes what the stores that are there have."""
    groups[0]["partialResponseStrategy"] = "WARN"


def shouting(groups: list[dict[str, Any]]) -> None:
    """A state in another spelling."""
    next(rule for rule in groups[0]["rules"] if rule["type"] == "alerting")["state"] = "INACTIVE"


def limited(groups: list[dict[str, Any]]) -> None:
    """A limit that the repository has not."""
    groups[0]["limit"] = 5


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (swapped, "rules/rules-differ"),
        (partly, "rules/rules-differ"),
        (limited, "rules/rules-differ"),
        (shouting, "rules/rules-unreadable"),
    ],
)
@pytest.mark.parametrize("server", [thanos_query, thanos_ruler])
def test_what_lies_in_the_groups_of_thanos_holds(
    change: Callable[[list[dict[str, Any]]], None], cause: str, server: Callable[..., Shape]
) -> None:
    """Another order, partial evaluation, a limit and a foreign spelling must be HOLD, in Query and in the Ruler."""
    rules = server(groups=altered(change))
    decision = judged(Asking(thanos_query(), rules=rules, scrape=prometheus(), external=EU))
    assert (decision.verdict, ids(decision)[:1]) == (Verdict.HOLD, [cause])


def test_an_evaluation_under_way_is_no_other_order() -> None:
    """Rules that are about to be evaluated again must stand where they stood."""
    rules = thanos_ruler(groups=altered(earlier))
    decision = judged(Asking(thanos_query(), rules=rules, scrape=prometheus(), external=EU))
    assert (decision.verdict, ids(decision)) == (Verdict.GO, [])


def test_rules_that_do_not_say_when_stay_as_they_are() -> None:
    """Without times, Thanos' own order must be held against the file's, and differ."""

    def forget(groups: list[dict[str, Any]]) -> None:
        del groups[0]["rules"][0]["lastEvaluation"]

    rules = thanos_ruler(groups=altered(forget))
    decision = judged(Asking(thanos_query(), rules=rules, scrape=prometheus(), external=EU))
    assert "rules/rules-differ" in ids(decision)


def test_a_federated_group_of_mimir_is_another_group() -> None:
    """A group that is evaluated over other tenants must differ from the repository's."""

    def federate(groups: list[dict[str, Any]]) -> None:
        groups[0]["sourceTenants"] = ["others", "team"]

    server = mimir(groups=altered(federate, mimir().groups))
    decision = judged(Asking(server, scrape=prometheus()))
    assert (decision.verdict, ids(decision)) == (Verdict.HOLD, ["rules/rules-differ"])
    assert "sourceTenants" in found(decision)


def test_mimirs_own_configuration_is_no_scrape_configuration() -> None:
    """Its page of that name, which says nothing, must be HOLD that names --scrape-url, and not be compared."""
    empty = prometheus()
    empty.data.config = ""
    decision = judged(Asking(mimir(), scrape=empty))
    assert ids(decision) == ["scrape/config-unreadable"]
    assert "--scrape-url" in found(decision)


def test_samples_of_a_delayed_evaluation_hold() -> None:
    """Recorded samples that Mimir stamps a query offset of a minute earlier must be evaluations too old."""
    server = mimir()
    for name in (contract.OK, contract.FRESH):
        samples = server.data.samples(name)
        samples[:] = [(age + 60, value) for age, value in samples]
    decision = judged(Asking(server, scrape=prometheus()))
    assert (decision.verdict, ids(decision)[0]) == (Verdict.HOLD, "rules/evaluation-stopped")


def test_a_tenant_that_is_not_named_holds() -> None:
    """Without its tenant, Mimir must answer nothing that is judged."""
    decision = judged(Asking(mimir(), scrape=prometheus(), caller=Caller()))
    assert decision.verdict is Verdict.HOLD
    assert "L4_HEADER_FILE" in found(decision)


def test_another_cluster_is_not_ours() -> None:
    """Series of another external label's value must not pass for those of ours, nor must rules."""
    other = thanos_query(external={"cluster": "us"})
    decision = judged(Asking(other, scrape=prometheus(), external=EU))
    assert decision.verdict is Verdict.HOLD
    assert "rules/rules-differ" in ids(decision)


def test_replicas_without_deduplication_are_ambiguous() -> None:
    """Two series that are the same but for external labels must stay two, and be ambiguous."""
    server = thanos_query()
    labels, samples = next(each for each in server.data.series if each[0]["__name__"] == contract.OK)
    server.data.series.append(({**labels, "replica": "b"}, list(samples)))
    external = EU | {("replica", "b")}
    decision = judged(Asking(server, scrape=prometheus(), external=external))
    assert (decision.verdict, ids(decision)[0]) == (Verdict.HOLD, "query/ambiguous")
    assert "replica" in found(decision)


def test_a_target_of_two_replicas_stays_two() -> None:
    """Targets that are the same but for external labels must both be seen."""
    server = prometheus()
    first = server.data.targets_data["activeTargets"][0]
    twin = {**first, "labels": {**first["labels"], "replica": "b"}, "health": "down"}
    server.data.targets_data["activeTargets"].append(twin)
    asking = Asking(server, external=frozenset({("replica", "b")}))
    with clients(asking) as (api, _):
        seen = [each["labels"] for each in api.targets()]
    assert first["labels"] in seen
    assert twin["labels"] in seen
    assert judged(asking).verdict is Verdict.HOLD


def test_labels_in_alerts_are_taken_off_and_oddities_stay() -> None:
    """An alert's own external labels must go too; what is no rule must reach whoever says that it is none."""
    server = prometheus()
    alert = {"state": "firing", "labels": {"cluster": "eu", "a": "b"}}
    rule = {"name": "A", "type": "alerting", "query": "up", "labels": {"cluster": "eu"}, "alerts": [alert, 1]}
    server.data.rules_data = {"groups": [{"name": "g", "rules": [rule, 2]}, {"name": "h", "rules": None}]}
    with clients(Asking(server, external=EU)) as (api, _):
        first, second = api.rules()["groups"]
    assert first["rules"][0]["labels"] == {}
    assert first["rules"][0]["alerts"] == [{"state": "firing", "labels": {"a": "b"}}, 1]
    assert first["rules"][1] == 2
    assert second["rules"] is None


@pytest.mark.parametrize("name", ["job", "instance", "__name__", "alertname", contract.REALM_LABEL])
def test_a_label_that_tells_series_apart_is_no_external_one(name: str) -> None:
    """Without its realm or job, anybody's series would be anybody's: such a name must be refused."""
    settings = load_settings({"url": "http://127.0.0.1:1", "external_label": [f"{name}=a"]}, {})
    with pytest.raises(UsageError, match=name):
        external_of(settings)


def test_a_verdict_says_which_labels_were_taken_off() -> None:
    """Whoever reads a verdict must see what it was judged without."""
    settings = load_settings({"external_label": ["cluster=eu", "replica=a"]}, {})
    with clients(Asking(prometheus())) as (api, _):
        assert judged_by(settings, (), api).facts()["labels taken off"] == "cluster=eu, replica=a"
        assert "labels taken off" not in judged_by(load_settings({}, {}), (), api).facts()


def test_external_labels_are_read_with_their_values() -> None:
    """Each must have a name and a value; from the environment, several are parted by commas."""
    settings = load_settings({}, {"L4_EXTERNAL_LABEL": "cluster=eu, replica=a"})
    assert external_of(settings) == {("cluster", "eu"), ("replica", "a")}
    for text in ("cluster", "=eu", "cluster=", "1a=b"):
        with pytest.raises(UsageError, match="NAME=VALUE"):
            load_settings({"external_label": [text]}, {})


@pytest.mark.parametrize(
    ("engine", "neighbour"), [("thanos", ""), ("mimir", ""), ("victoriametrics", "victoriametrics")]
)
def test_a_name_is_for_the_url_alone_where_others_scrape_and_evaluate(engine: str, neighbour: str) -> None:
    """Who scrapes for Thanos or Mimir is a Prometheus and must not be held to their name; labels hold for all."""
    given = {
        "url": "http://127.0.0.1:1",
        "rules_url": "http://127.0.0.1:2",
        "scrape_url": "http://127.0.0.1:3",
    }
    settings = load_settings({**given, "engine": engine, "external_label": ["cluster=eu"]}, {})
    judge = judge_for(settings, "http://127.0.0.1:1")
    assert judge.api.scraper is not None
    asked = (judge.api, judge.rules_api, judge.api.scraper)
    assert [each.engine for each in asked] == [engine, neighbour, neighbour]
    assert {each.external for each in asked} == {EU}
