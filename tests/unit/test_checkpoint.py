"""Checkpoints: only what earned a GO, byte for byte or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from fixtures.evidence import cause, good_evidence
from fixtures.hostile import HOSTILE_FILES, as_file, jsonish, too_large
from l4gate.base import OperationRefused, UsageError, Verdict
from l4gate.cli import main
from l4gate.commands.checkpoint import as_dict
from l4gate.operations import Checkpoint, CheckpointStore, UnusableCheckpoint, read_configuration
from l4gate.operations.configuration import Configuration
from l4gate.settings import load_settings, repository_config_dir
from l4gate.verdict import Look, decide
from l4gate.verdict.look import Measurement

WHOLE = read_configuration(repository_config_dir())
ABORT_RULES = "rules/abort.rules.yml"
CONTENT = Configuration({name: WHOLE.files[name] for name in ("prometheus.yml", ABORT_RULES)})


def look(**changes: Any) -> Look:
    evidence = good_evidence(**changes)
    return Look(Measurement("prod", evidence.at), decide(evidence))


def variant(name: str) -> Configuration:
    files = dict(CONTENT.files)
    files["prometheus.yml"] += f"# {name}\n".encode()
    return Configuration(files)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    folder = tmp_path / "live"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path, live: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "state", live, keep=3)


def save(store: CheckpointStore, content: Configuration) -> Checkpoint:
    return store.save(content, [look()], factor=1, url="http://127.0.0.1:9090")


def test_checkpoint_holds_the_files_and_the_evidence(store: CheckpointStore) -> None:
    """A checkpoint must have the files byte for byte, and say when, where and by which evidence it earned its GO."""
    kept = save(store, WHOLE)
    (found,) = store.all()

    assert found == kept
    assert found.configuration() == WHOLE
    assert found.hash == WHOLE.hash == found.folder.name
    manifest = json.loads((found.folder / "manifest.json").read_text())
    assert manifest["url"] == "http://127.0.0.1:9090"
    assert len(manifest["rules_hash"]) == 64
    assert manifest["realms"][0]["verdict"] == "GO"
    assert manifest["realms"][0]["evidence"]["readings"]["duri_heartbeat_ok"]["value"] == 1.0


def test_clock_that_was_set_back_changes_no_order(store: CheckpointStore) -> None:
    """What earned its GO after another must be the last, although the clock was set back in between."""
    first = save(store, variant("before"))
    manifest = json.loads((first.folder / "manifest.json").read_text())
    manifest["earned_at"] += 20
    (first.folder / "manifest.json").write_text(json.dumps(manifest))

    second = save(store, variant("after"))

    assert store.last_go() == second
    assert second.earned_at > manifest["earned_at"]


@pytest.mark.parametrize(
    "looks",
    [[], [look(broken=(cause(),))], [look(), look(abort_firing=frozenset({"L4AbortHeartbeatStale"}))]],
    ids=["no look", "HOLD", "GO and ABORT"],
)
def test_without_a_go_nothing_is_kept(store: CheckpointStore, looks: list[Look]) -> None:
    """Anything but GO in every realm must be refused."""
    with pytest.raises(OperationRefused, match="expected a GO"):
        store.save(CONTENT, looks, factor=1, url="")

    assert store.all() == ()


def test_looks_of_these_tests_are_what_they_say() -> None:
    """The good look of the tests above must be a GO, and the spoilt ones must not: this is their control."""
    assert look().decision.verdict is Verdict.GO
    assert look(broken=(cause(),)).decision.verdict is Verdict.HOLD


def test_same_content_is_kept_once_and_counts_as_new(store: CheckpointStore) -> None:
    """A configuration that earns a GO again must be the newest again, and there must still be one of it."""
    first, _ = save(store, variant("a")), save(store, variant("b"))
    again = save(store, variant("a"))

    assert [each.hash for each in store.all()] == [variant("a").hash, variant("b").hash]
    assert again.earned_at > first.earned_at


def test_newest_are_kept(store: CheckpointStore) -> None:
    """Beyond the number that is kept the oldest GO must go."""
    contents = [variant(str(number)) for number in range(5)]
    for content in contents:
        save(store, content)

    assert [each.hash for each in store.all()] == [each.hash for each in reversed(contents[-3:])]


@pytest.mark.parametrize("damage", ["changed", "added", "removed", "renamed", "emptied"])
def test_damaged_checkpoint_is_refused_and_mended_by_the_next_go(store: CheckpointStore, damage: str) -> None:
    """What is not exactly what earned the GO must not be handed out; the same content saved again must replace it."""
    kept = save(store, CONTENT)
    rule = kept.folder / "config" / ABORT_RULES
    match damage:
        case "changed":
            rule.write_bytes(rule.read_bytes().replace(b"0.08", b"0.80"))
        case "added":
            rule.with_name("more.rules.yml").write_text("groups: []\n")
        case "removed":
            rule.unlink()
        case "renamed":
            rule.rename(rule.with_name("other.rules.yml"))
        case "emptied":
            (kept.folder / "config" / "prometheus.yml").unlink()

    with pytest.raises(OperationRefused, match=kept.hash[:16]):
        store.find(kept.hash[:12]).configuration()

    assert save(store, CONTENT).configuration() == CONTENT
    assert sorted(path.name for path in store.folder.iterdir()) == sorted([CONTENT.hash, "lock"])


def test_checkpoints_of_another_folder_are_not_seen(store: CheckpointStore, tmp_path: Path) -> None:
    """Two servers that share a state folder must never get each other's addresses."""
    save(store, CONTENT)
    (tmp_path / "other").mkdir()

    assert CheckpointStore(tmp_path / "state", tmp_path / "other").all() == ()
    assert CheckpointStore(tmp_path / "state", store.live_dir).all() == store.all()


@pytest.mark.parametrize("prefix", ["", "abc", "0123456789"])
def test_unknown_hash_is_a_usage_error_that_lists_what_there_is(store: CheckpointStore, prefix: str) -> None:
    """For a hash that is too short or of nothing, what could be asked for must be named."""
    kept = save(store, CONTENT)

    with pytest.raises(UsageError, match=kept.hash[:16]):
        store.find(prefix)


def test_concurrent_runs_keep_everything_whole(tmp_path: Path, live: Path) -> None:
    """Runs at the same time, with the same and with other content, must leave every checkpoint whole."""
    contents = [variant(str(number % 6)) for number in range(18)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda content: save(CheckpointStore(tmp_path / "state", live), content), contents))

    store = CheckpointStore(tmp_path / "state", live)
    assert {each.configuration().hash for each in store.all()} == {each.hash for each in contents}
    assert len(list(store.folder.iterdir())) == 6 + 1  # and the lock


# Saves again and again, each time killed before a later change on the disk.
# Tells whether anything half was ever to be seen.
KILLER = """
import json, os, shutil, signal, sys
from pathlib import Path
from l4gate.operations.checkpoints import CheckpointStore
sys.path.insert(0, sys.argv[2])
from tests_unit_test_checkpoint import save, variant

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.chmod", "os.chown"}
root = Path(sys.argv[1])
seen_whole, runs = set(), 0
for count in range(1, 2000):
    store = CheckpointStore(root / str(count), root, keep=2)
    save(store, variant("before")), save(store, variant("old"))
    child = os.fork()
    if child == 0:
        seen = 0
        def hook(event, args):
            global seen
            if event in CHANGES or event == "open" and args[2] & os.O_CREAT:
                seen += 1
                if seen == count:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        save(store, variant("new"))
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    kept = store.all()
    assert len(kept) >= 2, kept
    seen_whole.add(kept[0].configuration().hash)
    save(store, variant("after"))
    assert [each.configuration().hash for each in store.all()][0] == variant("after").hash
    assert len(list(store.folder.iterdir())) == 3
    shutil.rmtree(root / str(count))
    runs += 1
    if not killed:
        break
assert seen_whole == {variant("old").hash, variant("new").hash}, seen_whole
print(runs)
"""


def test_killed_anywhere_the_newest_is_whole(tmp_path: Path) -> None:
    """Killed on the way, a checkpoint must be there whole or not at all, and the next run cleans up."""
    (tmp_path / "tests_unit_test_checkpoint.py").symlink_to(__file__)
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path / "states"), str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


def test_state_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """L4_STATE_DIR must win over XDG_STATE_HOME, which must win over the default."""
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert load_settings({}, {}).state_dir == Path("/somewhere/l4gate")
    assert load_settings({}, {"L4_STATE_DIR": "/else"}).state_dir == Path("/else")


HOSTILE = HOSTILE_FILES | {
    "late": (as_file(b'{"earned_at": 1e300}'), "an earned_at that is no time"),
    "negative": (as_file(b'{"earned_at": -1e18}'), "an earned_at that is no time"),
    "boolean": (as_file(b'{"earned_at": true}'), "an earned_at that is no time"),
    "a list": (as_file(b"[]"), "list indices"),
    "a number": (as_file(b"1"), "not subscriptable"),
    "no time": (as_file(b"{}"), "no 'earned_at'"),
    "other text": (as_file(b'{"earned_at": 1, "rules_hash": []}'), "a rules_hash that is no text"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("put", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_manifest_is_listed_as_unusable_and_blocks_nothing(
    store: CheckpointStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    put: Callable[[Path], object],
    reason: str,
) -> None:
    """Whatever stands in place of a manifest must be listed with its reason, and the other checkpoints be as before."""
    kept, place = save(store, CONTENT), store.folder / ("0" * 64)
    place.mkdir()
    put(place / "manifest.json")

    assert store.all() == (kept,)
    assert main(["checkpoint", "--list", *folders(store, tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(str(kept))
    assert second.startswith(
        f"unusable: '{place.name}': expected the manifest of a checkpoint in {place}/manif"
    )
    assert reason in second
    assert save(store, variant("next")).configuration() == variant("next")


def folders(store: CheckpointStore, tmp_path: Path) -> list[str]:
    return ["--live-dir", str(store.live_dir), "--state-dir", str(tmp_path / "state")]


def test_what_is_no_folder_of_a_checkpoint_is_listed_and_stays(
    store: CheckpointStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Links, other names and names that a terminal obeys must be listed as unusable, and shown harmlessly."""
    kept = save(store, CONTENT)
    (store.folder / "\x1b[2J").mkdir()
    (store.folder / ("1" * 64)).symlink_to(kept.folder)
    (store.folder / ("2" * 64)).write_text("a file")
    (store.folder / "new-file").write_text("a leftover that is no folder")

    assert store.all() == (kept,)
    assert main(["checkpoint", "--list", *folders(store, tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["unusable"] * 3
    assert all(line.isprintable() for line in lines)
    assert main(["checkpoint", "--list", "--json", *folders(store, tmp_path)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["hash"] for each in listed if "unusable" not in each] == [kept.hash]
    assert len(listed) == 4
    assert save(store, CONTENT).configuration() == CONTENT


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (lambda config: os.mkfifo(config / "rules/x.rules.yml"), "found a FIFO"),
        (lambda config: (config / "rules/x.rules.yml").symlink_to("/etc/passwd"), "leads out of"),
        (lambda config: too_large(config / "rules/x.rules.yml"), "more than"),
        (lambda config: (config / "rules/x.rules.yml").write_text(""), "damaged or edited"),
    ],
    ids=["FIFO", "link", "huge", "more"],
)
@pytest.mark.timeout(60)
def test_spoilt_files_of_a_checkpoint_are_listed_with_the_reason(
    store: CheckpointStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    put: Callable[[Path], object],
    reason: str,
) -> None:
    """A checkpoint whose files are not those of its GO must be listed as unusable, and never be read without end."""
    kept, other = save(store, variant("a")), save(store, variant("b"))
    put(kept.folder / "config")

    with pytest.raises(OperationRefused, match=reason):
        kept.configuration()
    assert main(["checkpoint", "--list", *folders(store, tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(str(other))
    assert second.startswith(f"unusable: '{kept.hash}'")
    assert reason in second


@given(jsonish(["format", "hash", "earned_at", "live_dir", "url", "factor", "rules_hash", "realms"]))
def test_any_manifest_is_a_checkpoint_or_a_reason(spoilt_store: CheckpointStore, content: bytes) -> None:
    """No bytes in place of a manifest must end a listing otherwise than with a checkpoint or a reason to be shown."""
    place = spoilt_store.folder / ("0" * 64)
    (place / "manifest.json").write_bytes(content)

    found = [*spoilt_store.all(), *spoilt_store.unusable()]

    assert [each.folder for each in found if isinstance(each, UnusableCheckpoint)] == [place]
    for each in found:
        assert str(each).isprintable()
        json.dumps(as_dict(each) if isinstance(each, Checkpoint) else each.reason, allow_nan=False)


@pytest.fixture(scope="module")
def spoilt_store(tmp_path_factory: pytest.TempPathFactory) -> CheckpointStore:
    root = tmp_path_factory.mktemp("spoilt")
    store = CheckpointStore(root / "state", root)
    (store.folder / ("0" * 64)).mkdir(parents=True)
    return store
