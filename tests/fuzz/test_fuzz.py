"""
Input from outside in great numbers: whatever it is, an answer or an error of ours, and soon.

Each property takes what has broken something before (fixtures/hostile_texts.py), mixes it with what is right, and knows
only one thing: no exception but ours comes out.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.fake_server import CONFIG, GROUPS, NOW, PACE, FakeServer, api_rules
from fixtures.hostile_strategies import DUMPER, configurations, odd_texts, odd_values, rule_files, spoilt
from fixtures.profiles import fuzzed
from l4gate.base import GateError, UsageError
from l4gate.contract import load_contract
from l4gate.lint import as_text, lint
from l4gate.operations import CheckpointStore
from l4gate.prometheus_api import QueryAnswer
from l4gate.prometheus_api.answers import Response, read
from l4gate.sandbox import SCRIPT
from l4gate.settings import OPTIONS, load_settings
from l4gate.verdict import Expectation
from l4gate.verdict.pages import RulesPage, config_diff
from l4gate.verdict.targets import TargetsSeen

SECONDS: Final = 2.0  # of processor time, for any one example
EXPECTATION = Expectation(PACE, GROUPS, CONFIG)


@contextlib.contextmanager
def soon() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config folder with a place for one hostile rule file."""
    folder = tmp_path_factory.mktemp("fuzz") / "prometheus"
    (folder / "rules").mkdir(parents=True)
    (folder / "prometheus.yml").write_text("rule_files: [rules/*.rules.yml]\nscrape_configs: []\n")
    return folder


CONTRACT = load_contract(Path("no such folder"))


@fuzzed
@given(rule_files())
def test_any_rule_file_is_linted(folder: Path, text: str) -> None:
    """The lint of any rule file must be findings or an error of ours; and a check that fails is a defect."""
    (folder / "rules" / "hostile.rules.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with soon():
        report = lint(folder, promtool=None, contract=CONTRACT)
        as_text(report)

    assert not [each.what for each in report.findings if "a defect of this check" in each.what]


def _series(data: Any) -> None:
    answer = read(Response("http://x", 200, {}, _json({"status": "success", "data": data})))
    QueryAnswer("up", answer.series(), answer.warnings)


def _rules(data: Any) -> None:
    answer = read(Response("http://x", 200, {}, _json({"status": "success", "data": data})))
    RulesPage({"groups": answer.dicts("groups")}, EXPECTATION, NOW, latest=NOW + 1).of("prod")


def _targets(data: Any) -> None:
    answer = read(Response("http://x", 200, {}, _json({"status": "success", "data": data})))
    TargetsSeen({}, {}, answer.dicts("activeTargets"), PACE.contract).of("prod")


def _json(data: Any) -> bytes:
    return json.dumps(data).encode("utf-8", "surrogatepass")


HEALTHY = FakeServer()
SERIES = HEALTHY.ask("/api/v1/query", {"query": "x[5m]"}).data
RULES = {"groups": api_rules()["groups"][:1]}
PAGES: Final[list[tuple[Any, Callable[[Any], None]]]] = [
    (SERIES, _series),
    (RULES, _rules),
    (HEALTHY.targets_data, _targets),
]
answers = st.one_of(*(st.tuples(spoilt(data), st.just(take)) for data, take in PAGES))


@fuzzed
@given(answers)
def test_any_answer_is_data_or_an_error(answer: tuple[Any, Callable[[Any], None]]) -> None:
    """Any answer of a server must be read or refused by an error of ours."""
    data, take = answer
    with soon(), contextlib.suppress(GateError):
        take(data)


@fuzzed
@given(st.one_of(configurations, spoilt(CONFIG).map(lambda tree: yaml.dump(tree, Dumper=DUMPER))))
def test_any_configuration_is_compared(text: str) -> None:
    """Whatever a server prints as its configuration must be compared or refused by an error of ours."""
    with soon(), contextlib.suppress(GateError):
        config_diff(text, EXPECTATION, ("prod",))


NAMES = [option.dest for option in OPTIONS]
environments = st.dictionaries(st.sampled_from([option.env for option in OPTIONS]), odd_texts, max_size=3)
words = st.dictionaries(st.sampled_from(NAMES), odd_values, max_size=3)


@fuzzed
@given(words, environments)
def test_any_setting_is_taken_or_refused(given_: dict[str, Any], environ: dict[str, str]) -> None:
    """Any setting, from a command line or the environment, must be taken or refused in a sentence."""
    texts = {name: str(value) for name, value in given_.items() if value is not None}
    with soon(), contextlib.suppress(UsageError):
        load_settings(texts, environ)


MANIFEST = {
    "format": 1,
    "hash": "ab" * 32,
    "earned_at": 1.7e9,
    "live_dir": "/live",
    "url": "http://x",
    "factor": 1,
    "rules_hash": "cd",
    "realms": [{"verdict": "GO", "cause": None}],
}


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """A manifest with odd values, with odd bytes, or no manifest at all."""
    content = _json(draw(spoilt(MANIFEST)))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=4)) + content[at + draw(st.integers(0, 9)) :]
    return content


@fuzzed
@given(manifests())
def test_any_manifest_is_listed_or_told_why_not(folder: Path, content: bytes) -> None:
    """Whatever a checkpoint's manifest is, listing must go on, and what cannot be used must have its reason."""
    store = CheckpointStore(folder.parent / "state", folder)
    kept = store.folder / ("ab" * 32)
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "manifest.json").write_bytes(content)
    with soon():
        usable, unusable = store.all(), store.unusable()

    assert [each.folder for each in unusable] == [
        kept
    ]  # without the files that earned the GO, if for nothing else
    assert all(str(each).isprintable() for each in (*usable, *unusable))


VARIABLES = [
    *(
        "REALM",
        "JOB",
        "INSTANCE",
        "TIME_METRIC",
        "SEQUENCE_METRIC",
        "REALM_LABEL",
        "LOCK_SECONDS",
    ),
    *(
        "PUSHGATEWAY_URL",
        "TEXTFILE_DIR",
        "STATE_DIR",
        "BASIC_AUTH_FILE",
        "CA_FILE",
        "CONNECT_SECONDS",
        "PUSH_SECONDS",
    ),
]
values = odd_texts.map(lambda text: text.replace("\0", "").encode("utf-8", "surrogatepass"))
ENDS = {0, 1, 2, 69, 75}  # as the script's header has them


@fuzzed
@given(
    st.dictionaries(st.sampled_from([f"DURI_{name}" for name in VARIABLES]), values, min_size=1, max_size=3)
)
def test_any_environment_of_the_script_ends_in_words(environ: dict[str, bytes]) -> None:
    """In any environment the heartbeat script must end as its header says, soon, and in words for a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["bash", str(SCRIPT)],
            env={
                b"PATH": b"/usr/bin:/bin",
                b"DURI_PUSHGATEWAY_URL": b"http://127.0.0.1:1",
                b"DURI_TEXTFILE_DIR": folder.encode(),
                b"DURI_STATE_DIR": folder.encode(),
                **{os.fsencode(name): value for name, value in environ.items()},
            },
            cwd=folder,
            capture_output=True,
            timeout=15,
            check=False,
        )
    assert done.returncode in ENDS, done.stderr
    assert bool(done.stderr) == (done.returncode != 0)
    assert not [byte for byte in done.stderr if (byte < 32 and byte != 10) or byte > 126]
    assert len(done.stderr) < 5_000
