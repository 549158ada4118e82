"""A server's printout of its configuration held against the repository's file."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.contract import CONTRACT
from l4gate.base import PROMETHEUS_DIR, ApiBadAnswer, yamldoc
from l4gate.scraping import config_difference

# What Prometheus of each generation prints of the repository's prometheus.yml in /etc/prometheus.
PRINTOUTS = {
    path.stem: path.read_text()
    for path in sorted((Path(__file__).parents[2] / "fixtures/printouts").glob("*.yml"))
}
NEWEST = list(PRINTOUTS)[-1]
EXPECTED: dict[str, Any] = yaml.safe_load((PROMETHEUS_DIR / "prometheus.yml").read_text())

Edit = Callable[[dict[str, Any]], object]


def difference(
    edit: Edit = lambda _: None,
    *,
    mine: Edit = lambda _: None,
    foreign_allowed: bool = False,
    how_reached: bool = True,
) -> str:
    """What differs when the printout, or the expected file, is edited."""
    loaded = yaml.safe_load(PRINTOUTS[NEWEST])
    expected = copy.deepcopy(EXPECTED)
    edit(loaded)
    mine(expected)
    return config_difference(
        expected,
        yaml.safe_dump(loaded),
        contract=CONTRACT,
        foreign_allowed=foreign_allowed,
        how_reached=how_reached,
    )


def job(number: int, **settings: object) -> Edit:
    return lambda config: config["scrape_configs"][number].update(settings)


def glob(**settings: object) -> Edit:
    return lambda config: config["global"].update(settings)


def top(**sections: object) -> Edit:
    return lambda config: config.update(sections)


def steps(number: int, change: Callable[[list[Any]], object]) -> Edit:
    return lambda config: change(config["scrape_configs"][number]["metric_relabel_configs"])


def added(**settings: Any) -> Edit:
    return lambda config: config["scrape_configs"].append({"job_name": "other", **settings})


@pytest.mark.parametrize("generation", PRINTOUTS)
def test_a_printout_of_each_generation_is_the_file(generation: str) -> None:
    """Defaults, paths and spellings of no generation must be a difference."""
    assert config_difference(EXPECTED, PRINTOUTS[generation], contract=CONTRACT) == ""


OTHERS = Path(__file__).parents[2] / "fixtures/printouts/others"


@pytest.mark.parametrize("generation", ["2.53", "3.5"])
def test_jobs_of_other_kinds_are_the_file_too(generation: str) -> None:
    """What servers fill in of discovery and access, or print elsewhere, must be no difference."""
    expected = yaml.safe_load((OTHERS / "prometheus.yml").read_text())
    printed = (OTHERS / f"{generation}.yml").read_text()

    assert config_difference(expected, printed, contract=CONTRACT) == ""
    for old, new in (
        ("insecure_skip_verify: false", "insecure_skip_verify: true"),
        ("role: pod", "role: node"),
    ):
        assert old in printed
        assert config_difference(expected, printed.replace(old, new), contract=CONTRACT) != ""


def test_a_printout_is_compared_within_a_look() -> None:
    """The comparison must cost at most 7 times what loading the YAML does, as it is made at each look."""
    printed = PRINTOUTS[NEWEST]

    def work(job: Callable[[], object]) -> float:
        started = time.process_time()
        job()
        return time.process_time() - started

    # In turns, and the least of many: what else the machine does, and how fast it is, meets both alike. 3.3 is usual.
    pairs = [
        (
            work(lambda: config_difference(EXPECTED, printed, contract=CONTRACT)),
            work(lambda: yaml.load(printed, Loader=yamldoc.LOADER)),  # noqa: S506 - a safe one
        )
        for _ in range(15)
    ]

    assert min(one for one, _ in pairs) <= 7 * min(other for _, other in pairs)


DIFFERENT: dict[str, tuple[Edit, str]] = {
    "another interval": (glob(evaluation_interval="1m"), "+  evaluation_interval: 1m"),
    "an offset": (glob(rule_query_offset="10m"), "+  rule_query_offset: 10m"),
    "a global limit": (glob(sample_limit=1), "+  sample_limit: 1"),
    "a setting nobody knows": (glob(new_thing="yes"), "+  new_thing: yes"),
    "a rule file more": (
        lambda config: config["rule_files"].append("/etc/other/x.yml"),
        "+rule_files: /etc/other/x.yml",
    ),
    "the rules of another folder": (
        top(rule_files=["/srv/rules/*.rules.yml"]),
        "+  file_sd_configs: /etc/prometheus/",
    ),
    "other targets": (
        job(2, file_sd_configs=[{"files": ["/etc/prometheus/targets/other.yml"]}]),
        "+  file_sd_configs: targets/other.yml",
    ),
    "rare discovery": (
        lambda config: config["scrape_configs"][2]["file_sd_configs"][0].update(refresh_interval="1d"),
        '{"refresh_interval": "1d"}',
    ),
    "a realm": (
        job(1, static_configs=[{"targets": ["a:1"], "labels": {"metric_realm": "staging"}}]),
        '{"metric_realm": "staging"}',
    ),
    "no target": (job(1, static_configs=[{"targets": []}]), "-  static_configs: targets"),
    "a target with other labels": (
        lambda config: config["scrape_configs"][1]["static_configs"].append({"targets": ["a:1"]}),
        "+  static_configs: targets with the labels {}",
    ),
    "honor_labels": (job(0, honor_labels=True), "+  honor_labels: true"),
    "no honor_labels": (job(1, honor_labels=False), "-  honor_labels: true"),
    "their timestamps": (job(1, honor_timestamps=True), "-  honor_timestamps: false"),
    "no relabelling": (job(1, metric_relabel_configs=[]), "-  metric_relabel_configs:"),
    "a step less": (steps(2, lambda each: each.pop()), "-    - labeldrop"),
    "the steps in another order": (steps(2, list.reverse), "    - labeldrop"),
    "a step that is not understood": (steps(1, lambda each: each.append({"action": "rename"})), '"rename"'),
    "dropped targets": (
        job(1, relabel_configs=[{"source_labels": ["job"], "action": "drop"}]),
        "+  relabel_configs:",
    ),
    "a limit": (job(1, sample_limit=1), "+  sample_limit: 1"),
    "a limit of size": (job(1, body_size_limit="1KB"), "+  body_size_limit: 1024"),
    "a path": (job(1, metrics_path="/federate"), "+  metrics_path: /federate"),
    "parameters": (job(1, params={"a": ["b"]}), "+  params:"),
    "an interval of its own": (job(1, scrape_interval="1m"), "+  scrape_interval: 1m"),
    "a timeout": (job(1, scrape_timeout="1ms"), "+  scrape_timeout: 1ms"),
    "a default that is another": (job(1, follow_redirects=False), "+  follow_redirects: false"),
    "a job less": (lambda config: config["scrape_configs"].pop(1), "-job pushgateway"),
    "a job more": (added(static_configs=[{"targets": ["a:1"]}]), "+job other"),
    "a job twice": (
        lambda config: config["scrape_configs"].append(config["scrape_configs"][1]),
        "+job pushgateway",
    ),
    "what feeds queries": (top(remote_read=[{"url": "http://a"}]), "+remote_read: "),
    "jobs in other files": (top(scrape_config_files=["/etc/more/*.yml"]), "+scrape_config_files: "),
    "no jobs": (top(scrape_configs=None), "-job pushgateway"),
}


@pytest.mark.parametrize(("edit", "shown"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_loaded_otherwise_is_shown(edit: Edit, shown: str) -> None:
    """Whatever changes what is scraped or evaluated must be a line of the difference."""
    found = difference(edit)

    assert found.startswith("--- expected configuration")
    assert shown in found


SAME: dict[str, Edit] = {
    "durations": glob(scrape_interval="0m15s", evaluation_interval="30000ms"),
    "addresses": job(1, static_configs=[{"targets": ["a:1", "b:2"], "labels": {"metric_realm": "prod"}}]),
    "two lists with the same labels": lambda config: config["scrape_configs"][1]["static_configs"].append(
        {"targets": ["a:1"], "labels": {"metric_realm": "prod"}}
    ),
    "the scheme": job(1, scheme="https"),
    "no limit": job(1, sample_limit=0, body_size_limit="0B"),
    "defaults of later versions": job(1, scrape_native_histograms=False, fallback_scrape_protocol=""),
    "jobs in another order": lambda config: config["scrape_configs"].reverse(),
    "alerting": top(
        alerting={"alert_relabel_configs": [{"action": "drop"}]}, remote_write=[{"url": "http://a"}]
    ),
    "storage": top(storage={"tsdb": {"out_of_order_time_window": "1h"}}, runtime={"gogc": 50}),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_what_means_the_same_is_no_difference(edit: Edit) -> None:
    """Spellings, addresses, and sections that feed neither rules nor queries must not be a difference."""
    assert difference(edit) == ""


def test_relative_paths_are_as_good() -> None:
    """A server that was started beside its files prints the paths as they are written, and must be no difference."""
    assert (
        config_difference(EXPECTED, PRINTOUTS[NEWEST].replace("/etc/prometheus/", ""), contract=CONTRACT)
        == ""
    )


SECRETS: dict[str, dict[str, Any]] = {
    "password": {"basic_auth": {"username": "u", "password": "hush"}},
    "token": {"authorization": {"credentials": "hush"}},
    "key": {"tls_config": {"key": "hush"}},
    "header": {"proxy_connect_header": {"X-Any": ["hush"]}},
    "headers": {"http_headers": {"X-Any": {"secrets": ["hush"]}}},
}


@pytest.mark.parametrize("settings", SECRETS.values(), ids=SECRETS)
def test_secrets_are_equal_and_never_shown(settings: dict[str, Any]) -> None:
    """A secret must be equal to the one that the server hides, and never be shown where the server has none."""
    printed = yaml.safe_load(yaml.safe_dump(settings).replace("hush", "<secret>"))

    assert difference(job(1, **printed), mine=job(1, **settings)) == ""
    found = difference(mine=job(1, **settings))
    assert found
    assert "hush" not in found


def test_a_password_in_a_url_is_not_shown() -> None:
    """What stands before the @ of a proxy must not be shown, and not be compared: the server prints xxxxx."""
    mine = job(1, proxy_url="http://u:hush@proxy:1")

    assert difference(job(1, proxy_url="http://u:xxxxx@proxy:1"), mine=mine) == ""
    assert "hush" not in difference(mine=mine)


@pytest.mark.parametrize(
    "loaded",
    [
        "http://v:xxxxx@proxy:1/?a=b",
        "http://u:xxxxx@other:1/?a=b",
        "http://u:xxxxx@proxy:1/?a=c",
        "http://proxy:1/?a=b",
    ],
)
def test_a_url_is_compared_as_far_as_it_is_printed(loaded: str) -> None:
    """All of a URL but its password must be equal, and neither its credentials nor its query be shown."""
    mine = job(1, proxy_url="http://u:hush@proxy:1/?a=b")

    assert difference(job(1, proxy_url="http://u:xxxxx@proxy:1/?a=b"), mine=mine) == ""
    found = difference(job(1, proxy_url=loaded), mine=mine)
    assert "proxy_url: http://" in found
    assert not [each for each in ("hush", "a=b", "a=c", "u:", "v:") if each in found]


@pytest.mark.parametrize(
    "settings",
    [
        {"proxy_url": "http://proxy:1"},
        {"basic_auth": {"username": "u", "password": "hush"}},
        {"tls_config": {"ca_file": "ca"}},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_how_a_target_is_reached_can_be_aside(settings: dict[str, Any]) -> None:
    """Proxy and credentials must be aside as addresses are where a server is judged, and count after a reload."""
    assert difference(job(1, **settings)) != ""
    assert difference(job(1, **settings), how_reached=False) == ""


STATIC = [{"targets": ["a:1"]}]
HARMLESS: dict[str, dict[str, Any]] = {
    "a plain job": {"static_configs": STATIC},
    "a job of another realm": {"static_configs": [{"targets": ["a:1"], "labels": {"metric_realm": "other"}}]},
    "a discovered job": {
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "instance"},
        ],
    },
    "a list whose realm is dropped": {
        "file_sd_configs": [{"files": ["x.yml"]}],
        "relabel_configs": [{"regex": "metric_realm", "action": "labeldrop"}],
    },
    "its own realm": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"target_label": "metric_realm", "replacement": "other"}],
    },
}
CLAIMING: dict[str, dict[str, Any]] = {
    "honor_labels": {"static_configs": STATIC, "honor_labels": True},
    "our realm": {"static_configs": [{"targets": ["a:1"], "labels": {"metric_realm": "prod"}}]},
    "our job": {"static_configs": [{"targets": ["a:1"], "labels": {"job": "pushgateway"}}]},
    "the job of the push": {"static_configs": [{"targets": ["a:1"], "labels": {"job": "duri_heartbeat"}}]},
    "our realm by relabelling": {
        "static_configs": STATIC,
        "relabel_configs": [{"target_label": "metric_realm", "replacement": "prod"}],
    },
    "our realm by metric relabelling": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"target_label": "metric_realm", "replacement": "prod"}],
    },
    "a realm from elsewhere": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"source_labels": ["x"], "target_label": "metric_realm"}],
    },
    "a label from elsewhere": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"source_labels": ["x"], "target_label": "$1"}],
    },
    "labels of any name": {
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [{"regex": "__meta_kubernetes_pod_label_(.+)", "action": "labelmap"}],
    },
    "lists that may have our realm": {"file_sd_configs": [{"files": ["x.yml"]}]},
    "no job": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"regex": "job|instance", "action": "labeldrop"}],
    },
    "our names": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"source_labels": ["x"], "target_label": "__name__"}],
    },
    "a step that is not understood": {
        "static_configs": STATIC,
        "metric_relabel_configs": [{"action": "rename"}],
    },
}


@pytest.mark.parametrize("settings", HARMLESS.values(), ids=HARMLESS)
def test_a_foreign_job_that_brings_nothing_of_ours_is_let_be(settings: dict[str, Any]) -> None:
    """Where foreign rules are ignored, such a job must be no difference; else it must be one."""
    assert difference(added(**settings), foreign_allowed=True) == ""
    assert "+job other" in difference(added(**settings))


@pytest.mark.parametrize("settings", CLAIMING.values(), ids=CLAIMING)
def test_a_foreign_job_that_can_claim_what_is_ours_is_a_difference(settings: dict[str, Any]) -> None:
    """A foreign job that may bring our realm, names or jobs, or is not understood, must never be let be."""
    assert "+job other" in difference(added(**settings), foreign_allowed=True)


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "<html>"])
def test_what_is_no_configuration_is_a_bad_answer(text: str) -> None:
    """A printout that is none must be said as such, and never be taken for an empty configuration."""
    with pytest.raises(ApiBadAnswer, match="expected the YAML of a configuration"):
        config_difference(EXPECTED, text, contract=CONTRACT)
