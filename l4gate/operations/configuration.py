"""
The configuration that a Prometheus reads, as one thing: read whole, named by its content, written whole.

A configuration is prometheus.yml with rules/ and targets/; other files of the folder are left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from l4gate.base import RuleError, StackError, UsageError, open_regular, read_at_most, why, yamldoc
from l4gate.operations.access import PRIVATE, PRIVATE_FOLDER, Access, opened_folder
from l4gate.operations.named_files import is_below, matches, texts
from l4gate.rules import RuleGroup, is_rule_file, rules_in
from l4gate.scraping import without_secrets

CONFIG_FILE: Final = "prometheus.yml"
PARTS: Final = (CONFIG_FILE, "rules", "targets")
_HERE: Final = "."
_READ_ATTEMPTS: Final = 20
_MOST_BYTES: Final = 64 << 20  # a thousand times what the repository has
_MOST_FILES: Final = 10_000
_MOST_VALUES: Final = 1_000_000
_BY_UMASK: Final = 0o666
_BY_UMASK_FOLDER: Final = 0o777


@dataclass(frozen=True)
class Configuration:
    """
    The files of a configuration by their path in the folder, as bytes.

    `access` says who could read them, and the folders that they were in, by the same paths, `.` for all of it.
    """

    files: Mapping[str, bytes]
    access: Mapping[str, Access] = field(default_factory=dict, compare=False, repr=False)

    @property
    def hash(self) -> str:
        """SHA-256 over paths and bytes, each with its length in front, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            for part in (os.fsencode(name), content):
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return digest.hexdigest()

    def config(self) -> Mapping[str, Any]:
        """
        Its prometheus.yml, read.

        Raises:
            RuleError: if that is no configuration, or of no bounded size: aliases can say a thing a million times.
        """
        try:
            text = self.files[CONFIG_FILE].decode()
        except UnicodeDecodeError:
            message = f"{CONFIG_FILE}: expected YAML, found a text that is not UTF-8."
            raise RuleError(message) from None
        found = yamldoc.plain(text, CONFIG_FILE, most_values=_MOST_VALUES)
        if not isinstance(found, dict):
            message = f"{CONFIG_FILE}: expected a mapping, found {type(found).__name__}."
            raise RuleError(message)
        return found

    def rules(self) -> tuple[RuleGroup, ...]:
        """
        The rules in the files that its prometheus.yml names, by their path in the folder; none where it names none.

        Raises:
            RuleError: naming file, line and column; also when a name matches no file.
        """
        patterns = texts(self.config().get("rule_files"))
        if not patterns:
            return ()
        names = {name for name in self.files for pattern in patterns if matches(name, pattern)}
        if not names:
            message = f"{CONFIG_FILE}: expected rule files at {', '.join(patterns)}, which matches no file."
            raise RuleError(message)
        return rules_in(self.files, names=names)

    def without_secrets(self, text: str) -> str:
        """A text that may quote its files, without what is secret in them."""
        return without_secrets(text, *(said for name, said in self.files.items() if not is_rule_file(name)))

    def names_outside(self, live: Path) -> list[str]:
        """
        What its prometheus.yml names that a switch of the folder `live` would not take along, as it is written.

        Raises:
            RuleError: if there is no reading it.
        """
        config = self.config()
        sections = [("rule_files", config), ("scrape_config_files", config)]
        for job in config.get("scrape_configs") or ():
            sources = job.get("file_sd_configs") if isinstance(job, dict) else None
            sections += [("files", source) for source in sources or ()]
        named = [name for key, each in sections if isinstance(each, dict) for name in texts(each.get(key))]
        return [name for name in named if not is_below(name, live, PARTS[1:])]

    def accessible_as(self, other: Configuration) -> dict[str, Access]:
        """
        Who may read it in place of another: each file whoever could read it there, a new one whoever prometheus.yml.

        A new folder is as the one around all of it.
        """
        found = {**other.access}
        for name in self.files:
            if CONFIG_FILE in found:
                found.setdefault(name, found[CONFIG_FILE])
        for name in self._folders():
            if _HERE in found:
                found.setdefault(name, found[_HERE])
        return found

    def write(self, folder: Path, *, access: Mapping[str, Access] | None = None) -> None:
        """
        Writes it into an empty folder and waits for the disk.

        With `access`, each file and folder gets what is said there for its path, and this user's alone is what is not
        named; no file can be read by more people before, and the folder by nobody else until it is complete.
        """
        closed = access is not None
        folder.mkdir(mode=PRIVATE_FOLDER.mode, exist_ok=True)
        inner = self._folders()
        for name in inner:
            (folder / name).mkdir(mode=PRIVATE_FOLDER.mode if closed else _BY_UMASK_FOLDER)
        for name, content in self.files.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            mode = PRIVATE.mode if closed else _BY_UMASK
            with os.fdopen(os.open(folder / name, flags, mode), "wb") as file:
                file.write(content)
                file.flush()
                if access is not None:
                    access.get(name, PRIVATE).give(file.fileno())
                os.fsync(file.fileno())
        for name in (*reversed(inner), _HERE):
            with opened_folder(folder / name) as descriptor:
                if access is not None:
                    access.get(name, PRIVATE_FOLDER).give(descriptor)
                os.fsync(descriptor)

    def _folders(self) -> list[str]:
        """The folders in it, each before those in it."""
        found = {parent.as_posix() for name in self.files for parent in Path(name).parents}
        return sorted(found - {_HERE})


def read_configuration(folder: Path) -> Configuration:
    """
    What a Prometheus that reads this folder sees.

    Links may lead to other places in the folder, as in a mounted ConfigMap, and nowhere else: what is read here is
    copied, to where others may read it.

    Raises:
        UsageError: if there is no prometheus.yml in it, a file cannot be read or is none, or there is too much.
        StackError: if somebody keeps changing it.
    """
    before = _read(folder)
    for _ in range(_READ_ATTEMPTS):
        again = _read(folder)
        if again == before:
            return again
        before = again
    message = f"expected {folder} to stand still while it is read, found it changing {_READ_ATTEMPTS} times."
    raise StackError(message, next_step="see who writes there.")


def sync(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    with opened_folder(folder) as descriptor:
        os.fsync(descriptor)


def _read(folder: Path) -> Configuration:
    files: dict[str, bytes] = {}
    access: dict[str, Access] = {}
    place, left = folder / CONFIG_FILE, _MOST_BYTES
    try:
        root = folder.resolve()
        access[_HERE] = Access.of(root.stat())
        for place in _places(folder, root, access):
            name = place.relative_to(folder).as_posix()
            try:
                with open_regular(place, within=root) as file:
                    access[name] = Access.of(os.fstat(file.fileno()))
                    files[name] = read_at_most(file, left)
            except FileNotFoundError:
                if name == CONFIG_FILE:
                    raise
                continue  # gone meanwhile: the second reading tells
            left -= len(files[name])
            if len(access) > _MOST_FILES:
                raise ValueError(f"more than {_MOST_FILES} files and folders")
    except (OSError, ValueError) as error:
        wanted = f"expected a folder with {CONFIG_FILE}, rules/ and targets/ at {folder}"
        message = f"{wanted}, found at {place}: {why(error)}."
        raise UsageError(message) from None
    return Configuration(files, access)


def _places(folder: Path, root: Path, access: dict[str, Access]) -> Iterator[Path]:
    """Every file of the configuration, by its path in the folder; notes the access of the folders on the way."""
    yield folder / CONFIG_FILE
    waiting = [folder / part for part in PARTS[1:]]
    while waiting:
        if len(access) > _MOST_FILES:
            raise ValueError(f"more than {_MOST_FILES} files and folders")
        at = waiting.pop()
        try:
            with opened_folder(at) as descriptor:
                found = Path(f"/proc/self/fd/{descriptor}").readlink()
                if not found.is_relative_to(root):
                    raise ValueError(f"a link that leads out of {root}: {at.name!r}")
                access[at.relative_to(folder).as_posix()] = Access.of(os.fstat(descriptor))
                names = sorted(os.listdir(descriptor))  # noqa: PTH208 - of what was opened, not of the name
        except FileNotFoundError:
            continue  # there are no rules or targets, or they have gone meanwhile
        for name in names:
            path = at / name
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)
            elif not path.is_dir():
                yield path
