"""The compose file, as people and `docker compose` read it, and as our stacks do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fixtures.contract import LOOKBACK_SECONDS
from l4gate.base import StackError, format_duration
from l4gate.settings import GENERATIONS
from l4gate.stack import NODE_EXPORTER, PROMETHEUS, PUSHGATEWAY, SERVICES
from l4gate.stack.compose import COMPOSE_FILE, load_services

FILE = yaml.safe_load(COMPOSE_FILE.read_text())


def test_the_services_are_the_stacks() -> None:
    """The file must have exactly the services of a stack."""
    assert set(load_services(GENERATIONS[-1])) == set(FILE["services"]) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_loopback_only(service: str) -> None:
    """Nothing must be published to other machines."""
    assert [port.split(":")[0] for port in FILE["services"][service]["ports"]] == ["127.0.0.1"]


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_hardened(service: str) -> None:
    """Every service must be without root, capabilities, new privileges and a writable system."""
    definition = FILE["services"][service]

    assert definition["user"] == "65534:65534"
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", SERVICES)
def test_health_checks_need_no_shell(service: str) -> None:
    """Health checks must be in exec form, for images without a shell, and ask the service's own port."""
    check = FILE["services"][service]["healthcheck"]["test"]

    port = load_services(GENERATIONS[-1])[service].port
    assert check[0] == "CMD"
    assert check[-1].startswith(f"http://127.0.0.1:{port}/")


def test_no_mount_needs_rslave() -> None:
    """Some hosts refuse the mount that node-exporter asks for, so there must be none."""
    assert "rslave" not in str(FILE["services"])


def test_the_textfile_folder_is_the_scripts() -> None:
    """The folder that node-exporter reads must be the one that the heartbeat script writes, also by default."""
    script = (COMPOSE_FILE.parent / "scripts/ops/textfile_heartbeat.sh").read_text()
    (mount,) = FILE["services"][NODE_EXPORTER]["volumes"]

    variable = mount.removesuffix(":/textfile:ro")
    assert variable in script


def test_the_lookback_is_the_contracts() -> None:
    """The lookback in the file must be the one that the contract and all limits count on."""
    command = load_services(GENERATIONS[-1])[PROMETHEUS].command

    assert f"--query.lookback-delta={format_duration(LOOKBACK_SECONDS)}" in command


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("service", SERVICES)
def test_every_generation_has_an_image(service: str, generation: str) -> None:
    """Every generation must name a release of every image; Prometheus' must be of that generation."""
    image = load_services(generation, environ={})[service].image

    assert image.startswith(f"prom/{service}:v")
    if service == PROMETHEUS:
        assert image.startswith(f"prom/prometheus:v{generation}.")


def test_a_chosen_image_wins() -> None:
    """An image named in the environment must be taken in every generation, and no other may stand in for it."""
    service = load_services("2.42", environ={"L4_PUSHGATEWAY_IMAGE": "mine:1"})[PUSHGATEWAY]

    assert (service.image, service.image_is_chosen) == ("mine:1", True)


def test_an_empty_variable_is_no_choice() -> None:
    """A variable that is set to nothing must count as not set."""
    service = load_services("3.5", environ={"L4_PUSHGATEWAY_IMAGE": ""})[PUSHGATEWAY]

    assert (service.image, service.image_is_chosen) == ("prom/pushgateway:v1.11.2", False)


def test_arguments_are_mapped_for_a_run() -> None:
    """On a host the command must have other paths, another address, and the system's durations by the factor."""
    service = load_services("3.5")[PROMETHEUS]

    arguments = service.arguments(
        factor=60,
        listen="127.0.0.1:7",
        paths={"/prometheus": Path("/r/data"), "/etc/prometheus": Path("/r/c")},
    )

    assert arguments == [
        "--config.file=/r/c/prometheus.yml",
        "--storage.tsdb.path=/r/data",
        "--storage.tsdb.retention.time=40d",
        "--query.lookback-delta=5s",
        "--rules.alert.resend-delay=1s",
        "--web.listen-address=127.0.0.1:7",
        "--web.enable-lifecycle",
        "--web.enable-admin-api",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_arguments_are_the_files_at_factor_one(service: str) -> None:
    """In a container at factor 1 nothing must differ from the file."""
    definition = load_services("3.5")[service]

    assert definition.arguments(factor=1, listen=f":{definition.port}") == list(definition.command)


@pytest.mark.parametrize("text", ["", "[]", "services: {}", "services: {a: {}}\nx-generations: {}", "a: ["])
def test_a_strange_file_is_an_error(text: str, tmp_path: Path) -> None:
    """A file that is not of the form must be named, without a traceback."""
    path = tmp_path / "compose.yml"
    path.write_text(text)

    with pytest.raises(
        StackError, match="expected services with image, command, ports, volumes and healthcheck in"
    ):
        load_services("3.5", path)
