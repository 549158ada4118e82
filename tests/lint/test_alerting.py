"""Who is told, as the lint reads it from alertmanager.yml, held to what the Alertmanager's own tool says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fixtures.settings import SETTINGS
from l4gate.base import GateError
from l4gate.contract import load_contract
from l4gate.lint import ensure_sound
from l4gate.lint.engine import Report
from l4gate.lint.routing import chosen
from l4gate.programs import find_program
from l4gate.rules import ALERTING_FILE
from tests.lint.variants import VARIANTS, Variant

ROUTES = """
route:
  receiver: rest
  routes:
    - receiver: both
      match: {l4: abort}
      continue: true
    - matchers: ['l4=~"ab|warning"', metric_realm!=dev]
      routes:
        - receiver: night
          match_re: {alertname: L4.*}
        - receiver: absent
          matchers: ['nobody=""', 'l4!~"warn"']
    - receiver: quoted
      matchers: ['{l4="a,b", alertname="x\\"y"}']
    - receiver: last
      matchers: [l4="abort"]
receivers: [{name: rest}, {name: both}, {name: night}, {name: absent}, {name: quoted}, {name: last}]
"""
LABELS = (
    {},
    {"l4": "abort"},
    {"l4": "abort", "metric_realm": "prod"},
    {"l4": "ab", "metric_realm": "prod"},
    {"l4": "warning", "metric_realm": "prod"},
    {"l4": "warning", "metric_realm": "prod", "alertname": "L4Slow"},
    {"l4": "warning", "metric_realm": "dev", "alertname": "L4Slow"},
    {"l4": "watchdog", "alertname": "L4Watchdog"},
    {"l4": "abortive"},
    {"l4": "a,b", "alertname": 'x"y'},
)


@pytest.fixture(scope="module")
def amtool(pytestconfig: pytest.Config) -> Path:
    settings = pytestconfig.stash[SETTINGS]
    try:
        return find_program("amtool", settings.generation, settings.cache_dir).path
    except GateError as error:
        pytest.skip(f"nothing to hold the routes to: {error.message}")


def repository_routes() -> str:
    return (Path(__file__).parents[2] / "prometheus" / ALERTING_FILE).read_text()


@pytest.mark.parametrize("text", [ROUTES, repository_routes()], ids=["odd", "ours"])
def test_routes_are_chosen_as_amtool_chooses_them(text: str, amtool: Path, tmp_path: Path) -> None:
    """For any labels the lint must find the receivers that amtool finds, in the same order."""
    file = tmp_path / ALERTING_FILE
    file.write_text(text)
    (route,) = (value for key, value in yaml.compose(text).value if key.value == "route")
    for labels in LABELS:
        given = [f"{name}={value}" for name, value in labels.items() if not set(value) & set(',"')]
        if len(given) < len(labels):
            continue  # amtool cannot be given such a value on its command line
        command = [amtool, "config", "routes", "test", f"--config.file={file}", *given]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

        assert [each.receiver for each in chosen(route, labels)] == said.strip().split(","), labels


def test_a_quoted_value_may_have_commas_and_quotes() -> None:
    """What amtool cannot be asked must hold as well: a comma or a quote in quotes belongs to the value."""
    (route,) = (value for key, value in yaml.compose(ROUTES).value if key.value == "route")

    assert [each.receiver for each in chosen(route, LABELS[-1])] == ["quoted"]


def test_our_alertmanager_loads_it(amtool: Path) -> None:
    """The file that we give must be one that the Alertmanager takes."""
    path = Path(__file__).parents[2] / "prometheus" / ALERTING_FILE
    done = subprocess.run(
        [amtool, "check-config", path], capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_whoever_has_no_alertmanager_has_no_finding(folder: Path, check: Callable[..., Report]) -> None:
    """Without an alertmanager.yml there must be nothing to find."""
    (folder / ALERTING_FILE).unlink()

    assert not check(only=["alerting"]).findings


@pytest.mark.parametrize(
    "variant", [each for each in VARIANTS if each.file == ALERTING_FILE], ids=lambda each: each.what
)
def test_no_verdict_depends_on_who_is_told(variant: Variant, folder: Path) -> None:
    """What is wrong in alertmanager.yml must keep nobody from judging."""
    contract = load_contract(folder)
    variant.apply(folder)

    ensure_sound(folder, contract)
