"""Prometheus' programs: finding, fetching and running them."""

from l4gate.programs.cache import locked_cache
from l4gate.programs.finding import find_program, image_contents, is_named, victoria_programs, vmalert_tool
from l4gate.programs.placing import TEMPLATE_NAMES, TEMPLATES, command_of
from l4gate.programs.program import Program, release_of
from l4gate.programs.promtool import HostPromtool, Promtool, PromtoolResult, host_promtool

__all__ = [
    "TEMPLATES",
    "TEMPLATE_NAMES",
    "HostPromtool",
    "Program",
    "Promtool",
    "PromtoolResult",
    "command_of",
    "find_program",
    "host_promtool",
    "image_contents",
    "is_named",
    "locked_cache",
    "release_of",
    "victoria_programs",
    "vmalert_tool",
]
