"""Whether the configuration that a server prints is the one expected, addresses aside, as a unified diff."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from l4gate.base import ApiBadAnswer, RuleError, line_difference, yamldoc
from l4gate.contract import Contract
from l4gate.scraping.foreign import is_harmless
from l4gate.scraping.normal_form import REACHED, lines_of, root_of
from l4gate.scraping.secrets import Veil, hidden, redacted

CONFIGURATION_VALUES: Final = 100_000  # 1,500 jobs as a server prints them; read and compared within 2 s
_PATHS: Final = ("_file", "files")  # how the keys end whose relative paths a server completes


def config_difference(
    expected: Mapping[str, Any],
    loaded_text: str,
    *,
    contract: Contract,
    realms: Collection[str] = (),
    foreign_allowed: bool = False,
    how_reached: bool = True,
    untold: Collection[str] = (),
) -> str:
    """
    What differs between a prometheus.yml and a server's own printout of its configuration; "" if nothing does.

    Compared is what each does, in a normal form with defaults filled in. Addresses are aside: the targets of lists that
    carry the same labels, schemes, and the folder that relative paths were completed with. So are sections that feed
    neither queries nor rules. Secrets are equal to each other, URLs as far as a server
    prints them, and neither is shown.

    Args:
        expected: the parsed prometheus.yml, as it is rendered for this run.
        loaded_text: the YAML that the server prints at /api/v1/status/config.
        contract: whose realm label and names are ours.
        realms: the realms of the run; that of the contract if there are none.
        how_reached: whether proxies, TLS and credentials of a job count; a server that is judged has its own.
        untold: sections, and `global.NAME`, that the server prints in no case: they are compared where it has them.
        foreign_allowed: whether jobs that only the server has are let be if they can bring nothing that is ours.

    Raises:
        ApiBadAnswer: if what the server printed is no configuration.
    """
    try:
        loaded = yamldoc.plain(loaded_text, "the loaded configuration", most_values=CONFIGURATION_VALUES)
    except RuleError as error:
        message = f"expected the YAML of a configuration from the server; {error.message}"
        raise ApiBadAnswer(message) from None
    if not isinstance(loaded, dict):
        message = f"expected the YAML of a configuration from the server, found {type(loaded).__name__}."
        raise ApiBadAnswer(message)
    try:
        return _difference(
            _told(expected, loaded, untold),
            loaded,
            contract=contract,
            realms=realms or (contract.realm.default,),
            foreign_allowed=foreign_allowed,
            unasked=frozenset() if how_reached else REACHED,
        )
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        message = f"expected a configuration as Prometheus prints it, found another shape ({error!r:.120})."
        raise ApiBadAnswer(message) from None


def _difference(
    expected: Mapping[str, Any],
    loaded: Mapping[str, Any],
    *,
    contract: Contract,
    realms: Collection[str],
    foreign_allowed: bool,
    unasked: Collection[str],
) -> str:
    ours = [_without(job, unasked) for job in _jobs(expected)]
    names = {str(job.get("job_name")) for job in ours}
    theirs = [
        _without(job, unasked)
        for job in _jobs(loaded)
        if str(job.get("job_name")) in names or not (foreign_allowed and is_harmless(job, contract, realms))
    ]
    root = root_of(_paths(expected, ours), _paths(loaded, theirs))
    relative, relative_jobs = _relative(loaded, root), [_relative(job, root) for job in theirs]

    def sides(veil: Veil) -> tuple[list[str], list[str]]:
        wanted = lines_of(expected, jobs=ours, veil=veil)
        return list(wanted), list(lines_of(relative, jobs=relative_jobs, veil=veil))

    wanted, found = sides(redacted)
    if wanted == found:
        return ""
    shown_wanted, shown_found = sides(hidden)
    if shown_wanted == shown_found:  # then they have as many lines, and what differs is not to be seen
        other = [
            f"{sign}{line} (what is not shown is another)"
            for line, one, two in zip(shown_wanted, wanted, found, strict=True)
            if one != two
            for sign in "-+"
        ]
        return "\n".join(("--- expected configuration", "+++ loaded configuration", *other))
    return line_difference(shown_wanted, shown_found, "configuration")


def _told(expected: Mapping[str, Any], loaded: Mapping[str, Any], untold: Collection[str]) -> dict[str, Any]:
    """What is expected of a server that leaves these out of what it prints."""
    told = {key: value for key, value in expected.items() if key not in untold or key in loaded}
    if isinstance(told.get("global"), Mapping):
        printed = loaded.get("global") or {}
        told["global"] = {
            key: value
            for key, value in told["global"].items()
            if f"global.{key}" not in untold or key in printed
        }
    return told


def _without(job: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key not in keys}


def _jobs(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for job in _list(config.get("scrape_configs")):
        yield job if isinstance(job, Mapping) else {"job_name": job}


def _paths(config: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield from map(str, _list(config.get("rule_files")))
    for job in jobs:
        for source in _list(job.get("file_sd_configs")):
            if isinstance(source, Mapping):
                yield from map(str, _list(source.get("files")))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _relative(value: Any, root: str, key: str = "") -> Any:
    """What a server prints, with the paths of its own files as they are written below its folder."""
    if isinstance(value, Mapping):
        return {name: _relative(part, root, str(name)) for name, part in value.items()}
    if isinstance(value, list):
        return [_relative(part, root, key) for part in value]
    return value.removeprefix(root) if isinstance(value, str) and key.endswith(_PATHS) else value
