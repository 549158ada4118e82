"""Archives of a stack: what is not exactly what was packed is never restored, and the reason is said."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.hostile import HOSTILE_FILES, jsonish
from l4gate.base import RehearsalFailed
from l4gate.rehearsal.archive import pack, read_member, unpack, verify
from l4gate.rehearsal.blocks import Block, read_blocks
from l4gate.rehearsal.compression import compressed
from l4gate.rehearsal.manifest import manifest_path

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


@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "plain, as older versions made them"])
def test_nothing_is_written_outside(tmp_path: Path, snapshot: Path, *, compress: bool) -> None:
    """A tar file may name any path; only what the manifest knows must be written, below the folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(snapshot / ULID / "index", "../escaped", recursive=False)
        tar.add(snapshot / ULID / "index", "tsdb/../../escaped", recursive=False)
        for inside in content(snapshot):
            tar.add(snapshot / inside, f"tsdb/{inside}", recursive=False)
    files = {f"tsdb/{inside}": hashlib.sha256(each).hexdigest() for inside, each in content(snapshot).items()}
    path = archive_of(out.getvalue(), files, tmp_path / "stack.tar", compress=compress)

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


def test_an_archive_is_nobody_elses_to_read(archive: Path) -> None:
    """What is packed may be secret, so archive and manifest must be this user's alone, whatever stood there before."""
    assert archive.stat().st_mode & 0o077 == 0
    assert manifest_path(archive).stat().st_mode & 0o077 == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("put", "reason"), HOSTILE_FILES.values(), ids=HOSTILE_FILES)
def test_hostile_manifest_is_refused(
    archive: Path, tmp_path: Path, put: Callable[[Path], object], reason: str
) -> None:
    """Whatever stands in place of a manifest must be refused with its place, and nothing be unpacked."""
    beside = manifest_path(archive)
    beside.unlink()
    put(beside)

    for read in (
        verify,
        lambda path: unpack(path, "tsdb", tmp_path / "out"),
        lambda path: read_member(path, "groups"),
    ):
        with pytest.raises(
            RehearsalFailed, match=f"{beside}, found.*{reason}|expected a file {beside}, found none"
        ):
            read(archive)
    assert not (tmp_path / "out").exists()


def spoil(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda said: said.update(changes)


@pytest.mark.parametrize(
    "change",
    [
        spoil(size="1"),
        spoil(size=1.5),
        spoil(size=None),
        spoil(content_size="1"),
        spoil(content_size=True),
        spoil(content_size=1 << 60),
        spoil(sha256=7),
        spoil(files=[["tsdb/a", "b"]]),
        spoil(files={"": "0"}),
        spoil(files={"/etc/passwd": "0"}),
        spoil(files={"tsdb/../../escaped": "0"}),
        spoil(files={"tsdb//a": "0"}),
        spoil(files={"tsdb/\x1b[2J": "0"}),
        spoil(files={"tsdb/a": None}),
        spoil(blocks=None),
        spoil(blocks=[[]]),
        spoil(blocks=[{}]),
        spoil(blocks=[{"ulid": 1, "samples": 1, "series": 1, "min_time": 1, "max_time": 1}]),
        spoil(blocks=[{"ulid": "a", "samples": True, "series": 1, "min_time": 1, "max_time": 1}]),
        spoil(blocks=[{"ulid": "a", "samples": 1, "series": 1, "min_time": "1", "max_time": 1}]),
        spoil(blocks=[{"\x1b[2J": 1}]),
    ],
)
def test_manifest_of_wrong_kinds_is_refused(
    archive: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """A manifest of which any part is of another kind, or names what no archive may hold, must be refused as such."""
    said = json.loads(manifest_path(archive).read_text())
    change(said)
    manifest_path(archive).write_text(json.dumps(said))

    with pytest.raises(RehearsalFailed, match="expected the manifest of an archive in") as refused:
        verify(archive)
    assert refused.value.message.isprintable()


def tar_of(*members: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
    return out.getvalue()


def info(name: str, **attributes: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(found, key, value)
    return found


def sparse_bomb() -> bytes:
    """A file of 1 TB of holes, as GNU tar's pax format has it."""
    pax = {"GNU.sparse.size": str(1 << 40), "GNU.sparse.numblocks": "0", "GNU.sparse.map": "0,0"}
    return tar_of(info("tsdb/a", pax_headers=pax))


def number_field(content: bytes, value: int) -> bytes:
    """The archive with another size in its first header, in the binary form of GNU tar, and the checksum mended."""
    header = bytearray(content[:512])
    header[124:136] = (value & ((1 << 96) - 1)).to_bytes(12, "big")
    header[124] = 0o377 if value < 0 else 0o200
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + content[512:]


TARS: dict[str, bytes] = {
    "a link": tar_of(info("tsdb/a", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a hard link": tar_of(info("tsdb/a", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
    "a device": tar_of(info("tsdb/a", type=tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "a FIFO": tar_of(info("tsdb/a", type=tarfile.FIFOTYPE)),
    "a folder": tar_of(info("tsdb/a", type=tarfile.DIRTYPE)),
    "holes": sparse_bomb(),
    "compressed": gzip.compress(tar_of(info("tsdb/a", size=1 << 20))),
    "cut": tar_of(info("tsdb/a", size=4096))[:1024],
    "a negative size": number_field(tar_of(info("tsdb/a")), -512),
    "a huge size": number_field(tar_of(info("tsdb/a")), 1 << 80),
    "many long names": tar_of(*(info("a" * 200, type=tarfile.GNUTYPE_LONGNAME) for _ in range(3000))),
    "no tar file": b"\x01" * 1024,
    "empty": b"",
}


def zstandard(content: bytes) -> bytes:
    out = io.BytesIO()
    with compressed(out) as file:
        file.write(content)
    return out.getvalue()


def archive_of(
    content: bytes,
    files: dict[str, str],
    path: Path,
    *,
    compress: bool = False,
    content_size: int | None = None,
) -> Path:
    """An archive whose manifest is right in all that it says of the file itself; without a content size it is plain."""
    if compress:
        content, content_size = zstandard(content), len(content) if content_size is None else content_size
    path.write_bytes(content)
    said = {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "files": files,
        "blocks": [],
        "content_size": content_size,
    }
    manifest_path(path).write_text(json.dumps(said))
    return path


def test_archive_is_smaller_than_what_is_in_it(archive: Path, snapshot: Path) -> None:
    """What can be compressed must be: an archive is moved and kept."""
    assert archive.stat().st_size < sum(map(len, content(snapshot).values())) / 2


BOMB = bytes(80 << 20)  # of zeros; as Zstandard 5 kB


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME], ids=["file", "name"])
@pytest.mark.parametrize(
    ("content_size", "reason"),
    [
        (len(BOMB), "found: an archive that decompresses to more than it may"),
        (-1, "found: an archive that decompresses to more than it may"),
        (1 << 20, "beyond the end|more bytes than its manifest says"),
    ],
)
def test_decompression_bomb_is_refused(tmp_path: Path, content_size: int, reason: str, kind: bytes) -> None:
    """What decompresses to more than its manifest says, or may say, must be refused before it fills memory or disk."""
    bomb = info("other", size=len(BOMB), type=kind).tobuf() + BOMB + tar_of(info("tsdb/a"))
    files = {"tsdb/a": hashlib.sha256(b"").hexdigest()}
    archive = archive_of(bomb, files, tmp_path / "bomb", compress=True, content_size=content_size)
    assert archive.stat().st_size < 100_000

    with pytest.raises(RehearsalFailed, match=reason):
        unpack(archive, "tsdb", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_cut_or_wrong_compression_is_refused(archive: Path, tmp_path: Path, part: float) -> None:
    """A stream that ends early, or is none, must be refused even if its checksum is right."""
    said = json.loads(manifest_path(archive).read_text())
    whole = archive.read_bytes()
    content = whole[: int(len(whole) * part)] or b"no stream" * 100

    cut = archive_of(content, said["files"], tmp_path / "cut", content_size=said["content_size"])

    with pytest.raises(RehearsalFailed, match=r"the archive .*/cut (cannot be unpacked|lacks)"):
        unpack(cut, "tsdb", tmp_path / "out")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("content", TARS.values(), ids=TARS)
def test_hostile_tar_file_is_refused(tmp_path: Path, content: bytes, *, compress: bool) -> None:
    """A tar file that is right by its checksum but holds anything but plain files of its own size must be refused."""
    archive = archive_of(content, {"tsdb/a": "0" * 64}, tmp_path / "stack.tar", compress=compress)

    for read in (lambda: unpack(archive, "tsdb", tmp_path / "out"), lambda: read_member(archive, "tsdb/a")):
        with pytest.raises(
            RehearsalFailed, match=f"the archive {archive} (cannot be unpacked|lacks 1 files)"
        ):
            read()
    assert not list(tmp_path.rglob("out/*"))


def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path) -> None:
    """Names that no folder can hold together must be a sentence, not the system's error."""
    empty = hashlib.sha256(b"").hexdigest()
    names = ["tsdb/a", "tsdb/a/b"]
    content = tar_of(*(info(name) for name in names))
    archive = archive_of(content, dict.fromkeys(names, empty), tmp_path / "stack.tar")

    with pytest.raises(RehearsalFailed, match=r"tsdb/a/b of the archive .* cannot be unpacked"):
        unpack(archive, "tsdb", tmp_path / "out")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_an_archive_that_is_no_file_is_refused(archive: Path, put: Callable[[Path], object]) -> None:
    """A FIFO, a folder or a link to an endless device in place of the archive must be refused at once."""
    archive.unlink()
    put(archive)

    with pytest.raises(
        RehearsalFailed, match=f"the archive {archive} cannot be read: expected a regular file"
    ):
        verify(archive)


@pytest.mark.parametrize(
    "said",
    [
        {"ulid": ULID, "minTime": "1", "maxTime": 9, "stats": {"numSamples": 7, "numSeries": 2}},
        [],
        1e300,
        {"stats": []},
    ],
)
def test_description_of_a_block_of_wrong_kinds_is_refused(snapshot: Path, said: object) -> None:
    """The description of a block that is of another shape must be named."""
    (snapshot / ULID / "meta.json").write_text(json.dumps(said))

    with pytest.raises(RehearsalFailed, match="expected the description of a TSDB block in"):
        read_blocks(snapshot)


@pytest.fixture(scope="module")
def empty_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(tar_of(), {}, tmp_path_factory.mktemp("archive") / "stack.tar")


@given(jsonish(["size", "sha256", "files", "blocks"]))
def test_any_manifest_is_an_archive_or_a_refusal(empty_archive: Path, content: bytes) -> None:
    """No bytes in place of a manifest must end the reading of an archive otherwise than with a refusal."""
    manifest_path(empty_archive).write_bytes(content)

    with pytest.raises(RehearsalFailed) as refused:
        unpack(empty_archive, "tsdb", empty_archive.parent / "out")
    assert refused.value.message.isprintable()


tar_contents = st.sampled_from([content for content in TARS.values() if len(content) < 1 << 20])


@given(
    tar_contents, st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=12)), max_size=4)
)
def test_any_tar_file_is_unpacked_or_refused(
    empty_archive: Path, content: bytes, changes: list[tuple[int, bytes]]
) -> None:
    """A tar file with any bytes changed must be unpacked below its folder or refused, and never end otherwise."""
    spoilt = bytearray(content)
    for at, change in changes:
        spoilt[at : at + len(change)] = change
    for size in (None, len(content)):
        stream = bytearray(zstandard(content)) if size is not None else spoilt
        for at, change in changes if size is not None else ():
            stream[at : at + len(change)] = change
        path = empty_archive.with_name("spoilt.tar")
        archive = archive_of(bytes(stream), {"tsdb/a": "0" * 64}, path, content_size=size)

        with pytest.raises(RehearsalFailed):
            read_member(archive, "tsdb/a")
