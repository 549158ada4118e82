"""Fetching from Debian: real apt and dpkg on a small archive in a temporary folder, so no network is needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from l4gate.base import ProgramMissing
from l4gate.programs import apt_sources, debian
from l4gate.programs.apt_sources import sources_for

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="this host has no apt to fetch with")
needs_gpg = pytest.mark.skipif(
    shutil.which("gpg") is None, reason="this host has no gpg to sign an archive with"
)


def _apt_folder(folder: Path, sources: str = "", **parts: str) -> Path:
    (folder / "sources.list.d").mkdir(parents=True)
    if sources:
        (folder / "sources.list").write_text(sources)
    for name, text in parts.items():
        (folder / "sources.list.d" / name.replace("_", ".")).write_text(text)
    return folder


def make_archive(
    folder: Path, suite: str, packages: dict[str, dict[str, str]], *, origin: str = "Debian"
) -> Path:
    """An archive that nobody has signed: for each package the text of its files by path. Returns its apt folder."""
    pool = folder / "pool"
    pool.mkdir(parents=True)
    index = ""
    for package, files in packages.items():
        root = folder / "build" / package
        control = (
            f"Package: {package}\nVersion: 9.9-1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n"
        )
        for name, text in {"DEBIAN/control": control, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        deb = pool / f"{package}.deb"
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", root, deb], check=True, capture_output=True
        )
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        index += f"{control}Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n\n"
    arch = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()
    packages_file = folder / "dists" / suite / "main" / f"binary-{arch}" / "Packages"
    packages_file.parent.mkdir(parents=True)
    packages_file.write_text(index)
    listed = f" {hashlib.sha256(index.encode()).hexdigest()} {len(index)} main/binary-{arch}/Packages\n"
    release = (
        f"Origin: {origin}\nSuite: {suite}\nCodename: {suite}\nArchitectures: {arch} all\nComponents: main\n"
    )
    (folder / "dists" / suite / "Release").write_text(
        f"{release}Date: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n{listed}"
    )
    return _apt_folder(folder / "apt", f"deb [signed-by={keyring_of(folder)}] file:{folder} bookworm main\n")


def keyring_of(folder: Path) -> Path:
    """Where the key of an archive is, under a name that passes for that of Debian's."""
    return folder / "debian-archive-keyring.gpg"


def sign(folder: Path, suite: str) -> None:
    """Signs the release of a suite with a key of its own."""
    with tempfile.TemporaryDirectory() as home:  # short, because gpg's agent listens on a socket in it
        environment = {**os.environ, "GNUPGHOME": home}

        def gpg(*words: str | Path) -> None:
            command = ["gpg", "--batch", "--yes", "--passphrase", "", "--pinentry-mode", "loopback", *words]
            subprocess.run(command, env=environment, check=True, capture_output=True)

        gpg("--quick-gen-key", "archive@example.org", "ed25519", "sign", "never")
        gpg("--output", keyring_of(folder), "--export")
        release = folder / "dists" / suite / "Release"
        gpg("--output", release.with_name("InRelease"), "--clearsign", release)
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)


def test_deb822_sources_are_derived(tmp_path: Path) -> None:
    """A deb822 entry must keep everything but its suite and component."""
    text = (
        "# a comment\nTypes: deb deb-src\nURIs: mirror+file:///etc/apt/mirrors/debian.list\n"
        "Suites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /k/debian-archive-keyring.gpg\n"
        "\nTypes: deb\nURIs: http://h/security\nSuites: bookworm-security\nComponents: main\n"
    )

    one_line, deb822 = sources_for("sid", _apt_folder(tmp_path / "apt", debian_sources=text))

    assert one_line == ""
    assert deb822 == (
        "Types: deb\nUris: mirror+file:///etc/apt/mirrors/debian.list\n"
        "Suites: sid\nComponents: main\nSigned-By: /k/debian-archive-keyring.gpg"
    )


def test_one_line_sources_are_derived(tmp_path: Path) -> None:
    """A one-line entry must keep its address and options; security, sources and comments are dropped."""
    text = (
        "# deb http://old/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k/debian-archive-keyring.gpg] http://h/debian bookworm main contrib # mine\n"
        "deb-src http://h/debian bookworm main\n"
        "deb http://h/security bookworm-security main\n"
    )

    one_line, deb822 = sources_for("trixie", _apt_folder(tmp_path / "apt", text))

    assert one_line == "deb [arch=amd64 signed-by=/k/debian-archive-keyring.gpg] http://h/debian trixie main"
    assert deb822 == ""


def test_unsigned_sources_are_held_to_debians_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that names no keyring must be checked with Debian's own, so that no third party can pass for Debian."""
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    monkeypatch.setattr(apt_sources, "_ARCHIVE_KEYRING", keyring)
    stanza = "Types: deb\nURIs: http://h/debian\nSuites: trixie\nComponents: main\n"

    one_line, deb822 = sources_for(
        "sid", _apt_folder(tmp_path / "apt", "deb http://h/debian stable main", debian_sources=stanza)
    )

    assert one_line == f"deb [signed-by={keyring}] http://h/debian sid main"
    assert deb822.endswith(f"Signed-By: {keyring}")


def test_third_parties_are_left_out(tmp_path: Path) -> None:
    """Entries of other archives, disabled ones and other suites must not be asked."""
    folder = _apt_folder(
        tmp_path / "apt",
        "deb [signed-by=/k/vendor.gpg] http://vendor/apt bookworm main\ndeb http://vendor/x bookworm stable\n",
        vendor_sources="Types: deb\nURIs: http://v\nSuites: bookworm\nComponents: main\nSigned-By: /k/vendor.asc\n",
        off_sources="Enabled: no\nTypes: deb\nURIs: http://h/debian\nSuites: bookworm\nComponents: main\n",
        node_sources="Types: deb\nURIs: http://h/node\nSuites: nodistro\nComponents: main\n",
    )

    assert sources_for("sid", folder) == ("", "")


def test_an_inline_key_is_kept(tmp_path: Path) -> None:
    """A key written into the entry must come along, all its lines."""
    text = (
        "Types: deb\nURIs: http://h/debian\nSuites: bookworm\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )

    _, deb822 = sources_for("sid", _apt_folder(tmp_path / "apt", debian_sources=text))

    assert deb822.endswith(
        "Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----"
    )


EXCUSES = (
    "trusted=yes allow-insecure=yes allow-weak=yes allow-downgrade-to-insecure=yes check-valid-until=no "
)
EXCUSES += "check-date=no valid-until-min=999999999 date-max-future=999999999 TRUSTED=yes trusted+=yes"
QUOTED = '"trusted=yes" %74rusted=yes t"rusted"=yes'


@pytest.mark.parametrize("excuse", [*EXCUSES.split(), *QUOTED.split()])
def test_no_excuse_of_an_entry_is_kept(excuse: str, tmp_path: Path) -> None:
    """What excuses an archive from being verified must be left out of both formats, and all else be kept."""
    name, _, value = excuse.replace('"', "").replace("+=", "=").replace("%74", "t").partition("=")
    stanza = (
        f"Types: deb\nURIs: http://h/d\nSuites: sid\nComponents: main\nPDiffs: no\n{name.title()}: {value}\n"
    )
    key = "Signed-By: /k/debian-archive-keyring.gpg"
    line = (
        f"deb [arch=amd64 {excuse} by-hash=no signed-by=/k/debian-archive-keyring.gpg] http://h/d sid main\n"
    )

    one_line, deb822 = sources_for(
        "trixie", _apt_folder(tmp_path / "apt", line, debian_sources=f"{stanza}{key}\n")
    )

    signed = "signed-by=/k/debian-archive-keyring.gpg"
    assert one_line == f"deb [arch=amd64 by-hash=no {signed}] http://h/d trixie main"
    assert deb822 == f"Types: deb\nUris: http://h/d\nSuites: trixie\nComponents: main\nPdiffs: no\n{key}"


WEAK = """\
APT::Get::AllowUnauthenticated "true";
APT::Get::Force-Yes "true";
Acquire::AllowInsecureRepositories "true";
Acquire::AllowWeakRepositories "true";
Acquire::AllowDowngradeToInsecureRepositories "true";
Acquire::gpgv::Options { "--ignore-time-conflict"; };
"""


@needs_apt
@pytest.mark.parametrize("form", ["one-line", "deb822"])
def test_an_archive_that_the_machine_trusts_blindly_is_refused(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unsigned archive must NOT be fetched from, whatever the machine's entries and configuration excuse it from."""
    archive = make_archive(tmp_path / "archive", "sid", {"tool": {"usr/bin/tool": "#!/bin/sh\n"}})
    excuses = "trusted=yes allow-insecure=yes allow-weak=yes"
    (archive / "sources.list").write_text(f"deb [{excuses}] file:{tmp_path}/archive bookworm main\n")
    if form == "deb822":
        (archive / "sources.list").unlink()
        (archive / "sources.list.d/debian.sources").write_text(
            f"Types: deb\nURIs: file:{tmp_path}/archive\nSuites: sid\nComponents: main\n"
            "Trusted: yes\nAllow-Insecure: yes\nAllow-Weak: yes\n"
        )
    (tmp_path / "apt.conf").write_text(WEAK)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setattr(debian, "SYSTEM_SOURCES", archive)

    with pytest.raises(ProgramMissing, match=r"found none .* not signed"):
        debian.fetch_files({"tool": ["usr/bin/tool"]}, "sid", tmp_path)


@needs_apt
def test_the_machines_configuration_weakens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's configuration allows must be off in ours, as apt itself reads the two."""
    (tmp_path / "weak.conf").write_text(WEAK)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "weak.conf"))
    monkeypatch.setattr(debian, "SYSTEM_SOURCES", _apt_folder(tmp_path / "apt", "deb http://h/d sid main\n"))
    (tmp_path / "root").mkdir()
    debian._prepare(tmp_path / "root", "sid")

    dump = debian._apt(tmp_path / "root", "apt-config", "dump").stdout

    for weak in WEAK.splitlines():
        assert weak not in dump
    assert "ignore-time-conflict" not in dump
    assert 'Acquire::AllowInsecureRepositories "false";' in dump


@needs_apt
@needs_gpg
@pytest.mark.parametrize("temporary", ["", "relative", "/nonexistent"])
def test_wanted_files_are_fetched(temporary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly the wanted files must arrive, executable; a package that the suite lacks is left out."""
    archive = make_archive(
        tmp_path / "archive", "sid", {"tool": {"usr/bin/tool": "#!/bin/sh\n", "etc/x": "x"}}
    )
    sign(tmp_path / "archive", "sid")
    monkeypatch.setenv("TMPDIR", temporary)
    monkeypatch.setattr(debian, "SYSTEM_SOURCES", archive)
    into = tmp_path / "into"
    into.mkdir()

    files = debian.fetch_files({"tool": ["usr/bin/tool"], "nonesuch": ["x"]}, "sid", into)

    assert files == [debian.DebianFile(into / "tool", "tool", "9.9-1", "sid")]
    assert [path.name for path in into.iterdir()] == ["tool"]
    assert (into / "tool").stat().st_mode & 0o777 == 0o755


@needs_apt
def test_an_unverified_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages whose archive is not signed must not be fetched."""
    archive = make_archive(tmp_path / "archive", "sid", {"tool": {"usr/bin/tool": "#!/bin/sh\n"}})
    keyring_of(tmp_path / "archive").touch()
    monkeypatch.setattr(debian, "SYSTEM_SOURCES", archive)

    with pytest.raises(
        ProgramMissing, match=r"expected the packages tool in Debian sid, found none .* not signed"
    ):
        debian.fetch_files({"tool": ["usr/bin/tool"]}, "sid", tmp_path)


@needs_apt
@needs_gpg
def test_a_foreign_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not call itself Debian must not be installed from, even if its signature is good."""
    archive = make_archive(tmp_path / "a", "sid", {"tool": {"usr/bin/tool": "#!/bin/sh\n"}}, origin="Vendor")
    sign(tmp_path / "a", "sid")
    monkeypatch.setattr(debian, "SYSTEM_SOURCES", archive)

    with pytest.raises(ProgramMissing, match="found none of them"):
        debian.fetch_files({"tool": ["usr/bin/tool"]}, "sid", tmp_path)


def test_no_apt_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without apt the message must name it and another way."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ProgramMissing) as caught:
        debian.fetch_files({"tool": []}, "sid", tmp_path)

    assert str(caught.value) == (
        "expected Debian's apt-get for fetching tool, found none on PATH. "
        "Next: put the programs on PATH, or start a container engine."
    )


@needs_apt
def test_no_source_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an entry for the Debian archive nothing must be guessed."""
    monkeypatch.setattr(debian, "SYSTEM_SOURCES", _apt_folder(tmp_path / "apt"))

    with pytest.raises(ProgramMissing, match=r"expected a source of the Debian archive below .*, found none"):
        debian.fetch_files({"tool": []}, "sid", tmp_path)
