"""Who is told in a run: the repository's routes in scaled time, and receivers of the run's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from l4gate.base import ProgramMissing, RuleError
from l4gate.programs import Program, command_of, placing
from l4gate.rules import ALERTING_FILE, render, rendered_alerting

SOURCE = Path("prometheus")
PAGER = "http://127.0.0.1:7"


def rendered(tmp_path: Path, text: str, **options: Any) -> Any:
    (tmp_path / ALERTING_FILE).write_text(text)
    return yaml.safe_load(rendered_alerting(tmp_path, **{"factor": 60, "pager": PAGER, **options}))


def test_times_are_divided_and_routes_stay() -> None:
    """Each interval must be divided by the factor, and everything else of the routes must be as it is written."""
    before = yaml.safe_load((SOURCE / ALERTING_FILE).read_text())
    after = yaml.safe_load(rendered_alerting(SOURCE, factor=10, pager=PAGER))

    abort = after["route"]["routes"][0]
    assert (abort["group_wait"], abort["group_interval"], abort["repeat_interval"]) == ("1s", "6s", "3m")
    assert after["global"] == {"resolve_timeout": "30s"}
    for routes in (before["route"]["routes"], after["route"]["routes"]):
        for route in routes:
            for key in ("group_wait", "group_interval", "repeat_interval"):
                del route[key]
    assert before["route"]["routes"] == after["route"]["routes"]


def test_receivers_keep_their_names_alone(tmp_path: Path) -> None:
    """Whatever a receiver calls in production, and every secret and template, must be gone from a sandbox."""
    text = """
global: {resolve_timeout: 5m, smtp_auth_password_file: /secret, slack_api_url_file: /secret}
templates: [/secret/*.tmpl]
route: {receiver: a, group_wait: 1m, group_interval: 1m, repeat_interval: 1m}
receivers:
  - name: a
    slack_configs: [{channel: "#secret"}]
  - name: "b c"
    pagerduty_configs: [{routing_key_file: /secret}]
"""
    found = rendered(tmp_path, text)

    assert "secret" not in str(found)
    assert [each["name"] for each in found["receivers"]] == ["a", "b c"]
    assert found["receivers"][0]["webhook_configs"] == [{"url": f"{PAGER}/a", "send_resolved": True}]
    assert rendered(tmp_path, text, pager="")["receivers"] == [{"name": "a"}, {"name": "b c"}]


def test_every_way_to_write_a_list_can_be_replaced(tmp_path: Path) -> None:
    """A list whose dashes stand below their key, and one in brackets, must be replaced without a torn file."""
    route = "route:\n  receiver: a\n  group_wait: 1m\n  group_interval: 1m\n  repeat_interval: 1m\n"
    for lists in (
        "receivers:\n- name: a\n- name: b\ntemplates:\n- x/*.tmpl\n",
        "receivers:\n  - name: a\n  - name: b\ntemplates:\n  - x\n",
        "receivers: [{name: a}, {name: b}]\ntemplates: [x]\n",
    ):
        for text in (lists + route, route + lists):
            assert [each["name"] for each in rendered(tmp_path, text)["receivers"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "route: {receiver: a, group_wait: 1s}\nreceivers: []",
            "expected group_interval and repeat_interval",
        ),
        ("receivers: []", "expected route, found none"),
        ("route: {}", "expected receivers, found none"),
        ("route: [", "expected one YAML document"),
        (
            "route: {group_wait: soon, group_interval: 1s, repeat_interval: 1s}\nreceivers: []",
            "expected a Prometheus",
        ),
    ],
)
def test_what_cannot_be_used_is_named(text: str, expected: str, tmp_path: Path) -> None:
    """A file without routes or receivers, or with a default that cannot be scaled, must be an error with its place."""
    with pytest.raises(RuleError, match=expected) as caught:
        rendered(tmp_path, text)

    assert ALERTING_FILE in str(caught.value)


@pytest.mark.parametrize(
    "alerting",
    [
        "alertmanagers: [{static_configs: [{targets: [pager.example:9093]}]}]",
        "alertmanagers: [{dns_sd_configs: [{names: [pager.example]}], timeout: 3s, basic_auth: {username: a}}]",
    ],
)
def test_a_run_sends_to_its_own_alertmanager_alone(alerting: str, tmp_path: Path) -> None:
    """Whatever Alertmanager production has: a run must send its alerts to its own and to no other."""
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    config = yaml.safe_load((source / "prometheus.yml").read_text())
    config["alerting"] = yaml.safe_load(alerting) | {
        "alert_relabel_configs": [{"regex": "x", "action": "labeldrop"}]
    }
    (source / "prometheus.yml").write_text(yaml.safe_dump(config))

    render(source, tmp_path / "run", factor=60, realms=("prod",), addresses={}, alertmanager="127.0.0.1:9")

    found = yaml.safe_load((tmp_path / "run/prometheus.yml").read_text())["alerting"]
    assert found["alertmanagers"] == [{"static_configs": [{"targets": ["127.0.0.1:9"]}]}]
    assert found["alert_relabel_configs"] == config["alerting"]["alert_relabel_configs"]


def test_a_program_that_finds_its_files_is_started_as_it_is(tmp_path: Path) -> None:
    """A program without templates beside it must be started by its own path."""
    assert command_of(Program("alertmanager", tmp_path / "alertmanager", "1", "PATH")) == [
        str(tmp_path / "alertmanager")
    ]


def test_a_program_sees_its_templates_where_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates beside the program must be seen at their place, as the same process, and by nobody else."""
    monkeypatch.setattr(placing, "TEMPLATES", Path("/usr/share/not-installed"))
    for name in placing.TEMPLATE_NAMES:
        (tmp_path / name).write_text(name)
    program = Program("alertmanager", tmp_path / "alertmanager", "1", "Debian")

    command = command_of(program)

    assert command[-2:] == [str(tmp_path), str(program.path)]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="needs its templates in /usr/share/not-installed"):
        command_of(program)
