"""
Every setting, written once: pytest options, command-line options and environment variables are made from here.

`OPTIONS` are given on a command line or in the environment, `VARIABLES` in the environment alone. `l4gate doctor` shows
all of them; README.md lists them, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from l4gate.settings import values
from l4gate.settings.realms import chosen_realms, realm

STACKS = ("auto", "containers", "processes", "external")
GENERATIONS = ("2.42", "2.53", "3.5")
ENGINES = (
    "auto",
    "prometheus",
    "victoriametrics",
    "thanos",
    "mimir",
    "cortex",
)  # but for auto, the dialects of prometheus_api
Foreign = Literal["differ", "ignore"]
FOREIGN: tuple[Foreign, ...] = get_args(Foreign)
SANDBOX_FACTOR = 60.0  # a production minute passes in one second; measured stable on 2 cores from 30 to 300
# The gate does nothing in its sandbox but its scenario; `make factor` measures what that bears beside busy neighbours.
GATE_FACTOR = 120.0
EXTERNAL_FACTOR = 1.0  # somebody else's server runs in real time unless told otherwise
PROGRAMS: Final = ("prometheus", "promtool", "pushgateway", "node_exporter", "alertmanager", "amtool")
ADVISORY_PROGRAMS: Final = ("alertmanager", "amtool")  # without them nobody is told; all else goes on
_SERVICES: Final = (
    "prometheus",
    "pushgateway",
    "node-exporter",
    "alertmanager",
)  # those of compose.observation.yml, which are images


@dataclass(frozen=True)
class Option:
    """
    How one setting is spelt: `--l4-<name>` for pytest, `--<name>` for l4gate, L4_<NAME> in the environment.

    Attributes:
        pytest: whether pytest has the option; where it has not, only the verbs that take it do.
        repeatable: what becomes of the texts that are given, where there may be several.
        default: the default in words, where it is more than one value.
    """

    name: str
    help: str
    parse: Callable[[str], Any]
    metavar: str = ""
    repeatable: Callable[[Iterable[str]], Any] | None = None
    flag: bool = False
    pytest: bool = True
    default: str = ""

    @property
    def env(self) -> str:
        """The environment variable."""
        return _variable(self.name)

    @property
    def action(self) -> Literal["store", "store_true", "append"]:
        """What argparse and pytest do with it."""
        return "store_true" if self.flag else "append" if self.repeatable else "store"

    @property
    def dest(self) -> str:
        """The attribute of a parsed command line."""
        return self.name.replace("-", "_")


@dataclass(frozen=True)
class Variable:
    """A setting of the environment alone. `default` says in words what holds when it is not set."""

    env: str
    help: str
    default: str


def _variable(name: str) -> str:
    return "L4_" + name.upper().replace("-", "_")


def program_variable(program: str) -> str:
    """The variable that names one of `PROGRAMS`."""
    return _variable(program)


def required_variable(need: str) -> str:
    """The variable that makes a failure of what the tests would skip: without containers, or without chromium."""
    return _variable(f"require-{need}")


OPTIONS: Final = (
    Option("stack", "where the stack comes from: " + ", ".join(STACKS), values.choice(*STACKS), "KIND"),
    Option("url", "the Prometheus-compatible API to judge (stack external)", values.url, "URL"),
    Option(
        "realm",
        "the metric realm to judge; repeatable; each may be @FILE with one in each line, or a pattern over it (eu-*)",
        realm,
        "NAME",
        repeatable=chosen_realms,
    ),
    Option(
        "factor",
        "time factor of the sandbox: all durations are divided by it",
        values.number(minimum=1, maximum=600),
        "N",
        default=f"{SANDBOX_FACTOR:g}; in the gate {GATE_FACTOR:g}; for external {EXTERNAL_FACTOR:g}",
    ),
    Option(
        "deadline",
        "seconds until what is not proven is HOLD",
        values.number(minimum=0.1, maximum=86400),
        "SECONDS",
    ),
    Option("report-dir", "where the verdict is written", values.folder, "DIR"),
    Option(
        "generation", "program generation: " + ", ".join(GENERATIONS), values.choice(*GENERATIONS), "VERSION"
    ),
    Option(
        "rules-url",
        "where the rules are asked, and the configuration if the URL has none (vmalert, Thanos Ruler)",
        values.url,
        "URL",
    ),
    Option(
        "scrape-url",
        "where the targets and the scrape configuration are asked, if the URL does not scrape (vmagent)",
        values.url,
        "URL",
    ),
    Option(
        "shard-url",
        "a Prometheus that scrapes and evaluates some of the realms and writes to the URL; repeatable",
        values.url,
        "URL",
        repeatable=values.each_once,
        default="none",
    ),
    Option(
        "engine",
        "what the URL speaks: " + ", ".join(ENGINES),
        values.choice(*ENGINES),
        "NAME",
        default="auto: recognised from what the server says",
    ),
    Option(
        "external-label",
        "a label that the engine adds to all that it has, taken off before anything is judged; repeatable",
        values.label,
        "NAME=VALUE",
        repeatable=values.each_once,
        default="none",
    ),
    Option(
        "foreign-rules",
        "rule groups that are not this repository's: differ, or ignore",
        values.choice(*FOREIGN),
        "HOW",
    ),
    Option(
        "config-dir",
        "the folder with contract.yml, prometheus.yml, rules/ and targets/",
        values.config_folder,
        "DIR",
    ),
    Option("bearer-token-file", "file with the bearer token for the URL", values.file, "FILE"),
    Option("basic-auth-file", "file with user:password for the URL", values.file, "FILE"),
    Option(
        "header-file",
        "file with headers for the URL, one `Name: value` a line: a tenant's",
        values.file,
        "FILE",
    ),
    Option("client-cert", "PEM file with the gate's own certificate for an https URL", values.file, "FILE"),
    Option("client-key", "PEM file with its key, if that is another file", values.file, "FILE"),
    Option(
        "cache-dir",
        "where fetched programs are kept, and which config folders were clean",
        values.cache_folder,
        "DIR",
    ),
    Option("keep-stack", "leave the stack up after the run and print its addresses", values.flag, flag=True),
    Option(
        "live-dir",
        "the folder whose prometheus.yml, rules/ and targets/ the server reads",
        values.path,
        "DIR",
        pytest=False,
    ),
    Option(
        "state-dir",
        "where checkpoints and the journal of rollbacks are kept",
        values.path,
        "DIR",
        pytest=False,
    ),
)
PYTEST_OPTIONS: Final = tuple(option for option in OPTIONS if option.pytest)
IMAGE_VARIABLES: Final = tuple(
    Variable(
        _variable(f"{service}-image"), f"the image of {service}", "of the generation, pulled or built here"
    )
    for service in _SERVICES
)
VARIABLES: Final = (
    *(
        Variable(program_variable(program), f"the {program} to run, of any version", "found by l4gate")
        for program in PROGRAMS
    ),
    *IMAGE_VARIABLES,
    *(
        Variable(required_variable(need), f"1 makes a test fail that is skipped without {need}", "0")
        for need in ("containers", "chromium")
    ),
    Variable("L4_UPDATE_SNAPSHOTS", "1 writes the snapshots of the fault catalogue's test anew", "0"),
)
