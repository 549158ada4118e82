"""
Every setting, written once: pytest options, command-line options and environment variables are made from here.

An option given wins over its environment variable, which wins over the default.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from l4gate.base import PROMETHEUS_DIR, UsageError
from l4gate.contract import DEFAULT_REALM

STACKS = ("auto", "containers", "processes", "external")
GENERATIONS = ("2.42", "2.53", "3.5")
Foreign = Literal["differ", "ignore"]
FOREIGN: tuple[Foreign, ...] = get_args(Foreign)
SANDBOX_FACTOR = 60.0  # a production minute passes in one second; measured stable on 2 cores from 30 to 300
# The gate does nothing in its sandbox but its scenario; `make factor` measures what that bears beside busy neighbours.
GATE_FACTOR = 120.0
EXTERNAL_FACTOR = 1.0  # somebody else's server runs in real time unless told otherwise


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            message = f"expected one of {', '.join(allowed)}, found {text!r}."
            raise UsageError(message)
        return text

    return parse


def _number(*, minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            message = f"expected a number from {minimum:g} to {maximum:g}, found {text!r}."
            raise UsageError(message)
        return value

    return parse


_PLAIN = re.compile(r"[!-~]+")  # no spaces, control characters or letters beyond ASCII


def _url(text: str) -> str:
    """Checks a base URL. A password in it is refused, and never repeated in the message."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        message = "expected a URL such as http://127.0.0.1:9090, found one whose host or port cannot be read."
        raise UsageError(message) from None
    if parts.username is not None or parts.password is not None:
        message = (
            "expected a URL without a user name or password, found one with credentials in it (not shown)."
        )
        raise UsageError(
            message, next_step="pass credentials with L4_BASIC_AUTH_FILE or L4_BEARER_TOKEN_FILE."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not _PLAIN.fullmatch(text):
        # Where it cannot be told which part is which, "user:secret@host" may stand in any of them.
        found = "one that is not" if "@" in text or "?" in text else repr(text)
        message = f"expected a URL such as http://127.0.0.1:9090, found {found}."
        raise UsageError(message)
    if parts.query or parts.fragment:
        message = "expected a base URL without a query or fragment, found one that has it (not shown)."
        raise UsageError(message)
    return text.rstrip("/")


def _realm(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}", text):
        message = f"expected a realm of letters, digits and _ . : - (at most 64), found {text!r}."
        raise UsageError(message)
    return text


def _known(question: Callable[[], bool]) -> bool:
    """The answer about a path; a name that is too long, or a folder that may not be entered, is a no."""
    try:
        return question()
    except (OSError, ValueError):
        return False


def _flag(text: str | bool) -> bool:
    if isinstance(text, bool):
        return text
    if text.lower() not in _FLAG:
        message = f"expected 1 or 0, yes or no, found {text!r}."
        raise UsageError(message)
    return _FLAG[text.lower()]


_FLAG = {
    "1": True,
    "yes": True,
    "true": True,
    "on": True,
    "0": False,
    "no": False,
    "false": False,
    "off": False,
}


def _folder(text: str) -> Path:
    path = Path(text)
    if not text or not _known(lambda: path.is_dir() or not path.exists()):
        message = f"expected a folder, found {text!r}."
        raise UsageError(message)
    return path


def _existing_folder(text: str) -> Path:
    path = Path(text)
    if not _known((path / "prometheus.yml").is_file):
        message = f"expected a folder with a prometheus.yml in it, found {text!r}."
        raise UsageError(message)
    return path


def _file(text: str) -> Path:
    path = Path(text)
    if not (_known(path.is_file) and os.access(path, os.R_OK)):
        message = f"expected a readable file, found {text!r}."
        raise UsageError(message)
    return path


@dataclass(frozen=True)
class Option:
    """How one setting is spelt: `--l4-<name>` for pytest, `--<name>` for l4gate, L4_<NAME> in the environment."""

    name: str
    help: str
    parse: Callable[[str], Any]
    metavar: str = ""
    repeatable: bool = False
    flag: bool = False

    @property
    def env(self) -> str:
        """The environment variable."""
        return "L4_" + self.name.upper().replace("-", "_")

    @property
    def action(self) -> Literal["store", "store_true", "append"]:
        """What argparse and pytest do with it."""
        return "store_true" if self.flag else "append" if self.repeatable else "store"

    @property
    def dest(self) -> str:
        """The attribute of a parsed command line."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option("stack", "where the stack comes from: " + ", ".join(STACKS), _choice(*STACKS), "KIND"),
    Option("url", "the Prometheus-compatible API to judge (stack external)", _url, "URL"),
    Option("realm", "the metric realm to judge; repeatable", _realm, "NAME", repeatable=True),
    Option(
        "factor",
        "time factor of the sandbox: all durations are divided by it",
        _number(minimum=1, maximum=600),
        "N",
    ),
    Option(
        "deadline", "seconds until what is not proven is HOLD", _number(minimum=0.1, maximum=86400), "SECONDS"
    ),
    Option("report-dir", "where the verdict is written", _folder, "DIR"),
    Option("generation", "program generation: " + ", ".join(GENERATIONS), _choice(*GENERATIONS), "VERSION"),
    Option(
        "rules-url", "where /api/v1/rules is asked, if not at the URL (vmalert, Thanos Ruler)", _url, "URL"
    ),
    Option(
        "foreign-rules",
        "rule groups that are not this repository's: differ, or ignore",
        _choice(*FOREIGN),
        "HOW",
    ),
    Option(
        "config-dir",
        "the folder with prometheus.yml and rules/ that is the contract",
        _existing_folder,
        "DIR",
    ),
    Option("bearer-token-file", "file with the bearer token for the URL", _file, "FILE"),
    Option("basic-auth-file", "file with user:password for the URL", _file, "FILE"),
    Option("cache-dir", "where fetched programs are kept", _folder, "DIR"),
    Option("keep-stack", "leave the stack up after the run and print its addresses", _flag, flag=True),
)


def default_cache_dir() -> Path:
    """The user's cache folder for l4gate, as the XDG base directory specification has it."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "l4gate" if base else Path.home() / ".cache" / "l4gate"


def repository_config_dir() -> Path:
    """The `prometheus/` folder of the checkout that this package is installed from."""
    return PROMETHEUS_DIR


@dataclass(frozen=True)
class Settings:
    """All settings of one run, checked. Times are seconds."""

    stack: str = "auto"
    url: str | None = None
    realms: tuple[str, ...] = (DEFAULT_REALM,)
    factor: float = SANDBOX_FACTOR
    deadline: float = 60.0
    report_dir: Path = Path("reports")
    generation: str = GENERATIONS[-1]
    rules_url: str | None = None
    foreign_rules: Foreign = "differ"
    config_dir: Path = field(default_factory=repository_config_dir)
    bearer_token_file: Path | None = None
    basic_auth_file: Path | None = None
    cache_dir: Path = field(default_factory=default_cache_dir)
    keep_stack: bool = False


def load_settings(
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    *,
    prefix: str = "--",
    sandbox_factor: float = SANDBOX_FACTOR,
) -> Settings:
    """
    Makes the settings of a run from given options (by `Option.dest`, text or list of text) and the environment.

    `prefix` is what an option's name is spelt with, for messages. `sandbox_factor` is the default for our own stacks.

    Raises:
        UsageError: naming the option or variable, what was expected and what was found.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for option in OPTIONS:
        found: Any = given.get(option.dest)
        origin = f"{prefix}{option.name}"
        if found in (None, [], False):
            text = environ.get(option.env)
            found, origin = (text, option.env) if text else (None, "")
        if found is None:
            continue
        try:
            if option.repeatable:
                parts = found.split(",") if isinstance(found, str) else found
                values[option.dest] = tuple(dict.fromkeys(option.parse(text.strip()) for text in parts))
            else:
                values[option.dest] = option.parse(found)
        except UsageError as error:
            message = f"{origin}: {error.message}"
            raise UsageError(message, next_step=error.next_step) from None
    if "realm" in values:
        values["realms"] = values.pop("realm")
    return _consistent(values, prefix, sandbox_factor)


def _consistent(values: dict[str, Any], prefix: str, sandbox_factor: float) -> Settings:
    """Settles what depends on two settings at once: a URL means external, and external needs a URL."""
    stack, url = values.get("stack"), values.get("url")
    if url and stack in (None, "auto"):
        values["stack"] = "external"
    elif url and stack != "external":
        message = f"a URL was given with {prefix}stack {stack}; a URL goes with external."
        raise UsageError(message, next_step="drop one of the two.")
    elif stack == "external" and not url:
        message = f"{prefix}stack external needs a URL."
        raise UsageError(message, next_step=f"give {prefix}url http://HOST:PORT.")
    values.setdefault("factor", EXTERNAL_FACTOR if values.get("stack") == "external" else sandbox_factor)
    return Settings(**values)
