"""Folders, manifests and settings that no one of good will would write."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from fixtures.hostile import HOSTILE_FILES
from fixtures.hostile_texts import CHAINS, CONFIGURATIONS, ODD_TEXTS, ODD_YAML, UNPARSABLE
from l4gate.base import PROMETHEUS_DIR
from l4gate.operations import CheckpointStore

Spoil = Callable[[Path], object]


def _text(name: str, text: str) -> Spoil:
    return lambda folder: (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))


def rule_file(*rules: tuple[str, str]) -> str:
    """A rule file of recording rules with these names and expressions."""
    written = [{"record": name, "expr": expr, "labels": {"metric_realm": "prod"}} for name, expr in rules]
    return yaml.safe_dump({"groups": [{"name": "hostile", "interval": "30s", "rules": written}]}, width=100)


def _rule(**changes: Any) -> str:
    rule = {"record": "level:metric:one", "expr": "up", "labels": {"metric_realm": "prod"}, **changes}
    return yaml.safe_dump({"groups": [{"name": "hostile", "interval": "30s", "rules": [rule]}]})


def _kind(name: str, make: Callable[[Path], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return spoil


def _unreadable(path: Path) -> None:
    path.write_text("a: b")
    path.chmod(0)


_PLACES: Final = ("rules/hostile.rules.yml", "prometheus.yml", "targets/node_exporter.yml", "contract.yml")
_KINDS: Final[dict[str, Callable[[Path], object]]] = {
    **{name: make for name, (make, _) in HOSTILE_FILES.items() if name not in ("none", "device")},
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 1000),
    "a megabyte of nothing": lambda path: path.write_bytes(b"\0" * (1 << 20)),
    "unreadable": _unreadable,
}

FOLDERS: Final[dict[str, Spoil]] = {
    **{
        f"rules: {name}": _text(_PLACES[0], rule_file(("level:metric:one", text)))
        for name, text in UNPARSABLE.items()
        if text.isprintable()
    },
    **{f"rules: {name}": _text(_PLACES[0], rule_file(*rules)) for name, rules in CHAINS.items()},
    **{f"rules: name {name}": _text(_PLACES[0], _rule(record=text)) for name, text in ODD_TEXTS.items()},
    **{
        f"rules: label {name}": _text(_PLACES[0], _rule(labels={"a": text}))
        for name, text in ODD_TEXTS.items()
    },
    **{
        f"{place}: {name}": _text(place, text)
        for place in _PLACES
        for name, text in {**ODD_YAML, **(CONFIGURATIONS if place == _PLACES[1] else {})}.items()
    },
    **{f"{place}: {name}": _kind(place, make) for place in _PLACES for name, make in _KINDS.items()},
    "rules: a name of escapes": _text("rules/\x1b[31m.rules.yml", "a: ["),
    "rules: a name of bytes": lambda folder: Path(
        os.fsdecode(os.fsencode(folder) + b"/rules/\xff\xfe.rules.yml")
    ).write_text("a: ["),
    "rules: a folder of the name": lambda folder: (folder / "rules/x.rules.yml").mkdir(),
    "rules: no folder": lambda folder: shutil.rmtree(folder / "rules"),
    "rules: ten thousand files": lambda folder: [
        (folder / f"rules/{n}.rules.yml").write_text(_rule(record=f"a:b:c{n}")) for n in range(2_000)
    ],
    "rules: deep folders": lambda folder: (folder / "rules" / "/".join(["d"] * 500)).mkdir(parents=True),
    "rules: folders in a circle": lambda folder: (folder / "rules/again").symlink_to(folder / "rules"),
}


def folder_of(case: str, where: Path) -> Path:
    """A copy of the prometheus folder, spoilt."""
    folder = where / "prometheus"
    shutil.copytree(PROMETHEUS_DIR, folder)
    FOLDERS[case](folder)
    return folder


def _trees(count: int) -> Iterator[tuple[str, bytes]]:
    """Manifests that were tampered with at random, always the same ones."""
    dice = random.Random(5)  # noqa: S311 - no secret, and the same in every run
    atoms: list[Any] = [
        None,
        True,
        -1,
        0,
        1e300,
        -0.0,
        2**70,
        "",
        "\x1b[31m",
        "../../etc",
        "9" * 4000,
        [],
        {},
        [[]],
        {"": 0},
    ]
    keys = ["format", "hash", "earned_at", "live_dir", "url", "factor", "rules_hash", "realms"]
    for number in range(count):
        manifest: dict[str, Any] = dict.fromkeys(keys, 1)
        manifest.update({key: dice.choice(atoms) for key in dice.sample(keys, dice.randint(1, 8))})
        content = json.dumps(manifest).encode()
        if dice.random() < 0.3:
            at = dice.randrange(len(content))
            content = content[:at] + bytes([dice.randrange(256)]) + content[at + dice.randint(0, 3) :]
        yield f"tampered {number}", content


MANIFESTS: Final[dict[str, Spoil]] = {
    **{f"manifest: {name}": _kind("manifest.json", make) for name, (make, _) in HOSTILE_FILES.items()},
    **{
        f"manifest: {name}": _kind("manifest.json", lambda path, made=content: path.write_bytes(made))
        for name, content in _trees(110)
    },  # type: ignore[misc]
    **{f"content: {name}": _kind("config/prometheus.yml", make) for name, make in _KINDS.items()},
    **{f"content: {name}": _text("config/prometheus.yml", text) for name, text in ODD_YAML.items()},
}


def state_of(case: str, where: Path, live: Path) -> Path:
    """A state folder with one checkpoint of a live folder, spoilt."""
    state = where / "state"
    store = CheckpointStore(state, live)
    folder = store.folder / ("ab" * 32)
    shutil.copytree(PROMETHEUS_DIR, folder / "config", ignore=shutil.ignore_patterns("contract*"))
    (folder / "manifest.json").write_text(
        json.dumps({"format": 1, "hash": "ab" * 32, "earned_at": 1.7e9, "realms": []})
    )
    for each in (state, state / "checkpoints", store.folder):
        each.chmod(0o700)
    MANIFESTS[case](folder)
    return state


_VARIABLES: Final = (
    *(
        "HOME",
        "TMPDIR",
        "PATH",
        "XDG_CACHE_HOME",
        "LANG",
        "DOCKER_HOST",
        "NETRC",
        "HTTP_PROXY",
        "COLUMNS",
        "TERM",
    ),
    *(
        "L4_URL",
        "L4_CACHE_DIR",
        "L4_CONFIG_DIR",
        "L4_FACTOR",
        "L4_REALM",
        "L4_GENERATION",
        "L4_DEADLINE",
        "L4_STATE_DIR",
    ),
)
_VALUES: Final = {
    "empty": "",
    "a space": " ",
    "root": "/",
    "a device": "/dev/zero",
    "a long path": "/" + "a/" * 2_000,
    "a long word": "a" * 100_000,
    "digits": "9" * 5_000,
    "escapes": "\x1b[31m\x1b]0;x\x07",
    "bytes": "\udcff\udcfe",
    "lines": "a\nb\nc",
    "a url": "http://a:hv5.5ecret-T0ken@[::1]:99999/%00?a#b",
    "nan": "nan",
}

ENVIRONMENTS: Final = {
    f"{variable}: {name}": {variable: value} for variable in _VARIABLES for name, value in _VALUES.items()
}
