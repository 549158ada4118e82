"""What every stack of ours can do, on real programs, as processes and as containers."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from fixtures import contract
from fixtures.pager import paging
from fixtures.stacks import SOURCE, Opener
from l4gate.base import ProgramMissing, StackError, wait_until
from l4gate.programs import Promtool
from l4gate.rules import ALERTING_FILE
from l4gate.sandbox import Series, write_blocks
from l4gate.settings import Settings
from l4gate.stack import (
    ALERTMANAGER,
    NODE_EXPORTER,
    PROMETHEUS,
    PUSHGATEWAY,
    SERVICES,
    Stack,
    server_promtool,
)
from l4gate.stack.image_promtool import ImagePromtool


def url_of(stack: Stack, service: str) -> str:
    assert stack.alertmanager_url, stack.untold
    return {
        ALERTMANAGER: stack.alertmanager_url,
        PROMETHEUS: stack.prometheus_url,
        PUSHGATEWAY: stack.pushgateway_url,
        NODE_EXPORTER: stack.node_exporter_url,
    }[service]


def query(stack: Stack, expression: str, at: float | None = None) -> list[float]:
    answer = requests.get(
        f"{stack.prometheus_url}/api/v1/query",
        params={"query": expression, **({"time": at} if at else {})},
        timeout=5,
    )
    return [float(each["value"][1]) for each in answer.json()["data"]["result"]]


def groups(stack: Stack) -> set[str]:
    answer = requests.get(f"{stack.prometheus_url}/api/v1/rules", timeout=5)
    return {group["name"] for group in answer.json()["data"]["groups"]}


def until(condition, what: str):  # noqa: ANN001, ANN201
    return wait_until(condition, deadline_seconds=20, interval_seconds=0.05, what=what)


def test_rules_wait_for_the_first_scrape(kind: str, opener: Opener) -> None:
    """A scaled stack must evaluate no rule before its targets have been scraped, and all of them afterwards."""
    with opener(kind) as stack:
        before = groups(stack)
        stack.load_rules()

        assert before == set()
        assert query(stack, 'count(up{job=~"prometheus|pushgateway"})') == [2.0]
        assert groups(stack) == {
            path.name.removesuffix(".rules.yml") for path in SOURCE.glob("rules/*.rules.yml")
        }


@pytest.mark.parametrize("service", SERVICES)
def test_services_listen_on_loopback_only(stack: Stack, service: str) -> None:
    """Every service must answer on 127.0.0.1, and say its version."""
    assert urlsplit(url_of(stack, service)).hostname == "127.0.0.1"
    assert requests.get(f"{url_of(stack, service)}/metrics", timeout=5).ok
    assert stack.versions[service][0].isdigit()
    assert stack.origins[service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_comes_back_at_its_address(stack: Stack, service: str) -> None:
    """After a kill nobody must answer; after a start the same address must, with its rules."""
    url, before = url_of(stack, service), groups(stack)

    stack.kill(service)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/metrics", timeout=5)
    stack.start(service)

    assert url_of(stack, service) == url
    assert requests.get(f"{url}/metrics", timeout=5).ok
    assert groups(stack) == before


@pytest.mark.parametrize("service", SERVICES)
def test_a_paused_service_never_answers(stack: Stack, service: str) -> None:
    """A paused service must accept connections and not answer, until it is resumed."""
    stack.pause(service)
    try:
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{url_of(stack, service)}/metrics", timeout=0.3)
    finally:
        stack.resume(service)

    assert requests.get(f"{url_of(stack, service)}/metrics", timeout=5).ok


def test_pushed_groups_survive_a_restart(stack: Stack) -> None:
    """A Pushgateway that ended in order must still have what was pushed to it."""
    group = f"{stack.pushgateway_url}/metrics/job/restart"
    requests.put(group, data="restarted 1\n", timeout=5).raise_for_status()
    try:
        stack.restart(PUSHGATEWAY)

        assert "restarted{" in requests.get(f"{stack.pushgateway_url}/metrics", timeout=5).text
    finally:
        requests.delete(group, timeout=5)


def test_textfiles_are_read(stack: Stack) -> None:
    """A file in the textfile folder must be served by node-exporter, and nothing else of this host."""
    (stack.textfile_dir / "t.prom").write_text("some_metric 1\n")

    text = requests.get(f"{stack.node_exporter_url}/metrics", timeout=5).text

    (stack.textfile_dir / "t.prom").unlink()
    assert "\nsome_metric 1\n" in text
    assert "node_cpu_seconds_total" not in text
    assert 'node_scrape_collector_success{collector="textfile"} 1' in text


def test_an_edit_is_live_after_a_reload(stack: Stack) -> None:
    """Edited rules must be loaded by a reload, and survive a restart of Prometheus."""
    extra = stack.config_dir / "rules" / "extra.rules.yml"
    extra.write_text("groups: [{name: extra, rules: [{record: extra, expr: vector(7)}]}]")
    try:
        stack.reload()
        assert "extra" in groups(stack)
        stack.restart(PROMETHEUS)
        assert "extra" in groups(stack)
    finally:
        extra.unlink()
        stack.reload()
    assert "extra" not in groups(stack)


def test_a_refused_reload_quotes_prometheus(stack: Stack) -> None:
    """A broken rule file must be refused with the server's own words and the file's name, and the old rules go on."""
    broken, before = stack.config_dir / "rules" / "broken.rules.yml", groups(stack)
    broken.write_text("groups: [{name: broken, rules: [{record: x, expr: 'sum('}]}]")
    try:
        with pytest.raises(StackError) as caught:
            stack.reload()
    finally:
        broken.unlink()

    assert "found HTTP 500" in str(caught.value)
    assert "broken.rules.yml" in str(caught.value)
    assert "unclosed left parenthesis" in str(caught.value)
    assert groups(stack) == before
    stack.reload()


def test_a_refused_reload_waits_for_a_late_log(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log whose last lines come after the answer must be read until they are there, or the file is not named."""
    broken, logs = stack.config_dir / "rules" / "late.rules.yml", stack.logs
    asked: list[str] = []

    def late(service: str, lines: int = 50) -> str:
        asked.append(service)
        return logs(service, lines) if len(asked) > 3 else ""

    broken.write_text("groups: [{name: broken, rules: [{record: x, expr: 'sum('}]}]")
    monkeypatch.setattr(stack, "logs", late)
    try:
        with pytest.raises(StackError, match=r"late\.rules\.yml"):
            stack.reload()
    finally:
        broken.unlink()
        monkeypatch.undo()
        stack.reload()


def test_a_history_is_there_from_the_start(kind: str, opener: Opener) -> None:
    """What the history wrote must be in the TSDB when Prometheus starts, and be found by queries."""
    now = int(time.time())

    def history(data_dir: Path, promtool: Promtool) -> None:
        past = ((now - 3600 + i, 5.0) for i in range(60))
        write_blocks([Series("old_metric", {"metric_realm": "prod"}, past)], data_dir, promtool)

    with opener(kind, history=history) as stack:
        assert query(stack, "old_metric", at=now - 3570) == [5.0]


def test_promtool_is_the_servers(stack: Stack, tmp_path: Path) -> None:
    """Promtool must be of the server's version, read relative names, and be able to write."""
    (tmp_path / "r.yml").write_text("groups: []\n")

    result = stack.promtool.run("check", "rules", "r.yml", folder=tmp_path)

    assert result.returncode == 0, result
    assert stack.promtool.version.split("+")[0] == stack.versions[PROMETHEUS].split("+")[0]


@pytest.mark.parametrize("service", SERVICES)
def test_logs_have_the_last_lines(stack: Stack, service: str) -> None:
    """The log must be there, as many lines as wanted."""
    assert "istening on" in stack.logs(service, lines=1000)
    assert len(stack.logs(service, lines=2).splitlines()) == 2


def test_an_unknown_service_is_an_error(stack: Stack) -> None:
    """A misspelt service must be named together with those that exist."""
    with pytest.raises(
        StackError,
        match="expected one of prometheus, pushgateway, node-exporter, alertmanager, found 'grafana'",
    ):
        stack.kill("grafana")


def test_factor_one_is_production(kind: str, opener: Opener) -> None:
    """At factor 1 the rules must be live from the start, and their files those of the repository, byte for byte."""
    with opener(kind, factor=1.0) as stack:
        assert groups(stack)
        flags = requests.get(f"{stack.prometheus_url}/api/v1/status/flags", timeout=5).json()["data"]
        for path in SOURCE.glob("rules/*.rules.yml"):
            assert (stack.config_dir / "rules" / path.name).read_bytes() == path.read_bytes()
    assert flags["query.lookback-delta"] == "5m"


def alertmanagers(stack: Stack) -> list[str]:
    """Where Prometheus sends alerts; 2.42 knows it only some seconds after it is ready."""
    found: list[str] = []

    def known() -> bool:
        answer = requests.get(f"{stack.prometheus_url}/api/v1/alertmanagers", timeout=5).json()["data"]
        found[:] = [urlsplit(each["url"]).netloc for each in answer["activeAlertmanagers"]]
        return bool(found)

    until(known, "an Alertmanager to be known")
    return found


def test_alerts_go_to_the_stacks_own_alertmanager(stack: Stack) -> None:
    """The only Alertmanager that Prometheus knows must be the one of the stack, and hear of alerts from it."""
    own = urlsplit(url_of(stack, ALERTMANAGER)).netloc
    inside = f"{ALERTMANAGER}:9093" if stack.kind == "containers" else own

    assert alertmanagers(stack) == [inside]
    until(
        lambda: [
            each
            for each in requests.get(f"{url_of(stack, ALERTMANAGER)}/api/v2/alerts", timeout=5).json()
            if each["labels"]["alertname"] == contract.CONTRACT.watchdog
        ],
        "the watchdog to arrive",
    )


def test_receivers_call_nobody_but_whom_the_run_names(stack: Stack) -> None:
    """No receiver of the repository must be called by a sandbox; the one that is named must be, by its own name."""
    written = yaml.safe_load((stack.config_dir / ALERTING_FILE).read_text())
    assert [list(each) for each in written["receivers"]] == [["name"]] * 4

    with paging(stack.host_address) as pager:
        stack.notify(pager.url)
        until(lambda: pager.heard("dead-mans-switch"), "the watchdog to be heard")
        stack.notify("")


@pytest.mark.parametrize("missing", ["file", "program", "broken"])
def test_a_stack_without_an_alertmanager_lacks_nothing_else(
    kind: str, missing: str, opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps the Alertmanager from starting: the stack must start, say so, and send alerts to nobody."""
    source, said = tmp_path / "prometheus", list[str]()
    shutil.copytree(SOURCE, source)
    if missing == "file":
        (source / ALERTING_FILE).unlink()
    elif missing == "broken":
        (source / ALERTING_FILE).write_text(
            "route: {group_wait: 1s, group_interval: 1s, repeat_interval: 1s}\nreceivers: []\n"
        )
    else:
        monkeypatch.setenv("L4_ALERTMANAGER", "/bin/false")
        monkeypatch.setenv("L4_ALERTMANAGER_IMAGE", "127.0.0.1:1/nobody/has:this")

    with opener(kind, said, source=source) as stack:
        stack.load_rules()

        assert stack.alertmanager_url is None
        assert stack.untold.startswith("no Alertmanager, so nobody would be told of an ABORT: ")
        assert f"warning: {stack.untold}" in said
        assert "\n" not in stack.untold
        assert groups(stack)
        assert alertmanagers(stack) == ["127.0.0.1:1"]
        with pytest.raises(StackError, match="no Alertmanager"):
            stack.notify("http://127.0.0.1:1")


def test_time_is_scaled(stack: Stack) -> None:
    """The lookback of a scaled Prometheus must be divided by the factor as its rules are."""
    flags = requests.get(f"{stack.prometheus_url}/api/v1/status/flags", timeout=5).json()["data"]

    assert flags["query.lookback-delta"] == "5s"


def test_two_stacks_do_not_meet(kind: str, stack: Stack, opener: Opener) -> None:
    """A second stack beside the first must have its own addresses, folder and series."""
    with opener(kind) as second:
        assert {url_of(second, each) for each in SERVICES}.isdisjoint(
            url_of(stack, each) for each in SERVICES
        )
        assert second.run_id != stack.run_id
        requests.put(
            f"{second.pushgateway_url}/metrics/job/second", data="second 1\n", timeout=5
        ).raise_for_status()
        assert "second{" not in requests.get(f"{stack.pushgateway_url}/metrics", timeout=5).text
    assert requests.get(f"{stack.prometheus_url}/-/ready", timeout=5).ok
    assert not second.run_dir.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has a user to step down from")
@pytest.mark.containers
def test_containers_are_not_root(engine_required: None, opener: Opener) -> None:
    """Whoever starts them: containers must run as nobody, without capabilities, on a read-only system."""
    import docker

    with opener("containers") as stack:
        client = docker.from_env()
        found = client.containers.list(filters={"label": f"l4gate.run={stack.run_id}"})
        facts = {
            (
                each.attrs["Config"]["User"],
                each.attrs["HostConfig"]["ReadonlyRootfs"],
                *each.attrs["HostConfig"]["CapDrop"],
            )
            for each in found
        }
        client.close()

    assert len(found) == len(SERVICES)
    assert facts == {("65534:65534", True, "ALL")}


@pytest.mark.containers
def test_promtool_runs_in_the_image(engine_required: None, opener: Opener, tmp_path: Path) -> None:
    """Where this host has no promtool, the one in the image must do the same: read, write, and tell its exit code."""
    with opener("containers") as stack:
        promtool = ImagePromtool(
            stack._client, stack._images[PROMETHEUS], stack._users.own_user, stack.run_id
        )
        past = ((1_700_000_000 + i, 5.0) for i in range(3))
        write_blocks([Series("old_metric", {}, past)], tmp_path, promtool)
        refused = promtool.run("check", "rules", "gone.yml", folder=tmp_path)

        assert promtool.version.split("+")[0] == stack.versions[PROMETHEUS].split("+")[0]
    assert list(tmp_path.glob("*/meta.json"))
    assert refused.returncode != 0
    assert "gone.yml" in refused.stderr


@pytest.mark.containers
def test_promtool_of_a_server_is_the_one_in_its_container(
    engine_required: None, opener: Opener, settings: Settings, tmp_path: Path
) -> None:
    """What goes to a server in a container must be checked by that container's promtool, at no other's version."""
    folder = {"live_dir": tmp_path, "cache_dir": settings.cache_dir}
    with opener("containers") as stack:
        version = stack.versions[PROMETHEUS]
        found = server_promtool(stack.prometheus_url, version, settings.generation, **folder)
        refused = found.run("check", "rules", "gone.yml", folder=tmp_path)
        other = server_promtool(stack.prometheus_url, "1.8.2", settings.generation, **folder)
        elsewhere = server_promtool(stack.pushgateway_url, version, settings.generation, **folder)

        assert found.origin.startswith("the container ")
        assert found.version == version
        assert "gone.yml" in refused.stderr
        assert "container" not in other.origin + elsewhere.origin


@pytest.mark.containers
def test_a_chosen_image_is_not_replaced(
    engine_required: None, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that a variable names and that cannot be had must be an error, not a reason to take another one."""
    monkeypatch.setenv("L4_PUSHGATEWAY_IMAGE", "127.0.0.1:1/nobody/has:this")

    with pytest.raises(ProgramMissing) as caught, opener("containers"):
        pass

    assert str(caught.value).startswith(
        "the image 127.0.0.1:1/nobody/has:this was chosen for pushgateway, is not here, and no registry answers: "
    )
    assert str(caught.value).endswith("Next: correct or unset the variable that names it.")
