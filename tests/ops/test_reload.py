"""Safe reload on a real server: what is refused changes nothing, and what is live is proven to be."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import yaml

from fixtures.wire import http, serve
from l4gate.base import OperationRefused, Verdict, wait_until
from l4gate.cli import main
from l4gate.contract import Contract
from l4gate.operations import LiveServer, generation_of, read_configuration, reload_live
from l4gate.operations.configuration import Configuration
from l4gate.operations.live_folder import switch
from l4gate.operations.proof import config_differences, unproven
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import diff_rules, groups_from_api, load_rules
from l4gate.settings import GENERATIONS, Settings
from tests.ops.conftest import Box

HEART = "rules/heartbeat.rules.yml"
ABORT = "rules/abort.rules.yml"
JOB = b"""
  - job_name: another
    static_configs: [{targets: ['127.0.0.1:1'], labels: {metric_realm: another}}]
"""


def loaded_rules_are(box: Box, folder: Path) -> bool:
    return not diff_rules(load_rules(folder), groups_from_api(box.server.api.rules()))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda box: {HEART: b"groups: [\n"}, "did not find expected node content"),
        (lambda box: {HEART: b""}, r"heartbeat.rules.yml:1:1: expected a YAML document, found an empty file"),
        (
            lambda box: {ABORT: box.good.files[ABORT].replace(b"l4: abort", b"l4: stop")},
            "contract/abort-alerts",
        ),
        (
            lambda box: {"prometheus.yml": box.good.files["prometheus.yml"].replace(b"rules/*", b"other/*")},
            "matches no file",
        ),
        (lambda box: {"prometheus.yml": box.good.files["prometheus.yml"] + b"nonsense: 1\n"}, "nonsense"),
        (lambda box: {HEART: box.good.files[HEART].replace(b"[6s]", b"[60s]")}, "changes-window"),
    ],
    ids=["broken", "empty", "lint", "glob", "config", "unscaled window"],
)
def test_what_fails_the_check_changes_nothing(
    box: Box, change: Callable[[Box], dict[str, bytes]], named: str
) -> None:
    """What does not pass the check must leave files and server as they were, and the message says what and where."""
    wanted = Configuration({**box.good.files, **change(box)})
    assert wanted != box.good

    with pytest.raises(OperationRefused, match=rf"(?s)nothing was changed:.*{named}"):
        reload_live(box.server, wanted)

    assert read_configuration(box.live_dir) == box.good
    assert loaded_rules_are(box, box.live_dir)


def test_new_rules_and_jobs_are_proven_live(box: Box) -> None:
    """After a reload the server's rules, jobs and targets must be those of the new files, and GO goes on."""
    wanted = Configuration({**box.good.files, "prometheus.yml": box.good.files["prometheus.yml"] + JOB})

    done = reload_live(box.server, wanted)

    assert read_configuration(box.live_dir) == wanted
    assert done.content_hash == wanted.hash
    groups = load_rules(box.live_dir)
    assert (done.groups, done.rules) == (len(groups), sum(len(group.rules) for group in groups))
    pools = {target["scrapePool"] for target in box.server.api.targets()}
    assert pools == {"prometheus", "pushgateway", "node-exporter", "another"}
    assert box.server.api.version().startswith(done.promtool_version.rpartition(".")[0])


def test_groups_of_others_are_no_obstacle_where_they_are_ignored(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a shared server somebody else's rules must be no difference where those are ignored, and one by default."""
    theirs = b"groups: [{name: theirs, rules: [{record: up:count, expr: count(up)}]}]\n"
    content, contract = box.good, box.server.pace.contract
    box.force(Configuration({**content.files, "rules/theirs.rules.yml": theirs}))

    def missing(only_of: Contract | None) -> list[str]:
        return list(
            unproven(box.server.api, content, content.rules(), 0.0, contract=contract, only_of=only_of)
        )

    wait_until(
        lambda: missing(contract) == [],
        deadline_seconds=20,
        interval_seconds=0.1,
        what="the reload to be proven beside their rules",
        last_seen=lambda: repr(missing(contract)),
    )
    asked = ["diff", "--url", box.server.api.base_url, "--factor", f"{box.server.pace.factor:g}"]

    assert [each.splitlines()[0] for each in missing(None)] == ["the loaded rules are others:"]
    assert main([*asked, "--foreign-rules", "ignore"]) == 0
    assert main(asked) == Verdict.HOLD.exit_code
    assert "group theirs" in capsys.readouterr().out


def test_changed_target_list_is_proven_live(box: Box) -> None:
    """A target list that is switched with its folder must reach the server, which watched the old folder."""
    wanted = box.edited("targets/node_exporter.yml", b"127.0.0.1:", b"127.0.0.2:")

    reload_live(box.server, wanted)

    addresses = [t["discoveredLabels"]["__address__"] for t in box.server.api.targets()]
    assert any(address.startswith("127.0.0.2:") for address in addresses)


Post = Callable[[int, socket.socket], bool]


@contextmanager
def behind(box: Box, on_post: Post) -> Iterator[tuple[LiveServer, list[int]]]:
    """The server behind a proxy that asks what to do with the nth POST; false hands it on. Yields the POSTs too."""
    url, posts = box.server.api.base_url, []

    def serve_one(connection: socket.socket, line: str) -> None:
        method, path, _ = line.partition("\r\n")[0].split()
        if method == "POST" and path.startswith("/-/reload"):
            posts.append(len(posts) + 1)
            if on_post(posts[-1], connection):
                return
        answer = requests.request(method, url + path, timeout=10)
        connection.sendall(http(answer.content, f"{answer.status_code} X"))

    with serve(serve_one) as (proxy, _):
        yield replace(box.server, api=PrometheusApi(proxy)), posts


def refuses(*numbers: int) -> Post:
    def refuse(number: int, connection: socket.socket) -> bool:
        if number in numbers:
            connection.sendall(http(b"failed to reload config", "500 Internal Server Error", "X: y"))
        return number in numbers

    return refuse


def test_refused_reload_is_taken_back(box: Box) -> None:
    """When the server refuses what passed the check, the old files must be back, loaded and proven."""
    wanted = box.edited("prometheus.yml", b"\n", b"\n# new\n")
    with (
        behind(box, refuses(1)) as (server, posts),
        pytest.raises(
            OperationRefused,
            match=r"(?s)refused: HTTP 500: 'failed to reload config'.*is back and proven live",
        ),
    ):
        reload_live(server, wanted)

    assert posts == [1, 2]
    assert read_configuration(box.live_dir) == box.good


def renamed(box: Box) -> Configuration:
    """The good configuration with rule files of other names than ours."""
    files = {name.replace(".rules.yml", ".yaml"): content for name, content in box.good.files.items()}
    files["prometheus.yml"] = files["prometheus.yml"].replace(b"*.rules.yml", b"[a-z]*.yaml")
    return Configuration(files)


def test_old_rules_of_any_name_are_taken_back(box: Box) -> None:
    """Old rules in files that only the old prometheus.yml names must be back, loaded and proven."""
    old = renamed(box)
    box.force(old)

    with (
        behind(box, refuses(1)) as (server, posts),
        pytest.raises(OperationRefused, match="is back and proven live"),
    ):
        reload_live(server, box.good)

    assert posts == [1, 2]
    assert read_configuration(box.live_dir) == old


BROKEN = b"groups: [{name: a, rules: [{record: a, expr: '1', nobody: knows}]}]"


@pytest.mark.parametrize(
    ("posts_refused", "known"),
    [
        ((1,), "it was asked to reload and refused: HTTP 500"),
        ((1, 2), "it was asked to reload and refused: HTTP 500: 'failed to reload config'"),
    ],
)
def test_old_files_that_cannot_be_read_are_taken_back_all_the_same(
    box: Box, posts_refused: tuple[int, ...], known: str
) -> None:
    """Old rules that nobody can read must be back, the server be asked to reload, and what it said be told."""
    old = Configuration({**box.good.files, "rules/more.rules.yml": BROKEN})
    switch(box.live_dir, old)

    with (
        behind(box, refuses(*posts_refused)) as (server, posts),
        pytest.raises(OperationRefused) as refused,
    ):
        reload_live(server, box.good)

    assert posts == [1, 2]
    assert read_configuration(box.live_dir) == old
    assert "The old files are back. Which files the server runs is unknown: " + known in str(refused.value)


def test_server_that_goes_away_is_unknown(box: Box) -> None:
    """Where no answer comes any more, the old files must be back, and the server's be said to be unknown."""
    wanted = box.edited("prometheus.yml", b"\n", b"\n# new\n")

    with (
        behind(box, lambda _number, _connection: True) as (server, posts),
        pytest.raises(
            OperationRefused, match=r"The old files are back\. Which files the server runs is unknown"
        ),
    ):
        reload_live(server, wanted)

    assert posts[-1] > 1
    assert read_configuration(box.live_dir) == box.good


def test_files_that_cannot_be_put_back_are_said(box: Box, tmp_path: Path) -> None:
    """Where the old files cannot be put back, the server must be asked all the same, and what is there be said."""
    live = tmp_path / "live"
    live.mkdir()
    box.good.write(live)

    def spoil(number: int, connection: socket.socket) -> bool:
        if number == 1:
            (live / ".l4gate").rename(tmp_path / "gone")
            (live / ".l4gate").write_text("in the way")
        return refuses(1, 2)(number, connection)

    with behind(box, spoil) as (server, posts), pytest.raises(OperationRefused) as refused:
        reload_live(replace(server, live_dir=live), box.edited("prometheus.yml", b"\n", b"\n# new\n"))

    assert posts == [1, 2]
    said = str(refused.value)
    assert "The old files could not be put back: " in said
    assert f"{live} holds what cannot be read: " in said
    assert "Which files the server runs is unknown" in said


def test_interrupted_reload_leaves_files_and_server_in_step(box: Box) -> None:
    """Ctrl-C, even twice, must not come between the old files and the reload of them."""

    def interrupt(number: int, connection: socket.socket) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return refuses(1)(number, connection)

    with behind(box, interrupt) as (server, posts), pytest.raises(KeyboardInterrupt):
        reload_live(server, box.edited("prometheus.yml", b"\n", b"\n# new\n"))

    assert posts == [1, 2]
    assert read_configuration(box.live_dir) == box.good
    assert loaded_rules_are(box, box.live_dir)


@pytest.mark.parametrize("whose", ["old", "new"])
def test_names_outside_of_what_is_switched_are_refused(box: Box, whose: str) -> None:
    """A prometheus.yml that names rules beside rules/ and targets/ must be refused before anything is switched."""
    outside = box.edited("prometheus.yml", b"rule_files:\n", b"rule_files:\n  - alerts/*.yml\n")
    old, new = (outside, box.good) if whose == "old" else (box.good, outside)
    switch(box.live_dir, old)

    with (
        behind(box, refuses()) as (server, posts),
        pytest.raises(OperationRefused, match=r"(?s)nothing was changed:.*names alerts/\*\.yml, which"),
    ):
        reload_live(server, new)

    assert posts == []
    assert read_configuration(box.live_dir) == old


def test_folder_that_the_server_does_not_read_is_found_out(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 200 is no proof: with the wrong folder the server reloads happily, and nothing must count as live."""
    monkeypatch.setattr("l4gate.operations.reload.DISCOVERY_SECONDS", 0.0)
    monkeypatch.setattr("l4gate.operations.reload._ROOM_SECONDS", 1.0)
    other = tmp_path / "other"
    other.mkdir()
    box.good.write(other)
    wanted = box.edited(HEART, b"interval: 500ms", b"interval: 500ms\n    limit: 1000")

    with pytest.raises(OperationRefused, match=r"(?s)the loaded rules are others:.*limit 1000"):
        reload_live(replace(box.server, live_dir=other), wanted)

    assert read_configuration(other) == box.good


def test_differences_of_the_configuration_are_named(box: Box) -> None:
    """Each setting that the server has otherwise must be shown; defaults and paths are no difference."""
    config = yaml.safe_load(box.good.files["prometheus.yml"])
    contract = box.server.pace.contract
    assert list(config_differences(box.server.api, config, contract)) == []
    config["global"]["scrape_interval"] = "1m"
    config["scrape_configs"][1]["honor_labels"] = False
    del config["scrape_configs"][2]

    found = "\n".join(config_differences(box.server.api, config, contract))

    assert "-  scrape_interval: 1m" in found
    assert "+  honor_labels: true" in found
    assert "+job node-exporter" in found


def test_what_a_comparison_of_behaviour_leaves_aside_is_proven_too(box: Box) -> None:
    """An address, or a section that feeds no rule, that is not the file's must be named by its place."""
    config = yaml.safe_load(box.good.files["prometheus.yml"])
    config["scrape_configs"][0]["static_configs"][0]["targets"] = ["127.0.0.9:1"]
    config["alerting"] = {"alertmanagers": []}

    found = "\n".join(config_differences(box.server.api, config, box.server.pace.contract))

    assert "scrape_configs[0].static_configs[0].targets[0]: expected '127.0.0.9:1'" in found
    assert "alerting.alertmanagers: expected []" in found


SECRET_JOBS = b"""
  - job_name: by password
    basic_auth: {username: u, password: hush-hush}
    static_configs: [{targets: ['127.0.0.1:1'], labels: {metric_realm: another}}]
  - job_name: by token
    bearer_token: hush-hush
    proxy_url: http://u:hush-hush@127.0.0.1:1
    static_configs: [{targets: ['127.0.0.1:1'], labels: {metric_realm: another}}]
remote_write:
  - url: http://u:hush-hush@127.0.0.1:1/write
    headers: {X-Key: hush-hush}
    write_relabel_configs: [{source_labels: [__name__], regex: '.*', action: drop}]
"""


def test_secrets_are_proven_live_and_never_shown(box: Box) -> None:
    """A configuration with secrets must be proven live, and be refused without a word of them."""
    wanted = Configuration(
        {**box.good.files, "prometheus.yml": box.good.files["prometheus.yml"] + SECRET_JOBS}
    )

    assert reload_live(box.server, wanted).content_hash == wanted.hash
    differences = "\n".join(config_differences(box.server.api, box.good.config(), box.server.pace.contract))
    assert "by password" in differences
    assert "hush" not in differences
    broken = wanted.files["prometheus.yml"].replace(b"password: hush-hush", b"password: [hush-hush]")
    with pytest.raises(OperationRefused, match="did not pass the check") as refused:
        reload_live(box.server, Configuration({**wanted.files, "prometheus.yml": broken}))
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("version", "generation"),
    [("2.42.0", "2.42"), ("3.5.3+ds1", "3.5"), ("3.9.1", "3.5"), ("2.50.0", "2.53"), ("", GENERATIONS[-1])],
)
def test_promtool_is_of_the_servers_generation(version: str, generation: str) -> None:
    """The check must be made by the promtool nearest to the running server."""
    assert generation_of(version) == generation


def test_command_reloads_and_refuses(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    """`l4gate reload` must exit 0 with what is proven, 10 with what was refused, 2 without a folder."""
    common = ["--url", box.server.api.base_url, "--factor", "60", "--cache-dir", str(settings.cache_dir)]
    source = tmp_path / "source"
    source.mkdir()
    box.good.write(source)
    (source / "prometheus.yml").write_bytes(box.good.files["prometheus.yml"] + b"# by hand\n")

    assert main(["reload", str(source), "--live-dir", str(box.live_dir), "--json", *common]) == 0
    assert json.loads(capsys.readouterr().out)["content_hash"] == read_configuration(source).hash
    assert main(["reload", "--live-dir", str(box.live_dir), *common]) == 0
    assert "proven in" in capsys.readouterr().out
    (source / HEART).write_text("groups: [\n")
    assert main(["reload", str(source), "--live-dir", str(box.live_dir), *common]) == Verdict.HOLD.exit_code
    assert "nothing was changed" in capsys.readouterr().err
    assert main(["reload", *common]) == 2
