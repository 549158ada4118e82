"""Settings: what is accepted, and that everything else is refused by name, with no secret repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from l4gate.base import UsageError
from l4gate.settings import OPTIONS, PROGRAMS, VARIABLES, InForce, chosen, in_force, load_settings
from l4gate.settings.realms import MOST_REALMS

BAD = {
    "stack": ["docker", "", "AUTO"],
    "url": [
        "",
        "127.0.0.1:9090",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:port",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://[::1",
        "http://127.0.0.1:9090/?a=b",
        "http://127.0.0.1:9090/#a",
        "http://127.0.0.1 :9090",
        "http://127.0.0.1:9090/\nHost: other",
        "http://höst:9090",
    ],
    "realm": ['pr"od', "pr'od", "", " ", "a b", "a{b}", "a\\b", "ä", "x" * 65],
    "factor": ["nan", "inf", "-inf", "0", "-1", "0.5", "601", "", "sixty", "1e9"],
    "deadline": ["nan", "inf", "-inf", "0", "-1", "86401", "", "1m"],
    "generation": ["2.41", "3", "", "latest"],
    "foreign_rules": ["yes", ""],
    "config_dir": ["", "no-such-folder", "x" * 5000],
    "report_dir": ["", "pyproject.toml", "x" * 5000],
    "bearer_token_file": ["", "no-such-file", "x" * 5000, "."],
    "basic_auth_file": ["no-such-file"],
    "keep_stack": ["maybe"],
}
NAMES = {option.dest: option for option in OPTIONS}


@pytest.mark.parametrize(("dest", "text"), [(dest, text) for dest, texts in BAD.items() for text in texts])
def test_bad_setting_is_refused_by_name(dest: str, text: str, pytestconfig: pytest.Config) -> None:
    """A bad value must be a UsageError that names the option, or the variable that it came from."""
    option = NAMES[dest]
    found = str(pytestconfig.rootpath / text) if text == "pyproject.toml" else text

    with pytest.raises(UsageError) as caught:
        load_settings({dest: [found] if option.repeatable else found}, {})
    assert caught.value.message.startswith(f"--{option.name}: expected ")
    if found:
        with pytest.raises(UsageError) as caught:
            load_settings({}, {option.env: found})
        assert caught.value.message.startswith(f"{option.env}: expected ")


@pytest.mark.parametrize(
    "url",
    [
        "http://user:SECRET@127.0.0.1:9090",
        "http://SECRET@127.0.0.1:9090",
        "http://user:SECRET@127.0.0.1:port",
        "user:SECRET@127.0.0.1:9090",
        "http:/user:SECRET@127.0.0.1",
        "http//user:SECRET@127.0.0.1",
        "ftp://user:SECRET@127.0.0.1",
        "http://127.0.0.1:9090\\user:SECRET@x",
        "http://user:SECRET@[::1",
        " http://user:SECRET@127.0.0.1",
        "ftp://127.0.0.1/?token=SECRET",
        "http://127.0.0.1/?token=SECRET",
    ],
)
def test_secret_in_a_url_is_never_shown(url: str) -> None:
    """A URL with a secret in any place must be refused without repeating it."""
    for given, environ in (({"url": url}, {}), ({}, {"L4_URL": url}), ({"rules_url": url}, {})):
        with pytest.raises(UsageError) as caught:
            load_settings(given, environ)
        assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://127.0.0.1:9090", "stack": "processes"}, "a URL goes with external"),
        ({"url": "http://127.0.0.1:9090", "stack": "containers"}, "a URL goes with external"),
        ({"stack": "external"}, "--stack external needs a URL"),
    ],
)
def test_contradicting_settings_are_refused(given: dict[str, Any], said: str) -> None:
    """A URL with a stack of our own, or external without a URL, must be refused."""
    with pytest.raises(UsageError, match=said):
        load_settings(given, {})


def test_option_wins_over_environment_and_environment_over_default() -> None:
    """An option must win over its variable, and a variable over the default; an empty variable is none."""
    assert load_settings({"deadline": "5"}, {"L4_DEADLINE": "7"}).deadline == 5
    assert load_settings({}, {"L4_DEADLINE": "7"}).deadline == 7
    assert load_settings({}, {"L4_DEADLINE": ""}).deadline == 60


def test_url_means_external_in_real_time() -> None:
    """A URL must mean the external stack at factor 1, unless another factor is given."""
    settings = load_settings({"url": "http://127.0.0.1:9090/"}, {})

    assert (settings.stack, settings.url, settings.factor) == ("external", "http://127.0.0.1:9090", 1)
    assert load_settings({"url": "http://127.0.0.1:9090", "factor": "60"}, {}).factor == 60


def test_realms_are_a_list_in_order_without_repeats() -> None:
    """Realms must come from repeated options or a comma-separated variable, each once; an empty list is refused."""
    assert load_settings({"realm": ["b", "a", "b"]}, {}).realms == ("b", "a")
    assert load_settings({}, {"L4_REALM": "b, a"}).realms == ("b", "a")
    assert load_settings({}, {}).realms == ("prod",)
    with pytest.raises(UsageError, match="L4_REALM"):
        load_settings({}, {"L4_REALM": ","})


def test_a_live_folder_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    """A link to itself must be one sentence that names the option, not an error of Python's."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=r"--live-dir: expected a folder, found .* leads back to itself"):
        load_settings({"live_dir": str(tmp_path / "loop")}, {})


def test_realms_without_number_are_refused() -> None:
    """More realms than a look can bear must be one sentence at once."""
    many = [f"realm{number}" for number in range(MOST_REALMS + 1)]
    with pytest.raises(UsageError, match=f"--realm: expected at most {MOST_REALMS} of them, found"):
        load_settings({"realm": many}, {})


@pytest.mark.parametrize(
    ("given", "realms"),
    [
        ("@{file}", ("eu-1", "eu-2", "us-1")),
        ("@{file},eu-*", ("eu-1", "eu-2")),
        ("us-?,@{file},eu-2", ("eu-2", "us-1")),
    ],
)
def test_realms_of_a_file(given: str, realms: tuple[str, ...], tmp_path: Path) -> None:
    """A file must be the fleet that the rules are rendered for, and names and patterns what of it is judged."""
    file = tmp_path / "realms.txt"
    file.write_text("eu-1 # the first\n\n# others\neu-2\nus-1\neu-1\n")
    settings = load_settings({}, {"L4_REALM": given.format(file=file)})

    assert settings.realms == realms
    assert settings.fleet == ("eu-1", "eu-2", "us-1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["eu-*"], r"expected a file of realms for the pattern 'eu-\*'"),
        (["@{file}", "asia-*"], r"expected 'asia-\*' to be among the 2 realms of"),
        (["@{file}", "eu-3"], "expected 'eu-3' to be among the 2 realms of"),
        (["@{empty}"], "expected realms in .*empty.txt, one in each line, found none"),
        (["@{wrong}"], r"wrong.txt:2: expected a realm of letters.*found 'e u'"),
        (["@/no/such/file"], "expected a readable file"),
    ],
)
def test_realms_that_select_nothing_are_refused(given: list[str], said: str, tmp_path: Path) -> None:
    """What selects no realm must be refused with one sentence: nothing of it would be judged, and that is no GO."""
    files = {"file": "eu-1\neu-2\n", "empty": "# none\n", "wrong": "eu-1\ne u\n"}
    for name, text in files.items():
        (tmp_path / f"{name}.txt").write_text(text)
    paths = {name: tmp_path / f"{name}.txt" for name in files}
    with pytest.raises(UsageError, match=said):
        load_settings({"realm": [each.format(**paths) for each in given]}, {})


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("yes", True), ("0", False), ("False", False)])
def test_flag_in_the_environment_is_read_as_it_is_meant(text: str, expected: bool) -> None:
    """A flag's variable must be yes or no as it says: 0 is no."""
    assert load_settings({}, {"L4_KEEP_STACK": text}).keep_stack is expected
    assert load_settings({"keep_stack": True}, {}).keep_stack is True


def test_folder_that_does_not_exist_yet_is_fine(tmp_path: Path) -> None:
    """A report folder must be allowed to be made by the run."""
    assert load_settings({"report_dir": str(tmp_path / "new")}, {}).report_dir == tmp_path / "new"


# What is in force


def told(given: dict[str, Any], environ: dict[str, str]) -> dict[str, InForce]:
    return {each.env: each for each in in_force(given, environ)}


def test_every_setting_is_told_with_its_origin() -> None:
    """Each option and variable must be told once, with its value and whether it was given, set, or neither."""
    found = told({"deadline": "5"}, {"L4_DEADLINE": "7", "L4_REALM": "b, a", "L4_PROMTOOL": "/p"})

    assert list(found) == [each.env for each in (*OPTIONS, *VARIABLES)]
    assert found["L4_DEADLINE"] == InForce("L4_DEADLINE", "5", "option")
    assert found["L4_REALM"] == InForce("L4_REALM", "b, a", "environment")
    assert found["L4_PROMTOOL"] == InForce("L4_PROMTOOL", "/p", "environment")
    assert found["L4_GENERATION"] == InForce("L4_GENERATION", "3.5", "default")
    assert found["L4_URL"] == InForce("L4_URL", "none", "default")
    assert {each.origin for each in told({}, {}).values()} == {"default"}


def test_what_follows_from_another_setting_is_told() -> None:
    """A URL must show as the external stack, which nobody has set."""
    assert told({}, {"L4_URL": "http://h"})["L4_STACK"] == InForce("L4_STACK", "external", "default")


def test_wrong_settings_are_told_together() -> None:
    """Each wrong setting must be told with its reason, and so must two that contradict each other."""
    found = told({}, {"L4_DEADLINE": "x", "L4_URL": "http://h", "L4_STACK": "processes"})

    assert found["L4_DEADLINE"].wrong.startswith("expected a number")
    assert "a URL goes with external" in found["L4_STACK"].wrong
    assert [each.env for each in found.values() if each.wrong] == ["L4_STACK", "L4_DEADLINE"]


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("L4_URL", "http://user:SECRET@h"),
        ("L4_URL", "http://h/?token=SECRET"),
        ("L4_URL", "user:SECRET@h"),
        ("L4_REALM", "https://SECRET@h"),
        ("L4_DEADLINE", "https://user:SECRET@h"),
        ("L4_PROMETHEUS", "https://user:SECRET@h"),
        ("L4_PROMETHEUS_IMAGE", "user:SECRET@registry/image:1"),
        ("L4_BEARER_TOKEN_FILE", "SECRET"),
        ("L4_BASIC_AUTH_FILE", "user:SECRET"),
    ],
)
def test_no_secret_is_told(variable: str, text: str) -> None:
    """A value with credentials in it must be told without them, whether it is accepted or not."""
    found = told({}, {variable: text})[variable]

    assert found.origin == "environment"
    assert "(not shown)" in found.value
    assert "SECRET" not in str(found)


def test_the_digest_of_an_image_is_no_secret() -> None:
    """An image that is pinned by its digest must be told whole: what stands before that @ is its name."""
    image = f"registry:5000/prometheus:v3@sha256:{'0' * 64}"

    assert told({}, {"L4_PROMETHEUS_IMAGE": image})["L4_PROMETHEUS_IMAGE"].value == image


def test_only_registered_variables_can_be_read() -> None:
    """A variable that is not in the register must not be readable as a setting."""
    with pytest.raises(LookupError):
        chosen("L4_PROMETHEU", {"L4_PROMETHEU": "x"})
    assert {f"L4_{name.upper()}" for name in PROGRAMS} < {each.env for each in VARIABLES}
