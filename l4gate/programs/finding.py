"""
Where the programs come from: named in settings, on PATH, in the cache, or out of Debian's packages.

The first of these that can be had is taken:

1. the program named by L4_PROMETHEUS, L4_PROMTOOL and their siblings, of any version;
2. the program on PATH, if it is of the wanted generation;
3. the cached program of that generation, fetched from Debian's archive the first time and only then;
4. the nearest generation in the cache, on PATH, or in another Debian suite.

What is of another release than the wanted one says so: `Program.wanted`, and in words `Program.origin`. That includes
a suite that has moved on, as sid does.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from l4gate.base import ProgramMissing, UsageError
from l4gate.programs.cache import CacheNotWritable, cached_generation
from l4gate.programs.package_sets import RULE_TEST_PROGRAMS, VICTORIA_PROGRAMS
from l4gate.programs.program import FILE_NAMES, Program, is_of, version_of
from l4gate.settings import GENERATIONS, chosen, program_variable


def find_program(name: str, generation: str, cache_dir: Path, *, fetch: bool = True) -> Program:
    """
    Finds a program, fetching it into the cache when nothing else has it.

    Args:
        name: one of `settings.PROGRAMS`.
        generation: one of `settings.GENERATIONS`.
        cache_dir: made when it does not exist; several runs may share it at once.
        fetch: whether Debian's archive may be asked.

    Raises:
        ProgramMissing: naming all places that were looked at.
        UsageError: the same if there is no place to keep what is fetched, or one that others can write to.
    """
    named = _named_in_settings(name)
    if named:
        return named
    on_path = _on_path(name)
    if on_path and is_of(on_path, generation):
        return on_path
    why = ""
    try:
        found = _from_debian(name, generation, cache_dir, fetch=fetch)
    except ProgramMissing as error:
        if not fetch:
            raise
        found, why = _nearest(name, generation, cache_dir, on_path, error), error.message
    return _judged(found, generation, why)


def image_contents(
    names: Collection[str], generation: str, cache_dir: Path
) -> tuple[dict[str, Program], dict[str, Path]]:
    """
    What images are built from: Debian's programs of these names, and by file name what they need to run.

    Raises:
        ProgramMissing: if they are neither in the cache nor to be had from Debian.
    """
    programs = {name: _judged(_from_debian(name, generation, cache_dir), generation) for name in names}
    rest: dict[str, Path] = {}
    for several in ((), names):
        folder, manifest = cached_generation(generation, cache_dir, several, fetch=True)
        rest |= {name: folder / name for name in manifest if name not in FILE_NAMES}
    return programs, rest


def victoria_programs(generation: str, cache_dir: Path) -> dict[str, Program]:
    """
    VictoriaMetrics with its vmagent and vmalert, by name, from the Debian suite that has the generation.

    The versions are Debian's: the programs do not say theirs.

    Raises:
        ProgramMissing: if they are neither in the cache nor to be had from Debian.
        UsageError: if somebody else could have put into the cache what is in it.
    """
    return {name: _from_debian(name, generation, cache_dir) for name in VICTORIA_PROGRAMS}


def vmalert_tool(generation: str, cache_dir: Path) -> Program:
    """
    vmalert-tool, which tests rules as vmalert evaluates them, from the Debian suite that has the generation.

    Raises:
        ProgramMissing: if it is neither in the cache nor to be had from Debian, whose bookworm has none.
        UsageError: if somebody else could have put into the cache what is in it.
    """
    (name,) = RULE_TEST_PROGRAMS
    return _from_debian(name, generation, cache_dir)


def is_named(name: str) -> bool:
    """Whether somebody has chosen this program with its variable; then no other will do."""
    return bool(chosen(program_variable(name)))


def _named_in_settings(name: str) -> Program | None:
    variable = program_variable(name)
    named = chosen(variable)
    if not named:
        return None
    found = shutil.which(named)
    version = version_of(Path(found)) if found else None
    if found is None or version is None:
        message = f"{variable} names {named!r}, which is not a {name} that can be run."
        raise ProgramMissing(message, next_step=f"correct or unset {variable}.")
    return Program(name, Path(found), version, f"setting {variable}")


def _on_path(name: str) -> Program | None:
    for file_name in FILE_NAMES[name]:
        found = shutil.which(file_name)
        version = version_of(Path(found)) if found else None
        if found and version:
            return Program(name, Path(found), version, "PATH")
    return None


def _from_debian(name: str, generation: str, cache_dir: Path, *, fetch: bool = True) -> Program:
    folder, manifest = cached_generation(generation, cache_dir, (name,), fetch=fetch)
    if name not in manifest:
        message = f"{name} is not among the programs of generation {generation} in {folder}."
        raise ProgramMissing(message, next_step=f"remove {folder} and run again with a network.")
    entry = manifest[name]
    source = f"Debian {entry['suite']} package {entry['package']} {entry['package_version']}"
    return Program(name, folder / name, entry["version"], source)


def _nearest(
    name: str, generation: str, cache_dir: Path, on_path: Program | None, error: ProgramMissing
) -> Program:
    wanted = GENERATIONS.index(generation)
    others = sorted(
        (each for each in GENERATIONS if each != generation),
        key=lambda each: abs(GENERATIONS.index(each) - wanted),
    )
    for fetch in (False, True):
        for other in others:
            try:
                return _from_debian(name, other, cache_dir, fetch=fetch)
            except ProgramMissing:
                continue
        if on_path:
            return on_path
    message = (
        f"expected {name} of generation {generation}, found none: {program_variable(name)} is not set, no "
        f"{' or '.join(FILE_NAMES[name])} on PATH, none in {cache_dir}, and Debian: {error.message}"
    )
    # A place to keep programs is the caller's to name; whatever else is missing may be had another time.
    kind = UsageError if isinstance(error, CacheNotWritable) else ProgramMissing
    raise kind(message, next_step=error.next_step) from error


def _judged(program: Program, generation: str, why: str = "") -> Program:
    return program if is_of(program, generation) else replace(program, wanted=generation, why=why)
