"""Archives of a stack: what is not exactly what was packed is never restored, and the reason is said."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from l4gate.base import RehearsalFailed
from l4gate.rehearsal.archive import Block, manifest_path, pack, read_blocks, unpack, verify

ULID = "01J00000000000000000000000"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A folder with one TSDB block, as far as an archive looks at it."""
    folder = tmp_path / "snapshot"
    block = folder / ULID
    (block / "chunks").mkdir(parents=True)
    (block / "chunks" / "000001").write_bytes(bytes(range(256)) * 64)
    (block / "index").write_bytes(b"index")
    about = {"ulid": ULID, "minTime": 1, "maxTime": 9, "stats": {"numSamples": 7, "numSeries": 2}}
    (block / "meta.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def archive(snapshot: Path, tmp_path: Path) -> Path:
    """It and a file, packed."""
    (tmp_path / "groups").write_bytes(b"pushed")
    path = tmp_path / "stack.tar"
    pack({"tsdb": snapshot, "groups": tmp_path / "groups"}, path, "tsdb")
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_packed_comes_back(archive: Path, snapshot: Path, tmp_path: Path) -> None:
    """Unpacking must give the same files, and the manifest the blocks with their samples."""
    manifest = unpack(archive, "tsdb", tmp_path / "restored")

    assert content(tmp_path / "restored") == content(snapshot)
    assert manifest.blocks == (Block(ULID, samples=7, series=2, min_time=1, max_time=9),)
    assert manifest.samples == 7


def change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (change_a_byte, "is corrupted: expected SHA-256"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is truncated: expected"),
        (lambda path: path.write_bytes(b""), "is truncated: expected"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "is longer than it was: expected"),
        (lambda path: path.unlink(), "expected a file"),
        (lambda path: manifest_path(path).unlink(), "expected a file"),
        (lambda path: manifest_path(path).write_text("{"), "expected the manifest of an archive in"),
        (lambda path: manifest_path(path).write_text("[]"), "expected the manifest of an archive in"),
    ],
    ids=["corrupted", "truncated", "empty", "longer", "missing", "no-manifest", "cut-manifest", "no-mapping"],
)
def test_a_damaged_archive_is_refused(
    archive: Path, tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    """What is not the archive that was made must be refused with its reason, and nothing of it be unpacked."""
    damage(archive)

    with pytest.raises(RehearsalFailed, match=reason):
        verify(archive)
    with pytest.raises(RehearsalFailed, match=reason):
        unpack(archive, "tsdb", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def rewrite_manifest(archive: Path, change: Callable[[dict[str, str]], None]) -> None:
    path = manifest_path(archive)
    said = json.loads(path.read_text())
    change(said["files"])
    path.write_text(json.dumps(said))


def test_a_file_that_packing_spoilt_is_noticed(archive: Path, tmp_path: Path) -> None:
    """The checksum of each file must be of the file before it was packed."""
    rewrite_manifest(archive, lambda files: files.update({f"tsdb/{ULID}/index": "0" * 64}))

    with pytest.raises(RehearsalFailed, match=f"tsdb/{ULID}/index in .* expected SHA-256 0000"):
        unpack(archive, "tsdb", tmp_path / "restored")


def test_a_file_that_is_not_there_is_noticed(archive: Path, tmp_path: Path) -> None:
    """Every file of the manifest must have been unpacked."""
    rewrite_manifest(archive, lambda files: files.update({"tsdb/other": "0" * 64}))

    with pytest.raises(RehearsalFailed, match="lacks 1 files of its manifest, such as tsdb/other"):
        unpack(archive, "tsdb", tmp_path / "restored")


def test_nothing_is_written_outside(tmp_path: Path, snapshot: Path) -> None:
    """A tar file may name any path; only what the manifest knows must be written, below the folder."""
    path = tmp_path / "stack.tar"
    pack({"tsdb": snapshot}, path, "tsdb")
    with tarfile.open(path, "a") as tar:
        tar.add(snapshot / ULID / "index", "../escaped", recursive=False)
        tar.add(snapshot / ULID / "index", "tsdb/../../escaped", recursive=False)
    said = json.loads(manifest_path(path).read_text())
    said |= {"size": path.stat().st_size, "sha256": ""}
    manifest_path(path).write_text(json.dumps(said))
    with pytest.raises(RehearsalFailed) as refused:
        verify(path)
    said["sha256"] = str(refused.value).split("found ")[1].split(".")[0]
    manifest_path(path).write_text(json.dumps(said))

    unpack(path, "tsdb", tmp_path / "deep" / "restored")

    assert not list(tmp_path.rglob("escaped"))
    assert content(tmp_path / "deep" / "restored") == content(snapshot)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda block: (block / "index").unlink(), "expected an index and chunks in the TSDB block"),
        (
            lambda block: (block / "chunks" / "000001").unlink(),
            "expected an index and chunks in the TSDB block",
        ),
        (lambda block: (block / "meta.json").write_text("{}"), "expected the description of a TSDB block in"),
    ],
    ids=["no-index", "no-chunks", "no-description"],
)
def test_an_incomplete_block_is_no_block(
    snapshot: Path, damage: Callable[[Path], object], reason: str
) -> None:
    """A snapshot that is still being written, or was cut off, must not be taken for one."""
    damage(snapshot / ULID)

    with pytest.raises(RehearsalFailed, match=reason):
        read_blocks(snapshot)
