"""
Single files out of Debian packages, fetched and verified by apt, without root.

apt runs with its own state, cache and sources, so the system's are not touched. The sources are the system's own
entries for the main Debian archive with the suite replaced: mirrors, proxies, credentials and keyrings stay as the
machine's owner has set them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import ProgramMissing
from l4gate.machine import environment_of, scratch
from l4gate.programs.apt_sources import sources_for

SYSTEM_SOURCES: Final = Path("/etc/apt")

_UPDATE_TIMEOUT_SECONDS: Final = 180.0  # 2 s on a good line; a package index is 10 MB
_DOWNLOAD_TIMEOUT_SECONDS: Final = 600.0  # 2 s on a good line for 30 MB


_APT_CONF: Final = """\
// read after the system's configuration: its proxies, credentials and the age that it allows a signed archive hold; its
// hooks do not, nor what lets an unsigned or badly signed archive pass
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Default-Release;
#clear Acquire::gpgv::Options;
#clear APT::Hashes;
#clear Acquire::IndexTargets::deb::Translations;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::Contents-deb;
Dir::State "{root}/state";
Dir::State::lists "{root}/state/lists";
Dir::State::status "{root}/state/status";
Dir::State::extended_states "{root}/state/extended_states";
Dir::Cache "{root}/cache";
Dir::Cache::archives "{root}/cache/archives";
Dir::Log "{root}/log";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "{root}/sources.list.d";
Dir::Etc::preferences "{root}/preferences";
Dir::Etc::preferencesparts "{root}/preferences.d";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
APT::Authentication::TrustCDROM "false";
APT::Get::AllowUnauthenticated "false";
APT::Get::Force-Yes "false";
APT::Sandbox::User "root"; // the download user could not enter a private folder
"""
# Only what calls itself Debian may be installed from, whatever else an entry turned out to be.
_PREFERENCES: Final = """\
Package: *
Pin: release o=Debian
Pin-Priority: 500

Package: *
Pin: release o=*
Pin-Priority: -1
"""


@dataclass(frozen=True)
class DebianFile:
    """One file taken out of a package."""

    path: Path
    package: str
    version: str  # Debian's version, such as 3.5.3+ds1-1
    suite: str


def fetch_files(wanted: Mapping[str, Sequence[str]], suite: str, into: Path) -> list[DebianFile]:
    """
    Fetches packages from a suite and puts the named files of them, by their last name, into a folder.

    Args:
        wanted: for each package, patterns (full match) of the paths inside it, such as `usr/bin/prometheus`.
            A package that the suite does not have is left out.
        suite: such as `trixie`.
        into: an existing folder.

    Raises:
        ProgramMissing: if this machine has no apt, no source of the Debian archive, or cannot read it.
    """
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            message = f"expected Debian's {tool} for fetching {', '.join(wanted)}, found none on PATH."
            raise ProgramMissing(message, next_step="put the programs on PATH, or start a container engine.")
    with scratch("apt") as root:
        _prepare(root, suite)
        update = _apt(root, "apt-get", "-q", "update", timeout_seconds=_UPDATE_TIMEOUT_SECONDS)
        # One entry that lacks the suite fails the update as a whole, so what counts is what can be had.
        known = _available(root, list(wanted))
        if not known:
            message = (
                f"expected the packages {', '.join(wanted)} in Debian {suite}, found none of them: "
                f"{_last_words(update)}"
            )
            raise ProgramMissing(message, next_step="check that apt reaches its mirror: apt-get update.")
        got = _apt(root, "apt-get", "-q", "download", *known, timeout_seconds=_DOWNLOAD_TIMEOUT_SECONDS)
        if got.returncode != 0:
            message = f"apt could not download {', '.join(known)} from Debian {suite}: {_last_words(got)}"
            raise ProgramMissing(message, next_step="check the network and run again.")
        with ThreadPoolExecutor() as pool:  # decompressing takes longer than downloading
            found = pool.map(lambda deb: _unpack(deb, wanted, suite, into), sorted(root.glob("*.deb")))
            return [file for files in found for file in files]


def _prepare(root: Path, suite: str) -> None:
    one_line, deb822 = sources_for(suite, SYSTEM_SOURCES)
    if not one_line and not deb822:
        message = f"expected a source of the Debian archive below {SYSTEM_SOURCES}, found none."
        raise ProgramMissing(message, next_step="install the programs yourself and put them on PATH.")
    for name in ("state/lists/partial", "cache/archives/partial", "log", "sources.list.d", "preferences.d"):
        (root / name).mkdir(parents=True)
    (root / "state/status").touch()
    (root / "apt.conf").write_text(_APT_CONF.format(root=root))
    (root / "preferences").write_text(_PREFERENCES)
    (root / "sources.list").write_text(one_line + "\n")
    (root / "sources.list.d/debian.sources").write_text(deb822 + "\n")


def _apt(root: Path, *words: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
    program, *args = words
    command = [program, "-c", str(root / "apt.conf"), *args]
    environment = {**os.environ, **environment_of(root), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{program} {args[-1]} did not end within {timeout_seconds:.0f} s."
        raise ProgramMissing(message, next_step="check that apt reaches its mirror.") from None


def _available(root: Path, packages: Sequence[str]) -> list[str]:
    policy = _apt(root, "apt-cache", "policy", *packages).stdout
    return re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))", policy, re.MULTILINE)


def _last_words(run: subprocess.CompletedProcess[str]) -> str:
    complaints = [line for line in run.stdout.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return " ".join((complaints or run.stdout.splitlines() or ["no output."])[-3:])


def _unpack(deb: Path, wanted: Mapping[str, Sequence[str]], suite: str, into: Path) -> list[DebianFile]:
    # dpkg-deb takes no folder for temporary files but one that is there.
    environment = {**os.environ, **environment_of(deb.parent)}
    try:
        fields = subprocess.run(
            ["dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(deb)],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        package, version = fields.stdout.split()
        files = []
        with (
            subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, env=environment
            ) as unpacker,
            tarfile.open(fileobj=unpacker.stdout, mode="r|") as archive,
        ):
            for member in archive:
                name = member.name.removeprefix("./")
                source = archive.extractfile(member) if member.isfile() else None
                if source is None or not any(re.fullmatch(pattern, name) for pattern in wanted[package]):
                    continue
                target = into / Path(name).name
                with target.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
                target.chmod(0o755)
                files.append(DebianFile(target, package, version, suite))
    except (subprocess.CalledProcessError, tarfile.TarError, KeyError, ValueError) as error:
        message = f"expected a Debian package in {deb.name}, found one that cannot be unpacked: {error}."
        raise ProgramMissing(message, next_step="run it again; see whether the disk is full.") from None
    return files
