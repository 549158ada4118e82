"""
The entries of this machine's apt for the main Debian archive, with the suite replaced by another.

Mirrors, options and keyrings stay as the machine's owner has set them, without what excuses an archive from being
verified. apt knows two formats: one line an entry (sources.list), and deb822 paragraphs (*.sources).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

_ARCHIVE_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# An entry is the main archive's when its suite is the plain name of a Debian release (not bookworm-security) and the
# archive's keyring signs for it; apt checks the rest.
_RELEASES: Final = frozenset(
    "bullseye bookworm trixie forky duke sid oldoldstable oldstable stable testing unstable".split()
)
_COMPONENT: Final = "main"
_SOURCE_LINE: Final = re.compile(
    r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)"
)
# Trusted, Allow-Insecure, Allow-Weak, Check-Valid-Until, Valid-Until-Min, Date-Max-Future and their kind: an entry
# excuses the archive and suite that it is written for, and here it is for another suite, which has to be Debian's.
_EXCUSES: Final = re.compile(r"(trusted|allow-|check-|valid-until-|date-).*", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z-]+[+-]?=.*")  # apt knows quotes and %74 for a letter as well


def sources_for(suite: str, folder: Path) -> tuple[str, str]:
    """The entries for the Debian archive below apt's folder, suite replaced: (one-line format, deb822 format)."""
    lines = [
        entry
        for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
        for line in _read_lines(path)
        if (entry := _line_for(line, suite))
    ]
    stanzas = [
        stanza
        for path in sorted((folder / "sources.list.d").glob("*.sources"))
        for fields in _stanzas(_read_lines(path))
        if (stanza := _stanza_for(fields, suite))
    ]
    return "\n".join(dict.fromkeys(lines)), "\n\n".join(dict.fromkeys(stanzas))


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _line_for(line: str, suite: str) -> str | None:
    found = _SOURCE_LINE.fullmatch(line.split("#", 1)[0].strip())
    if found is None or found["suite"] not in _RELEASES or _COMPONENT not in found["components"].split():
        return None
    options = [
        option
        for option in (found["options"] or "").split()
        if _PLAIN.fullmatch(option) and not _EXCUSES.match(option)
    ]
    signers = [option.partition("=")[2] for option in options if option.lower().startswith("signed-by=")]
    if not _is_archive_key(signers):
        return None
    if not signers and _ARCHIVE_KEYRING.exists():
        options.append(f"signed-by={_ARCHIVE_KEYRING}")
    shown = f"[{' '.join(options)}] " if options else ""
    return f"deb {shown}{found['uri']} {suite} {_COMPONENT}"


def _stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Deb822 paragraphs with lower-case field names; a continued field keeps its lines."""
    fields: dict[str, str] = {}
    last = ""
    for line in [*lines, ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t" and last:
            fields[last] += "\n" + line
        else:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()


def _stanza_for(fields: dict[str, str], suite: str) -> str | None:
    suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
    enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "without", "disable")
    if not enabled or "deb" not in fields.get("types", "").split() or _COMPONENT not in components:
        return None
    signer = fields.get("signed-by", "")
    if not _RELEASES.intersection(suites) or not _is_archive_key([signer] if signer else []):
        return None
    kept = {name: value for name, value in fields.items() if not _EXCUSES.match(name)}
    changed = {**kept, "types": "deb", "suites": suite, "components": _COMPONENT}
    if not signer and _ARCHIVE_KEYRING.exists():
        changed["signed-by"] = str(_ARCHIVE_KEYRING)
    return "\n".join(f"{name.title()}: {value}" for name, value in changed.items())


def _is_archive_key(signers: Sequence[str]) -> bool:
    """Whether the entry is signed by Debian's archive key, as far as its file name or inline key can tell."""
    return all("debian-archive" in signer or "BEGIN PGP" in signer for signer in signers)
