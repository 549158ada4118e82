"""What other engines than Prometheus answer, over real HTTP: in Prometheus' form, or an error; never guessed."""

from __future__ import annotations

import copy
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from fixtures.contract import CONTRACT
from fixtures.wire import always, http, serve, success
from l4gate.base import PROMETHEUS_DIR, ApiBadAnswer
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.prometheus_api.dialects import DIALECTS
from l4gate.rules import groups_from_api
from l4gate.scraping import config_difference
from l4gate.settings.register import ENGINES
from l4gate.verdict.look import Measurement, TargetState
from l4gate.verdict.scrape_stage import scrape_causes

EXPECTED: dict[str, Any] = yaml.safe_load((PROMETHEUS_DIR / "prometheus.yml").read_text())
# What vmagent and vmalert 1.79.5 answer to a path that they do not have; 1.145.0 says the last part of it alone.
UNSUPPORTED = http(
    b'remoteAddr: "127.0.0.1:1"; requestURI: /api/v1/query; unsupported path requested: "/api/v1/query"\n',
    "400 Bad Request",
    "Content-Type: text/plain; charset=utf-8",
)
OLD_FLAGS = b'flag{name="promscrape.maxDroppedTargets", value="1000", is_set="false"} 1\n'
NEW_FLAGS = OLD_FLAGS + b'flag{name="promscrape.cluster.memberURLTemplate", value="", is_set="false"} 1\n'


def clock(*series: Mapping[str, object]) -> bytes:
    return success({"resultType": "vector", "result": list(series)})


def now_as_victoria() -> bytes:
    """As 1.79.5 to 1.145.0 answer time(): a vector, cut to whole seconds."""
    return clock({"metric": {}, "value": [int(time.time()), str(int(time.time()))]})


def answering(pages: Mapping[str, bytes]) -> Any:
    """A server of these pages by their paths; it has no others."""

    def handle(connection: socket.socket, line: str) -> None:
        connection.sendall(pages.get(urlsplit(line.split(" ")[1]).path, UNSUPPORTED))

    return serve(handle)


def agent_configuration(*, prints_false: bool) -> dict[str, Any]:
    """The repository's configuration as vmagent prints it: without what is about rules, lists of alternatives."""
    printed = copy.deepcopy(EXPECTED)
    for name in ("rule_files", "alerting"):
        del printed[name]
    del printed["global"]["evaluation_interval"]
    for job in printed["scrape_configs"]:
        if not prints_false:
            del job["honor_timestamps"]
        for step in job["metric_relabel_configs"]:
            if "regex" in step and "(" not in step["regex"] and "|" in step["regex"]:
                step["regex"] = step["regex"].split("|")
    return printed


def difference_of(printed: Mapping[str, Any], flags: bytes) -> str:
    pages = {
        "/api/v1/status/config": success({"yaml": yaml.safe_dump(dict(printed), sort_keys=False)}),
        "/metrics": http(flags),
    }
    with answering(pages) as (url, _):
        api = PrometheusApi(url)
        text = api.configuration()
        return config_difference(EXPECTED, text, contract=CONTRACT, untold=api.untold)


def test_the_setting_names_the_dialects() -> None:
    """Every engine of the setting must be one that is known here, and the other way round."""
    assert set(ENGINES) == {"auto", *DIALECTS}


def test_the_clock_may_be_a_vector() -> None:
    """VictoriaMetrics' answer to time() must be read as its clock; it is asked for no answer that was kept."""
    asked: list[str] = []

    def handle(connection: socket.socket, line: str) -> None:
        asked.append(line.split(" ")[1])
        connection.sendall(now_as_victoria())

    with serve(handle) as (url, _):
        api = PrometheusApi(url)
        assert abs(api.now() - time.time()) < 5
        assert api.longest_query == 16_384
        api.query("up")
    assert all(parse_qs(urlsplit(each).query)["nocache"] == ["1"] for each in asked)


@pytest.mark.parametrize(
    "answer",
    [
        clock(),
        clock({"metric": {"a": "b"}, "value": [1.0, "1"]}),
        clock({"metric": {"a": "b"}, "value": [1.0, "1"]}, {"metric": {}, "value": [1.0, "1"]}),
        clock({"metric": {}, "value": [1.0, "NaN"]}),
    ],
)
def test_a_vector_that_is_no_clock_is_an_error(answer: bytes) -> None:
    """What is not one series without labels must be no clock."""
    with serve(always(answer)) as (url, _), pytest.raises(ApiBadAnswer):
        PrometheusApi(url).now()


def test_a_named_engine_is_held_to_its_own_form() -> None:
    """A server that was said to be a Prometheus must answer as one."""
    with serve(always(now_as_victoria())) as (url, _):
        api = PrometheusApi(url)
        api.engine = "prometheus"
        with pytest.raises(ApiBadAnswer, match=r"no scalar for time\(\)"):
            api.now()


def test_an_answer_that_tells_nothing_is_not_remembered() -> None:
    """A server that is out of order at first must be recognised once it answers."""
    pages = {
        "/api/v1/rules": success({"groups": []}),
        "/api/v1/query": http(b"", "502 Bad Gateway"),
    }
    with answering(pages) as (url, _):
        api = PrometheusApi(url)
        api.rules()
        assert api.longest_query is None
        pages["/api/v1/query"] = now_as_victoria()
        api.rules()
        assert api.longest_query == 16_384


def test_a_server_without_queries_is_asked_once_what_it_is() -> None:
    """Where no queries are answered, as by Thanos' Ruler, later looks must cost no further question."""
    asked: list[str] = []

    def handle(connection: socket.socket, line: str) -> None:
        path = urlsplit(line.split(" ")[1]).path
        asked.append(path)
        rules = success({"groups": []})
        connection.sendall(rules if path == "/api/v1/rules" else http(b"not found", "404 Not Found"))

    with serve(handle) as (url, _):
        api = PrometheusApi(url)
        for _look in range(3):
            api.rules()
    assert asked.count("/api/v1/query") == 1


def test_a_limit_in_the_words_of_vmagent_is_the_fault_of_the_scrape() -> None:
    """A Pushgateway that answers more than the job allows must be told from one that answers nonsense."""
    said = 'the response from "http://127.0.0.1:9091/metrics" exceeds sample_limit=5; either reduce the sample count'
    job = CONTRACT.targets.pushgateway.job
    target = TargetState(job, "127.0.0.1:9091", up=False, sampled_at=0.0, last_error=said)
    causes = scrape_causes(Measurement("prod", 1.0, targets=(target,)), Pace(1, CONTRACT))
    assert "scrape/target-down" in [each.id for each in causes]


def test_what_vmalert_spells_otherwise_is_read() -> None:
    """`keep_firing_for` of vmalert's page of rules must not be read as none."""
    rule = {
        "type": "alerting",
        "name": "A",
        "query": "up == 0",
        "duration": 0,
        "keep_firing_for": 30,
        "health": "ok",
        "state": "inactive",
    }
    group = {"name": "g", "interval": 30, "file": "a.rules.yml", "rules": [rule]}
    with answering({"/api/v1/rules": success({"groups": [group]})}) as (url, _):
        ((loaded,),) = (each.rules for each in groups_from_api(PrometheusApi(url).rules()))
    assert loaded.keep_firing_for_seconds == 30


def test_a_scraper_is_asked_for_targets_and_configuration() -> None:
    """Both pages must come from the scraper, in Prometheus' form; what was never scraped must be so."""
    target = {
        "labels": {"job": "a"},
        "discoveredLabels": {"__scrape_timeout__": "1.5s"},
        "lastScrape": "1970-01-01T00:00:00Z",
        "health": "down",
    }
    scraper = {"/api/v1/targets": success({"activeTargets": [target]})}
    server = {"/api/v1/targets": success({"activeTargets": []}), "/api/v1/query": now_as_victoria()}
    with answering(scraper) as (scrape_url, _), answering(server) as (url, _):
        api = PrometheusApi(url)
        api.scraper = PrometheusApi(scrape_url)
        (found,) = api.targets()
    assert found["lastScrape"] == "0001-01-01T00:00:00Z"
    assert found["scrapeTimeout"] == "1.5s"


def test_the_end_of_a_series_is_no_sample() -> None:
    """NaN among VictoriaMetrics' raw samples must not be read as a value, nor as a second sample of one time."""
    raw = {"metric": {"__name__": "up"}, "values": [[1.0, "1"], [2.0, "1"], [2.0, "NaN"]]}
    ended = {"metric": {"__name__": "up", "a": "b"}, "values": [[1.0, "NaN"]]}
    pages = {"/api/v1/query": success({"resultType": "matrix", "result": [raw, ended]})}
    with answering(pages) as (url, _):
        api = PrometheusApi(url)
        api.engine = "victoriametrics"
        (found,) = api.query("up[1m]").series
        with pytest.raises(ApiBadAnswer, match="out of time order"):
            PrometheusApi(url).query("up[1m]")
    assert [(each.at, each.value) for each in found.samples] == [(1.0, 1.0), (2.0, 1.0)]


@pytest.mark.parametrize(("prints_false", "flags"), [(True, OLD_FLAGS), (False, NEW_FLAGS)])
def test_the_same_configuration_is_no_difference(*, prints_false: bool, flags: bytes) -> None:
    """What vmagent prints of the repository's configuration must be equal to it, in the form of every version."""
    assert difference_of(agent_configuration(prints_false=prints_false), flags) == ""


def test_honored_timestamps_are_seen_in_every_version() -> None:
    """A job that takes over times must differ: also in the old form, where nothing is printed for that."""
    honoring = agent_configuration(prints_false=False)
    assert "honor_timestamps" in difference_of(honoring, OLD_FLAGS)
    honoring["scrape_configs"][0]["honor_timestamps"] = True
    assert "honor_timestamps" in difference_of(honoring, NEW_FLAGS)


def test_what_is_told_is_compared() -> None:
    """A scrape interval, a dropped filter and printed rule files must differ, whatever the engine may leave out."""
    printed = agent_configuration(prints_false=False)
    printed["global"]["scrape_interval"] = "16s"
    assert "16s" in difference_of(printed, NEW_FLAGS)
    printed = agent_configuration(prints_false=False)
    del printed["scrape_configs"][1]["metric_relabel_configs"][0]
    assert difference_of(printed, NEW_FLAGS)
    printed = agent_configuration(prints_false=False) | {"rule_files": ["others/*.yml"]}
    assert "others" in difference_of(printed, NEW_FLAGS)


def test_a_server_that_prints_nothing_has_no_configuration() -> None:
    """A single node that does not scrape answers an empty text: that must be an error, not an equal configuration."""
    pages = {"/api/v1/status/config": success({"yaml": ""}), "/api/v1/query": now_as_victoria()}
    with answering(pages) as (url, _), pytest.raises(ApiBadAnswer, match="without a configuration"):
        PrometheusApi(url).configuration()
