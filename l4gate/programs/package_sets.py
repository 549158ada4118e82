"""Which packages are fetched together, and what is taken out of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from l4gate.programs.placing import TEMPLATE_NAMES, TEMPLATES
from l4gate.settings import ADVISORY_PROGRAMS


@dataclass(frozen=True)
class PackageSet:
    """
    Packages that are fetched together, and patterns of what is taken out of each.

    Attributes:
        suffix: of the folder's name, after the generation.
        lacking: what a suite may lack.
        refused_seconds: for how long other runs too take a refusal as an answer; 0 lets each ask again.
    """

    packages: Mapping[str, tuple[str, ...]]
    suffix: str = ""
    lacking: frozenset[str] = frozenset()
    refused_seconds: float = 0.0


# promtool is in the prometheus package up to bookworm, and a package of its own since.
# The C library, its loader and a busybox (for health checks) are for images, which have nothing else in them.
_NEEDED: Final = PackageSet(
    {
        "prometheus": ("usr/bin/prometheus", "usr/bin/promtool"),
        "promtool": ("usr/bin/promtool",),
        "prometheus-pushgateway": ("usr/bin/prometheus-pushgateway",),
        "prometheus-node-exporter": ("usr/bin/prometheus-node-exporter",),
        "libc6": (r".*/ld-linux[^/]*\.so\.\d", r".*/libc\.so\.6"),
        "busybox-static": (r"(usr/)?bin/busybox",),
    },
    lacking=frozenset({"promtool"}),
)
# A machine without a network must not ask again at every start for what it can do without: that may take 20 s.
_ADVISORY: Final = PackageSet(
    {
        "prometheus-alertmanager": (
            "usr/bin/prometheus-alertmanager",
            "usr/bin/amtool",
            *(f"{TEMPLATES.relative_to('/')}/{name}" for name in TEMPLATE_NAMES),
        )
    },
    suffix="-alerting",
    refused_seconds=86_400.0,
)
# A second engine, which only tests and those who want to see the gate on it run.
VICTORIA_PROGRAMS: Final = ("victoria-metrics", "vmagent", "vmalert")
_VICTORIA: Final = PackageSet(
    {"victoria-metrics": tuple(f"usr/bin/{name}" for name in VICTORIA_PROGRAMS)},
    suffix="-victoria",
    refused_seconds=86_400.0,
)
# What tests rules as vmalert evaluates them. A folder of its own: bookworm's package has no such file.
RULE_TEST_PROGRAMS: Final = ("vmalert-tool",)
_RULE_TEST: Final = PackageSet(
    {"victoria-metrics": tuple(f"usr/bin/{name}" for name in RULE_TEST_PROGRAMS)},
    suffix="-vmalert-tool",
    refused_seconds=86_400.0,
)


def set_of(names: Collection[str]) -> PackageSet:
    """The set in which files of all these names are; what every run needs for any others, and for none."""
    for program_names, found in (
        (ADVISORY_PROGRAMS, _ADVISORY),
        (VICTORIA_PROGRAMS, _VICTORIA),
        (RULE_TEST_PROGRAMS, _RULE_TEST),
    ):
        if names and set(names) <= set(program_names):
            return found
    return _NEEDED
